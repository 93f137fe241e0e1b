"""The loop of a study: execute the first phase that is left, until none is left."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamml.config import override
from adamml.journal import Journal
from adamml.records import StudyRecord, read_trial
from adamml.slots.pool import Slots
from adamml.study.options.plan import Plan
from adamml.study.running.errors import StudyError
from adamml.study.running.phase import SLOTS, Phase, Remaining, Session
from adamml.study_reader import StudyReader
from adamml.trials.assignment import ESSENTIAL, Assignment
from adamml.trials.journalled import start_fields

Execute = Callable[["Runner", Phase], None]
"""Function that executes a phase in the driver: a search, or a summary."""


class Runner:
    """Executor of the phases that are left of a study.

    It keeps no state of the study: after each phase it computes what is left from the journals.

    Args:
        plan: of the study.
        session: this run of the job.
        remaining: returns the phases that are left.
        slots: that train; None if no phase needs any.
        executors: Phase.executor -> function, for phases that slots do not run.
        begin: called with each phase before it is executed.
    """

    def __init__(
        self,
        plan: Plan,
        session: Session,
        remaining: Remaining,
        slots: Slots | None,
        *,
        executors: Mapping[str, Execute],
        begin: Callable[[Phase], None],
    ) -> None:
        self.plan, self.session, self.slots = plan, session, slots
        self.journal = Journal(plan.folder / "journal.jsonl")
        self.failed: dict[str, str] = {}
        """Trial id -> traceback, or the reason why it could not be run."""
        self._remaining, self._executors, self._begin = remaining, executors, begin
        self._reader = StudyReader(plan.folder)

    @property
    def record(self) -> StudyRecord:
        """Current state of the study, from its journals."""
        return self._reader.read()

    def left(self) -> list[Phase]:
        """Return the phases that are left, in order."""
        return self._remaining(self.record, self.session)

    def run(self) -> None:
        """Execute the phases that are left, one after another.

        A trial that fails is noted in `failed` and does not stop the others.

        Raises:
            StudyError: an assignment failed that the whole study depends on.
        """
        self._end_finished()
        before: Phase | None = None
        while phases := self.left():
            assert phases[0] != before, f"phase {phases[0].title!r} changes nothing"
            before = phases[0]
            self._begin(before)
            for event, fields in before.events:
                self.journal.append(event, **fields)
            if before.executor != SLOTS:
                self._executors[before.executor](self, before)
                self._settle(before.title)
            elif before.assignments:
                self._on_slots(before)

    def _settle(self, *names: str) -> None:
        self.session = replace(self.session, settled=self.session.settled | {*names})

    def _on_slots(self, phase: Phase) -> None:
        """Run the assignments of a phase, and those that become possible in it meanwhile."""
        assert self.slots is not None, f"phase {phase.title!r} needs slots"
        submitted: dict[str, Assignment] = {}
        decoded: dict[tuple[str, ...], Mapping[str, Any]] = {}

        def submit(assignments: tuple[Assignment, ...]) -> dict[str, dict[str, Any]]:
            new = {a.key: a for a in assignments if a.key not in submitted}
            submitted.update(new)
            return {key: assignment.to_wire() for key, assignment in new.items()}

        def more() -> dict[str, dict[str, Any]]:
            head = next(iter(self.left()), None)
            return submit(head.assignments if head and head.title == phase.title else ())

        def note(key: str, metrics: dict[str, Any]) -> None:
            assignment = submitted[key]
            values = {name: value for name, value in metrics.items() if name != "epoch"}
            match assignment.kind:
                case "prepare":
                    decoded[assignment.splits] = values
                case "test" | "test_videos":
                    self.journal.append("test", id=assignment.id, metrics=values)
                case "references":
                    self.journal.append("references", **json.loads(values["references"]))

        ends = self.slots.run(submit(phase.assignments), on_report=note, then=more)
        self._settle(*submitted)
        for key, end in ends.items():
            if end["status"] == "failed":
                self.note_failure(submitted[key], end["error"])
        _require({key: end for key, end in ends.items() if submitted[key].kind in ESSENTIAL})
        for splits, counts in decoded.items():
            self._note_data(f"prepare {'+'.join(splits)}", counts)

    def _note_data(self, name: str, decoded: Mapping[str, Any]) -> None:
        """Write into the study's journal which files could not be read, and how many are silent."""
        data = self.record.data
        bad = data.get("bad", {}) | json.loads(decoded["bad"])
        counts = data.get("counts", {}) | {name: [decoded["silent"], decoded["videos"]]}
        silent, videos = (sum(c[i] for c in counts.values()) for i in (0, 1))
        fields = {"bad": bad, "silent": silent, "videos": videos, "counts": counts}
        if fields != data:
            self.journal.append("data", **fields)

    def _end_finished(self) -> None:
        """Write the last line of trials whose worker died after their final metrics.

        Such trials are complete, so nothing would run them again. One that died later, while it
        was trained to a further fidelity, gets the line too and still continues.
        """
        for record in self.record.trials:
            if record.status in ("running", "failed") and record.final:
                journal = Journal(self._folder(record.id) / "journal.jsonl")
                journal.append("end", status="completed", error=None)

    def note_failure(self, assignment: Assignment, error: str) -> None:
        """Note a failure, and write it into the trial's journal unless its worker has done so.

        A worker that was killed, or never started, cannot write the end of its journal.

        Args:
            assignment: that failed.
            error: traceback, or the reason.
        """
        if not assignment.fidelity:  # decodings and tests have no journal
            if assignment.kind not in ESSENTIAL:
                self.failed[assignment.key] = error
            return
        self.failed[assignment.id] = error
        record = read_trial(self._folder(assignment.id))
        if record.status == "failed":
            return
        journal = Journal(self._folder(assignment.id) / "journal.jsonl")
        if record.status == "waiting":
            config = override(self.plan.config, assignment.overrides)
            journal.append("start", **start_fields(assignment, config), attempt=0)
        journal.append("end", status="failed", error=error)

    def _folder(self, id: str) -> Path:
        return self.plan.folder / "trials" / id


def _require(ends: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise if any of these assignments failed, on which the whole study depends.

    Raises:
        StudyError: an assignment failed; the message has its key and the cause.
    """
    for key, end in ends.items():
        if end["status"] != "completed":
            cause = (end["error"] or end["status"]).strip().splitlines()[-1]
            raise StudyError(f"{key} {end['status']}: {cause}")
