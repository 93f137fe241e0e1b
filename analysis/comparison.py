"""Comparison of methods: one table and its claims, from stored test results only."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from adamml.methods import METHODS
from adamml.records import read_trial
from adamml.statistics.paired import Estimate, bootstrap, paired_difference
from adamml.study.specs import method_id
from adamml.trials.test_results import load_results, result_metrics, values

OURS = "adamml"
"""Method that the claims are about."""
OVER = ("matched_random", "random", "weighted")
"""Methods that the claims compare it with, besides the best modality alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodResults:
    """Results of a method on the test split, at each of its seeds and on the same videos."""

    method: str
    seeds: list[int]
    values: np.ndarray
    """[seeds, videos]: contribution of each video to the quality (trials.test_results.values)."""
    metrics: dict[str, float]
    """Means over seeds of map, gflops and selection_rate.<modality>."""
    validation_quality: float

    def at(self, seeds: Sequence[int]) -> np.ndarray:
        """Return the values at these seeds, [seeds, videos]."""
        return self.values[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Difference between AdaMML and another method on the same videos at the same seeds."""

    ours: str
    other: str
    difference: Estimate
    """Difference in quality, in percentage points, with its 95% interval."""
    by_seed: dict[int, float]
    """Difference in quality at each seed, in percentage points."""

    @property
    def verdict(self) -> str:
        """Verb between the two methods, by whether the interval lies above, below or around 0."""
        low, high = self.difference.low, self.difference.high
        return "beats" if low > 0 else "is beaten by" if high < 0 else "cannot be told from"


@dataclass(frozen=True, kw_only=True)
class ComparisonResults:
    """Table and claims of a comparison, as far as it was tested."""

    name: str
    quality: str
    """Metric in the column "quality": accuracy or map."""
    table: pd.DataFrame
    """Row per method: method, seeds (their number), quality, low, high and map (percent), gflops,
    savings (percent of weighted fusion's GFLOPs) and selection_rate.<modality> (percent)."""
    claims: list[Claim]
    videos: int
    seeds: tuple[int, ...]


def collect_results(
    folder: Path, methods: Sequence[str], seeds: Sequence[int]
) -> ComparisonResults:
    """Return table and claims of the methods and seeds that were tested so far.

    Args:
        folder: folder of the comparison's study.
        methods: methods in the order of the table's rows.
        seeds: seeds of the comparison.
    """
    tested, quality = _tested(folder, methods, seeds), _quality(folder)
    weighted = next((r.metrics["gflops"] for r in tested if r.method == "weighted"), None)
    return ComparisonResults(
        name=folder.name,
        quality=quality,
        table=_no_gaps(pd.DataFrame([_row(results, weighted) for results in tested])),
        claims=_claims(tested),
        videos=tested[0].values.shape[1] if tested else 0,
        seeds=tuple(seeds),
    )


def _quality(folder: Path) -> str:
    settings = json.loads((folder / "study.json").read_text())
    return str(settings["config"]["data.quality"])


def _tested(folder: Path, methods: Sequence[str], seeds: Sequence[int]) -> list[MethodResults]:
    frames = {
        (method, seed): frame.set_index("id", drop=False)
        for method in methods
        for seed in seeds
        if (frame := load_results(folder / "trials" / method_id(method, seed))) is not None
    }
    if not frames:
        return []
    # Methods are paired by video, so only videos that all of them have count.
    common = sorted(set.intersection(*(set(frame.index) for frame in frames.values())))
    return [
        _one(folder, method, {s: frames[m, s].loc[common] for m, s in frames if m == method})
        for method in methods
        if any(m == method for m, _ in frames)
    ]


def _one(folder: Path, method: str, by_seed: dict[int, pd.DataFrame]) -> MethodResults:
    quality = _quality(folder)
    metrics = pd.DataFrame([result_metrics(f, quality) for f in by_seed.values()]).mean()
    finals = [read_trial(folder / "trials" / method_id(method, seed)).final for seed in by_seed]
    return MethodResults(
        method=method,
        seeds=list(by_seed),
        values=np.stack([values(frame, quality) for frame in by_seed.values()]),
        metrics={str(name): float(value) for name, value in metrics.items()},
        validation_quality=float(np.mean([final["quality"] for final in finals])),
    )


def _row(results: MethodResults, weighted: float | None) -> dict[str, object]:
    quality, gflops = bootstrap(results.values), results.metrics["gflops"]
    rates = {k: 100 * v for k, v in results.metrics.items() if k.startswith("selection_rate.")}
    return {
        "method": results.method,
        "seeds": len(results.seeds),
        "quality": 100 * quality.mean,
        "low": 100 * quality.low,
        "high": 100 * quality.high,
        "map": 100 * results.metrics["map"],
        "gflops": gflops,
        "savings": np.nan if weighted is None else 100 * (1 - gflops / weighted),
        **rates,
    }


def _no_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Fill missing selection rates with 0: a modality alone computes nothing of the others."""
    rates = [c for c in table.columns if c.startswith("selection_rate.")]
    return table.fillna(dict.fromkeys(rates, 0.0))


def _claims(tested: list[MethodResults]) -> list[Claim]:
    by_name = {results.method: results for results in tested}
    alone = [results for results in tested if results.method not in METHODS]
    # The best on validation: choosing it on the test split would favour it.
    best = max(alone, key=lambda results: results.validation_quality, default=None)
    others = [by_name[name] for name in OVER if name in by_name] + ([best] if best else [])
    ours = by_name.get(OURS)
    claims = [_claim(ours, other) for other in others] if ours else []
    return [claim for claim in claims if claim is not None]


def _claim(ours: MethodResults, other: MethodResults) -> Claim | None:
    seeds = [seed for seed in ours.seeds if seed in other.seeds]
    if not seeds:
        return None
    mine, theirs = 100.0 * ours.at(seeds), 100.0 * other.at(seeds)
    by_seed = dict(zip(seeds, (mine - theirs).mean(axis=1).tolist(), strict=True))
    difference = paired_difference(mine, theirs)
    return Claim(ours=ours.method, other=other.method, difference=difference, by_seed=by_seed)
