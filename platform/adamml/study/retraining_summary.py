"""The summary of a retraining: confirm.json for the report, and its numbers as metrics."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamml.files import whole
from adamml.journal import Journal
from adamml.objectives import table
from adamml.records import StudyRecord, read_trial
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
    rows = confirmed(retrained, chosen[0].key, maximise=table.maximise(), compared="quality")
    by_key = {candidate.key: candidate for candidate in chosen}
    content = {
        "fusion": chosen[0].key,
        "rows": [_row(row, by_key[row.key]) for row in rows],
        "attained": attained(rows, maximise=table.maximise()),
    }
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
    finals = {seed: read_trial(_folder(plan, candidate, seed)).final for seed in frames}
    quality = plan.settings.quality
    return Retrained(
        key=candidate.key,
        seeds=list(frames),
        values={
            name: np.stack([_by_video(name, frames[s], finals[s], quality) for s in frames])
            for name in table.OBJECTIVES
        },
    )


def _by_video(
    objective: str, frame: pd.DataFrame, final: Mapping[str, float], quality: str
) -> NDArray[np.float64]:
    """The contribution [N] of each test video to an objective.

    An objective without a column of its own is a property of the network, which is the same on all
    videos: its final value counts for each.
    """
    if objective == "quality":
        return values(frame, quality)
    if objective in frame:
        return frame[objective].to_numpy()
    return np.full(len(frame), final[objective])


def _test_videos(plan: SweepPlan, candidate: Candidate, seed: int) -> pd.DataFrame | None:
    return load_results(_folder(plan, candidate, seed))


def _folder(plan: SweepPlan, candidate: Candidate, seed: int) -> Path:
    return plan.folder / "trials" / specs.retraining_id(candidate.key, seed)


def _row(row: Confirmed, candidate: Candidate) -> dict[str, Any]:
    """A row of confirm.json: objectives stand beside the other fields."""
    fields = asdict(row)
    return {
        **{name: fields[name] for name in ("key", "seeds")},
        **fields.pop("objectives"),
        **{name: fields[name] for name in ("by_seed", "difference", "on_front")},
        **{name: getattr(candidate, name) for name in ("name", "method", "searched")},
    }


def _metrics(rows: Sequence[Confirmed]) -> dict[str, float]:
    """Metrics confirm.<candidate>.<value> for MLflow."""
    metrics: dict[str, float] = {}
    for row in rows:
        name = f"confirm.{row.key}"
        metrics |= {f"{name}.{k}": estimate.mean for k, estimate in row.objectives.items()}
        quality = row.objectives["quality"]
        metrics |= {f"{name}.quality_low": quality.low, f"{name}.on_front": row.on_front}
        metrics |= {f"{name}.quality_high": quality.high}
        if row.difference is not None:
            metrics |= {f"{name}.difference": row.difference.mean}
            metrics |= {f"{name}.difference_low": row.difference.low}
            metrics |= {f"{name}.difference_high": row.difference.high}
    return metrics
