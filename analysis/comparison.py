"""A comparison of methods as one table and its claims, from stored test results only."""

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
OVER = ("matched_random", "random", "weighted")
"""What AdaMML is claimed to beat, besides the best modality alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """A method on the test split at the seeds at which it was tested, on the same videos."""

    method: str
    seeds: list[int]
    values: np.ndarray
    """[seeds, videos]: what each contributes to the quality (training/quality.video_values)."""
    metrics: dict[str, float]
    """Means over seeds: map, gflops, selection_rate.<modality>."""
    validation_quality: float

    def at(self, seeds: Sequence[int]) -> np.ndarray:
        return self.values[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, kw_only=True)
class Claim:
    ours: str
    other: str
    difference: Estimate
    """Of quality, in percentage points."""
    by_seed: dict[int, float]
    """The same difference at each seed."""

    @property
    def verdict(self) -> str:
        low, high = self.difference.low, self.difference.high
        return "beats" if low > 0 else "is beaten by" if high < 0 else "cannot be told from"


@dataclass(frozen=True, kw_only=True)
class Results:
    name: str
    quality: str
    """accuracy or map."""
    table: pd.DataFrame
    """A row per method: method, seeds, quality, low, high, map (all in percent), gflops,
    savings (percent of weighted fusion's GFLOPs), selection_rate.<modality> (percent)."""
    claims: list[Claim]
    videos: int
    seeds: tuple[int, ...]


def results(folder: Path, methods: Sequence[str], seeds: Sequence[int]) -> Results:
    """The table and the claims, of the methods and seeds that were tested so far.

    Args:
        folder: the study's.
    """
    found, quality = _tested(folder, methods, seeds), _quality(folder)
    weighted = next((t.metrics["gflops"] for t in found if t.method == "weighted"), None)
    return Results(
        name=folder.name,
        quality=quality,
        table=_no_gaps(pd.DataFrame([_row(tested, weighted) for tested in found])),
        claims=_claims(found),
        videos=found[0].values.shape[1] if found else 0,
        seeds=tuple(seeds),
    )


def _quality(folder: Path) -> str:
    settings = json.loads((folder / "study.json").read_text())
    return str(settings["config"]["data.quality"])


def _tested(folder: Path, methods: Sequence[str], seeds: Sequence[int]) -> list[Tested]:
    frames = {
        (method, seed): frame.set_index("id", drop=False)
        for method in methods
        for seed in seeds
        if (frame := load_results(folder / "trials" / method_id(method, seed))) is not None
    }
    if not frames:
        return []
    common = sorted(set.intersection(*(set(frame.index) for frame in frames.values())))
    return [
        _one(folder, method, {s: frames[m, s].loc[common] for m, s in frames if m == method})
        for method in methods
        if any(m == method for m, _ in frames)
    ]


def _one(folder: Path, method: str, by_seed: dict[int, pd.DataFrame]) -> Tested:
    quality = _quality(folder)
    metrics = pd.DataFrame([result_metrics(f, quality) for f in by_seed.values()]).mean()
    finals = [read_trial(folder / "trials" / method_id(method, seed)).final for seed in by_seed]
    return Tested(
        method=method,
        seeds=list(by_seed),
        values=np.stack([values(frame, quality) for frame in by_seed.values()]),
        metrics={str(name): float(value) for name, value in metrics.items()},
        validation_quality=float(np.mean([final["quality"] for final in finals])),
    )


def _row(tested: Tested, weighted: float | None) -> dict[str, object]:
    quality, gflops = bootstrap(tested.values), tested.metrics["gflops"]
    rates = {k: 100 * v for k, v in tested.metrics.items() if k.startswith("selection_rate.")}
    return {
        "method": tested.method,
        "seeds": len(tested.seeds),
        "quality": 100 * quality.mean,
        "low": 100 * quality.low,
        "high": 100 * quality.high,
        "map": 100 * tested.metrics["map"],
        "gflops": gflops,
        "savings": np.nan if weighted is None else 100 * (1 - gflops / weighted),
        **rates,
    }


def _no_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """A modality alone computes nothing of the others."""
    rates = [c for c in table.columns if c.startswith("selection_rate.")]
    return table.fillna(dict.fromkeys(rates, 0.0))


def _claims(found: list[Tested]) -> list[Claim]:
    by_name = {tested.method: tested for tested in found}
    alone = [tested for tested in found if tested.method not in METHODS]
    best = max(alone, key=lambda tested: tested.validation_quality, default=None)
    others = [by_name[name] for name in OVER if name in by_name] + ([best] if best else [])
    ours = by_name.get(OURS)
    claims = [_claim(ours, other) for other in others] if ours else []
    return [claim for claim in claims if claim is not None]


def _claim(ours: Tested, other: Tested) -> Claim | None:
    seeds = [seed for seed in ours.seeds if seed in other.seeds]
    if not seeds:
        return None
    mine, theirs = 100.0 * ours.at(seeds), 100.0 * other.at(seeds)
    by_seed = dict(zip(seeds, (mine - theirs).mean(axis=1).tolist(), strict=True))
    difference = paired_difference(mine, theirs)
    return Claim(ours=ours.method, other=other.method, difference=difference, by_seed=by_seed)
