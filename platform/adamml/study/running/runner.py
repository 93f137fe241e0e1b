"""Assignments through slots: what is complete is left alone, what fails is written down."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adamml.config import Config, flatten, override
from adamml.journal import Journal
from adamml.records import StudyRecord, TrialRecord, read_study, read_trial
from adamml.study.running.rehearsal import StudyError, TrialSlots
from adamml.study.specs import Spec


class Runner:
    """Runs a study's specs; its state is the study's journals.

    Args:
        folder: the study's.
        config: what its trials start from.
    """

    def __init__(self, folder: Path, config: Config, slots: TrialSlots) -> None:
        self.folder, self.config, self.slots = folder, config, slots
        self.failed: dict[str, str] = {}
        """Trial id -> traceback."""

    @property
    def record(self) -> StudyRecord:
        return read_study(self.folder)

    @property
    def records(self) -> list[TrialRecord]:
        return self.record.trials

    def run(self, specs: Sequence[Spec], fidelity: str) -> dict[str, dict[str, Any]]:
        """Run those that are not complete at this fidelity.

        Failures are remembered, and do not stop the others.

        Returns:
            "<id> <fidelity>" -> terminal record, of those that were run.
        """
        known = {r.id: r for r in self.records}
        todo = {
            f"{spec['id']} {fidelity}": dict(spec)
            for spec in specs
            if not complete(known.get(spec["id"]), fidelity)
        }
        ends = self.slots.run(todo)
        for name, end in ends.items():
            if end["status"] == "failed" and todo[name]["kind"] != "prepare":
                self.note_failure(todo[name], end["error"])
        return ends

    def end_finished(self) -> None:
        """End what has its final metrics and died before its last line, or was taken for failed:
        nothing would run it again.

        Who died later, while trained further, is ended too, and goes on if it is asked to.
        """
        for record in self.records:
            if record.status in ("running", "failed") and record.final:
                journal = Journal(self.folder / "trials" / record.id / "journal.jsonl")
                journal.append("end", status="completed", error=None)

    def note_failure(self, spec: Spec, error: str) -> None:
        """Workers that were killed, or never came, could not write the end of their journal."""
        self.failed[spec["id"]] = error
        record = read_trial(self.folder / "trials" / spec["id"])
        if record.status == "failed":
            return
        journal = Journal(self.folder / "trials" / spec["id"] / "journal.jsonl")
        if record.status == "waiting":
            fields = ("id", "kind", "method", "name", "overrides")
            params = flatten(override(self.config, spec["overrides"]))
            journal.append("start", **{k: spec[k] for k in fields}, params=params, attempt=0)
        journal.append("end", status="failed", error=error)


def complete(record: TrialRecord | None, fidelity: str) -> bool:
    if record is None or record.status not in ("completed", "stopped"):
        return False
    return record.status == "stopped" or record.fidelity in (fidelity, "joint")


def require(ends: Mapping[str, Mapping[str, Any]]) -> None:
    """Of what the study cannot do without.

    Raises:
        StudyError: one of them did not complete; names it and its cause.
    """
    for name, end in ends.items():
        if end["status"] != "completed":
            cause = (end["error"] or end["status"]).strip().splitlines()[-1]
            raise StudyError(f"{name} {end['status']}: {cause}")


def prepare_spec(id: str, base: Mapping[str, Any], *splits: str) -> Spec:
    return {"kind": "prepare", "id": id, "splits": list(splits), "overrides": dict(base)}


def prepare(runner: Runner, num_slots: int, base: Mapping[str, Any], *splits: str) -> None:
    """Decode these splits on every slot's node; slots of one node share the work.

    Without slots nothing is read, and nothing written down.

    Raises:
        StudyError: too many unreadable videos.
    """
    name = f"prepare {'+'.join(splits)}"
    found: dict[str, Any] = {}
    names = [f"{name} {n}" for n in range(num_slots)]
    specs = {each: prepare_spec(each, base, *splits) for each in names}
    ends = runner.slots.run(specs, on_report=lambda _, metrics: found.update(metrics))
    require(ends)
    if not ends:
        return
    known = runner.record.data
    bad = known.get("bad", {}) | json.loads(found["bad"])
    counts = known.get("counts", {}) | {name: [found["silent"], found["videos"]]}
    silent, videos = (sum(c[i] for c in counts.values()) for i in (0, 1))
    journal = Journal(runner.folder / "journal.jsonl")
    journal.append("data", bad=bad, silent=silent, videos=videos, counts=counts)
