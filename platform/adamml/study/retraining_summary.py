"""The summary of a retraining: confirm.json for the report, and its numbers as metrics."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from adamml.files import whole
from adamml.journal import Journal
from adamml.records import StudyRecord
from adamml.statistics.retrained_fronts import Confirmed, Retrained, attained, confirmed
from adamml.study import specs
from adamml.study.candidates import Candidate, candidates
from adamml.study.options.plan import SweepPlan
from adamml.study.retraining import SUMMARISED, first_fresh_seed
from adamml.trials.test_results import load_results, values

FILE_NAME = "confirm.json"


def summarise_retraining(plan: SweepPlan, study: StudyRecord, seeds: int, journal: Journal) -> None:
    """Write confirm.json into the study's folder, and its numbers into the study's journal.

    Args:
        plan: of the sweep.
        study: its records.
        seeds: how many fresh seeds to cover.
        journal: of the study.
    """
    chosen = candidates(study.trials, plan.config, plan.base, whole_front=plan.confirm.whole_front)
    retrained = [r for c in chosen if (r := _retrained(plan, c, seeds)) is not None]
    if not retrained:
        return
    rows = confirmed(retrained, chosen[0].key)
    by_key = {candidate.key: candidate for candidate in chosen}
    table = [
        asdict(row) | {k: getattr(by_key[row.key], k) for k in ("name", "method", "searched")}
        for row in rows
    ]
    content = {"fusion": chosen[0].key, "rows": table, "attained": attained(rows)}
    with whole(plan.folder / FILE_NAME) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")
    journal.append("artifact", path=FILE_NAME)
    # Last: with this line the summary counts as written.
    journal.append("metrics", metrics=_metrics(rows) | {SUMMARISED: seeds})


def _retrained(plan: SweepPlan, candidate: Candidate, seeds: int) -> Retrained | None:
    """The candidate at the seeds at which it was tested, videos in the order of their ids."""
    first = first_fresh_seed(plan)
    frames = {
        seed: frame.sort_values("id")
        for seed in range(first, first + seeds)
        if (frame := _test_videos(plan, candidate, seed)) is not None
    }
    if not frames:
        return None
    quality = plan.settings.quality
    return Retrained(
        key=candidate.key,
        seeds=list(frames),
        values=np.stack([values(frame, quality) for frame in frames.values()]),
        gflops=np.stack([frame["gflops"].to_numpy() for frame in frames.values()]),
    )


def _test_videos(plan: SweepPlan, candidate: Candidate, seed: int) -> pd.DataFrame | None:
    return load_results(plan.folder / "trials" / specs.retraining_id(candidate.key, seed))


def _metrics(rows: Sequence[Confirmed]) -> dict[str, float]:
    """Metrics confirm.<candidate>.<value> for MLflow."""
    metrics: dict[str, float] = {}
    for row in rows:
        name = f"confirm.{row.key}"
        metrics |= {f"{name}.quality": row.quality.mean, f"{name}.gflops": row.gflops.mean}
        metrics |= {f"{name}.quality_low": row.quality.low, f"{name}.on_front": row.on_front}
        metrics |= {f"{name}.quality_high": row.quality.high}
        if row.difference is not None:
            metrics |= {f"{name}.difference": row.difference.mean}
            metrics |= {f"{name}.difference_low": row.difference.low}
            metrics |= {f"{name}.difference_high": row.difference.high}
    return metrics
