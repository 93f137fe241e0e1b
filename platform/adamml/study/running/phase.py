"""Phases: the parts of a study that are left, computed from its plan and its records."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adamml.records import StudyRecord, TrialRecord
from adamml.trials.assignment import Assignment

SLOTS, SEARCH, SUMMARY = "slots", "search", "summary"
"""Executors of a phase: slots run its assignments, Tune and Optuna choose them, or the driver
summarises results."""
DECODING = "decoding videos"
"""Title of the phases that fill the nodes' caches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A part of a study that is left, with the assignments that can run now."""

    title: str
    """Words for the display, e.g. "training unimodal networks"."""
    executor: str = SLOTS
    """Part of the program that executes the phase: SLOTS, SEARCH or SUMMARY."""
    assignments: tuple[Assignment, ...] = ()
    """Assignments that can run now, in the order in which slots take them."""
    undecided: tuple[Assignment, ...] = ()
    """Stand-ins for assignments that depend on results still to come. Their number, kind and
    fidelity are estimates for the display; their ids and overrides may be wrong."""
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Events (name, fields) that the study's journal lacks; they are written before the assignments
    start."""
    seeds: int = 0
    """Number of fresh seeds that a summary covers."""

    @property
    def empty(self) -> bool:
        """True if nothing of it is left."""
        return not (self.assignments or self.undecided or self.events) and self.executor != SUMMARY

    @property
    def needs_slots(self) -> bool:
        """True if work for slots is left in it, now or after a search."""
        return bool(self.assignments or self.undecided) or self.executor == SEARCH

    @property
    def only_decodes(self) -> bool:
        """True if it fills caches and does nothing else."""
        kinds = {a.kind for a in (*self.assignments, *self.undecided)}
        return kinds == {"prepare"} and not self.events


@dataclass(frozen=True, kw_only=True)
class Session:
    """State of one run of a job over a study, besides the journals.

    A study has one session per run of its job; the journals are what sessions have in common.
    """

    data: str
    """Fingerprint of the manifest."""
    relevance_known: bool
    """True if the manifest says in which parts of a video the evidence is."""
    num_slots: int = 1
    """Trials at the same time."""
    settled: frozenset[str] = frozenset()
    """Keys of assignments, and titles of phases, that have succeeded or failed in this session.
    They are not tried a second time in it."""


Remaining = Callable[[StudyRecord, Session], list[Phase]]
"""Function (records, session) -> phases that are left, in order; empty for a complete study."""


def is_complete(record: TrialRecord | None, fidelity: str) -> bool:
    """Return whether a trial needs no more training to reach this fidelity.

    Args:
        record: of the trial; None before it began.
        fidelity: unimodal, policy or joint.
    """
    if record is None:
        return False
    # Final metrics decide, not the status: a worker may die between them and its last line. A trial
    # that a scheduler stopped is complete at every fidelity.
    return record.status == "stopped" or (
        bool(record.final) and record.fidelity in (fidelity, "joint")
    )


def unfinished(
    assignments: Iterable[Assignment], records: Mapping[str, TrialRecord], session: Session
) -> tuple[Assignment, ...]:
    """Return the assignments that are neither complete nor settled in this session.

    Args:
        assignments: that train networks or trials.
        records: id -> record of the study's trials.
        session: this run of the job.
    """
    return tuple(
        each
        for each in assignments
        if each.key not in session.settled and not is_complete(records.get(each.id), each.fidelity)
    )


def with_decoding(
    phases: Iterable[Phase], decodings: Mapping[str, Iterable[Assignment]], session: Session
) -> list[Phase]:
    """Return the phases that are left, with phases that decode the videos they read before them.

    Args:
        phases: in order; empty ones are dropped.
        decodings: "train" -> the assignments that decode the videos of training, "test" -> those
            that decode the videos of tests.
        session: this run of the job; videos that it has decoded are not decoded again.
    """
    left = [phase for phase in phases if not phase.empty]
    if all(phase.only_decodes for phase in left):
        return []
    order: list[Phase] = []
    wanted = {name: list(assignments) for name, assignments in decodings.items()}
    for phase in left:
        kinds = {a.kind for a in (*phase.assignments, *phase.undecided)}
        needed = ["train"] if kinds or phase.executor == SEARCH else []
        needed += ["test"] if kinds & {"test", "test_videos"} else []
        for name in needed:
            ahead = tuple(a for a in wanted.pop(name, ()) if a.key not in session.settled)
            order += [Phase(title=DECODING, assignments=ahead)] if ahead else []
        order.append(phase)
    return order
