"""Summary of a retraining: confirm.json for the report, and metrics of the study."""

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
from adamml.statistics.retrained_fronts import FrontRow, Retrained, attainment_surfaces, front_rows
from adamml.study import specs
from adamml.study.candidates import Candidate, candidates
from adamml.study.options.plan import SweepPlan
from adamml.study.retraining import SUMMARISED, first_fresh_seed
from adamml.trials.test_results import load_results, values

FILE_NAME = "confirm.json"
"""Name of the summary's file in the study's folder."""


def summarise_retraining(plan: SweepPlan, study: StudyRecord, seeds: int, journal: Journal) -> None:
    """Write confirm.json into the study's folder, and its numbers into the study's journal.

    Args:
        plan: of the sweep.
        study: its records.
        seeds: number of fresh seeds to cover.
        journal: of the study.
    """
    chosen = candidates(study.trials, plan.config, plan.base, whole_front=plan.confirm.whole_front)
    retrained = [r for c in chosen if (r := _retrained(plan, c, seeds)) is not None]
    if not retrained:
        return
    rows = front_rows(retrained, chosen[0].key, maximise=table.maximise(), compared="quality")
    by_key = {candidate.key: candidate for candidate in chosen}
    content = {
        "fusion": chosen[0].key,
        "rows": [_row(row, by_key[row.key]) for row in rows],
        "attained": attainment_surfaces(rows, maximise=table.maximise()),
    }
    with whole(plan.folder / FILE_NAME) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")
    journal.append("artifact", path=FILE_NAME)
    # Last, because this line says that the summary is written.
    journal.append("metrics", metrics=_metrics(rows) | {SUMMARISED: seeds})


def _retrained(plan: SweepPlan, candidate: Candidate, seeds: int) -> Retrained | None:
    """Return a candidate's results at all seeds at which it was tested; None if at none."""
    first = first_fresh_seed(plan)
    frames = {
        seed: frame.sort_values("id")  # one order of videos for all candidates and seeds
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
    """Return the contribution [N] of each test video to an objective.

    An objective without a column in the results is a property of the network. Its final value
    counts for every video.
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


def _row(row: FrontRow, candidate: Candidate) -> dict[str, Any]:
    """Return a row of confirm.json, with the objectives as fields beside the others."""
    fields = asdict(row)
    return {
        **{name: fields[name] for name in ("key", "seeds")},
        **fields.pop("objectives"),
        **{name: fields[name] for name in ("by_seed", "difference", "on_front")},
        **{name: getattr(candidate, name) for name in ("name", "method", "searched")},
    }


def _metrics(rows: Sequence[FrontRow]) -> dict[str, float]:
    """Return the metrics confirm.<key of the candidate>.<value> of the study."""
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
