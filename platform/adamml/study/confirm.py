"""Retrain what a search found with fresh seeds, test each once, and say what is left of it.

Every seed has its own unimodal networks, shared by all configurations at that seed; all are trained
through all stages, so with equal recognition epochs. An operating point belongs to one trained
policy: the retrained one has its own, chosen on validation by the rule of the search.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamml.config import override
from adamml.data.manifest import Manifest
from adamml.files import whole
from adamml.journal import Journal
from adamml.objectives import table
from adamml.records import TrialRecord, read_trial
from adamml.statistics.retrained_fronts import Confirmed, Retrained, attained, confirmed
from adamml.study.candidates import Candidate, candidates
from adamml.study.methods import unimodal_specs_at
from adamml.study.options.plan import Plan
from adamml.study.running.runner import Runner, complete, require
from adamml.study.selection import BUDGET, best_within, strongest_fusion
from adamml.study.specs import Spec
from adamml.trials.test_results import load_results, values

FRESH = 1001
"""The first fresh seed is the study's plus this."""
FILE_NAME = "confirm.json"


class Confirm:
    """All candidates at all fresh seeds, over slots that are already warm."""

    def __init__(self, plan: Plan, runner: Runner, say: Callable[[str], None]) -> None:
        self.plan, self.runner, self.say = plan, runner, say
        self.journal = Journal(plan.folder / "journal.jsonl")

    @property
    def _first(self) -> int:
        return self.plan.config.seed + FRESH

    def run(self, manifest: Manifest) -> None:
        """The plan's fresh seeds; then one more at a time for those that are contested.

        Raises:
            StudyError: a unimodal network failed.
        """
        plan, records = self.plan, self.runner.records
        fusion = strongest_fusion(records)
        known = candidates(records, plan.config, plan.base, whole_front=plan.confirm.whole_front)
        if fusion is None or not known:
            return
        limit = BUDGET * fusion.final["gflops"]
        first = self._first
        self._retrain(known, range(first, first + plan.confirm.seeds), manifest, limit)
        rows = self._results(known)
        for seed in range(first + plan.confirm.seeds, first + plan.confirm.until):
            contested = {row.key for row in rows if row.contested}
            if not contested:
                break
            again = [c for c in known if c.key in contested or c is known[0]]
            self._retrain(again, [seed], manifest, limit)
            rows = self._results(known)
        self._keep(known, rows)

    def _retrain(
        self, wanted: Sequence[Candidate], seeds: Sequence[int], manifest: Manifest, limit: float
    ) -> None:
        announced = self.runner.record.retrainings if seeds[0] > self._first else 0
        self.journal.append("confirm", retrainings=announced + len(seeds) * len(wanted))
        self.say(f"confirming with seeds {', '.join(map(str, seeds))}")
        specs: dict[str, Spec] = {}

        def ready() -> dict[str, Spec]:
            found = self._ready(wanted, seeds, manifest.fingerprint, limit)
            new = {name: spec for name, spec in found.items() if name not in specs}
            specs.update(new)
            return new

        def note(name: str, metrics: dict[str, Any]) -> None:
            if specs[name]["kind"] == "test_videos":
                values = {k: v for k, v in metrics.items() if k != "epoch"}
                self.journal.append("test", id=specs[name]["id"], metrics=values)

        ends = self.runner.slots.run(ready(), on_report=note, then=ready)
        for name, end in ends.items():
            if end["status"] == "failed":
                self._note_failure(name, specs[name], end["error"])
        require({n: e for n, e in ends.items() if specs[n]["kind"] == "confirm_unimodal"})

    def _note_failure(self, name: str, spec: Spec, error: str) -> None:
        if spec["kind"] == "test_videos":
            self.runner.failed[name] = error
        else:
            self.runner.note_failure(spec, error)

    def _ready(
        self, wanted: Sequence[Candidate], seeds: Sequence[int], data: str, limit: float
    ) -> dict[str, Spec]:
        """What can be run now: a seed's networks, then what begins with them, then its tests. No
        seed waits for another."""
        records = {r.id: r for r in self.runner.records}
        dearest_first = sorted(wanted, key=lambda candidate: candidate.method == "always_on")
        found: dict[str, Spec] = {}
        for seed in seeds:
            networks = {s["id"]: s for c in wanted for s in self._unimodals(c, seed, data)}
            missing = {
                f"{id} unimodal": spec
                for id, spec in networks.items()
                if not complete(records.get(id), "unimodal")
            }
            found |= missing
            for candidate in () if missing else dearest_first:
                record = records.get(candidate.id(seed))
                if record is None or not complete(record, "joint"):
                    found[f"{candidate.id(seed)} joint"] = candidate.spec(seed)
                elif not self._tested(record):
                    found[f"test {record.id}"] = _test_spec(candidate, record, limit)
        return found

    def _unimodals(self, candidate: Candidate, seed: int, data: str) -> list[Spec]:
        """Those that it starts from: of the plan, but for the backbones that were searched."""
        searched = {k: v for k, v in candidate.overrides.items() if k.startswith("recognition.")}
        config = override(self.plan.config, searched)
        specs = unimodal_specs_at(seed, config, {**self.plan.base, **searched}, data)
        return [spec | {"kind": "confirm_unimodal"} for spec in specs]

    def _tested(self, record: TrialRecord) -> bool:
        return bool(record.test) and load_results(self._folder(record.id)) is not None

    def _folder(self, id: str) -> Path:
        return self.plan.folder / "trials" / id

    def _results(self, known: Sequence[Candidate]) -> list[Confirmed]:
        found = [r for c in known if (r := self._retrained(c)) is not None]
        if not found:
            return []
        return confirmed(found, known[0].key, maximise=table.maximise(), compared="quality")

    def _retrained(self, candidate: Candidate) -> Retrained | None:
        """The candidate at the seeds at which it was tested, videos in the order of their ids."""
        first = self._first
        last = first + max(self.plan.confirm.seeds, self.plan.confirm.until)
        frames = {
            seed: frame.sort_values("id")
            for seed in range(first, last)
            if (frame := load_results(self._folder(candidate.id(seed)))) is not None
        }
        if not frames:
            return None
        records = {seed: read_trial(self._folder(candidate.id(seed))) for seed in frames}
        return Retrained(
            key=candidate.key,
            seeds=list(frames),
            values={
                name: np.stack(
                    [self._by_video(name, frames[seed], records[seed]) for seed in frames]
                )
                for name in table.OBJECTIVES
            },
        )

    def _by_video(
        self, objective: str, frame: pd.DataFrame, record: TrialRecord
    ) -> NDArray[np.float64]:
        """Return the contribution [N] of each test video to an objective.

        An objective without a column of its own is a property of the network, which is the same on
        all videos: its final value counts for each.
        """
        if objective == "quality":
            return values(frame, self.plan.settings.quality)
        if objective in frame:
            return frame[objective].to_numpy()
        return np.full(len(frame), record.final[objective])

    def _keep(self, known: Sequence[Candidate], rows: Sequence[Confirmed]) -> None:
        """confirm.json, and its numbers as metrics of the study."""
        by_key = {c.key: c for c in known}
        content = {
            "fusion": known[0].key,
            "rows": [_row(row, by_key[row.key]) for row in rows],
            "attained": attained(rows, maximise=table.maximise()),
        }
        path = self.plan.folder / FILE_NAME
        with whole(path) as part:
            part.write_text(json.dumps(content, indent=1) + "\n")
        self.journal.append("metrics", metrics=_metrics(rows))
        self.journal.append("artifact", path=FILE_NAME)


def _row(row: Confirmed, candidate: Candidate) -> dict[str, Any]:
    """Return a row of confirm.json: objectives stand beside the other fields."""
    fields = asdict(row)
    return {
        **{name: fields[name] for name in ("key", "seeds")},
        **fields.pop("objectives"),
        **{name: fields[name] for name in ("by_seed", "difference", "on_front")},
        **{name: getattr(candidate, name) for name in ("name", "method", "searched")},
    }


def _test_spec(candidate: Candidate, record: TrialRecord, limit: float) -> Spec:
    point = best_within([record], limit) if candidate.within_budget else None
    bias = point.bias if point else {}
    overrides = record.overrides
    return {"kind": "test_videos", "id": record.id, "overrides": overrides, "decision_bias": bias}


def _metrics(rows: Sequence[Confirmed]) -> dict[str, float]:
    """confirm.<key>.<what> for MLflow."""
    found: dict[str, float] = {}
    for row in rows:
        name = f"confirm.{row.key}"
        found |= {f"{name}.{k}": estimate.mean for k, estimate in row.objectives.items()}
        quality = row.objectives["quality"]
        found |= {f"{name}.quality_low": quality.low, f"{name}.on_front": row.on_front}
        found |= {f"{name}.quality_high": quality.high}
        if row.difference is not None:
            found |= {f"{name}.difference": row.difference.mean}
            found |= {f"{name}.difference_low": row.difference.low}
            found |= {f"{name}.difference_high": row.difference.high}
    return found
