"""The parts of a study that are left: a pure function of plan and records finds them, in order."""

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
    """A part of a study that is left, with all that can run now."""

    title: str
    """Words for the display, e.g. "training unimodal networks"."""
    by: str = SLOTS
    """Executor: SLOTS, SEARCH or SUMMARY."""
    assignments: tuple[Assignment, ...] = ()
    """Assignments that can run now, in the order in which slots take them."""
    undecided: tuple[Assignment, ...] = ()
    """Stand-ins for assignments that follow from results that are not there yet. Their number,
    kind and fidelity are expectations, their ids and overrides need not be right."""
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """(event, fields) that the study's journal lacks, written before the assignments start."""
    seeds: int = 0
    """Fresh seeds that a summary covers."""

    @property
    def empty(self) -> bool:
        """Whether nothing of it is left."""
        return not (self.assignments or self.undecided or self.events) and self.by != SUMMARY

    @property
    def only_decodes(self) -> bool:
        """Whether it fills caches and nothing else."""
        kinds = {a.kind for a in (*self.assignments, *self.undecided)}
        return kinds == {"prepare"} and not self.events


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run of a job over a study, as far as the phases that are left depend on it."""

    data: str
    """Fingerprint of the manifest."""
    relevance_known: bool
    """Whether the manifest says where the evidence is."""
    num_slots: int = 1
    settled: frozenset[str] = frozenset()
    """Keys of assignments and titles of phases that this run has behind it, whether they succeeded
    or not: they are not tried twice in one run."""


Remaining = Callable[[StudyRecord, Session], list[Phase]]
"""(records, this run) -> phases that are left, in order; empty for a complete study."""


def is_complete(record: TrialRecord | None, fidelity: str) -> bool:
    """Return whether a trial needs no training to this fidelity.

    A trial that has its final metrics but not its last line (its worker died between the two) is
    complete; one that a scheduler stopped is, at any fidelity.

    Args:
        record: of the trial; None before it began.
        fidelity: unimodal, policy or joint.
    """
    if record is None:
        return False
    return record.status == "stopped" or (
        bool(record.final) and record.fidelity in (fidelity, "joint")
    )


def still_open(
    assignments: Iterable[Assignment], records: Mapping[str, TrialRecord], session: Session
) -> tuple[Assignment, ...]:
    """Return the assignments that are neither complete nor behind this run.

    Args:
        assignments: to train networks or trials.
        records: id -> record of the study's trials.
        session: this run.
    """
    return tuple(
        each
        for each in assignments
        if each.key not in session.settled and not is_complete(records.get(each.id), each.fidelity)
    )


def with_decoding(
    phases: Iterable[Phase], decodings: Mapping[str, Iterable[Assignment]], session: Session
) -> list[Phase]:
    """Return the phases that are left, each kind of work behind the decoding that it needs.

    Args:
        phases: in order; empty ones are dropped.
        decodings: "train" and "test" -> the assignments that decode what training, and what
            testing, reads.
        session: this run: what it has decoded is not decoded twice.
    """
    left = [phase for phase in phases if not phase.empty]
    if all(phase.only_decodes for phase in left):
        return []
    order: list[Phase] = []
    wanted = {name: list(assignments) for name, assignments in decodings.items()}
    for phase in left:
        kinds = {a.kind for a in (*phase.assignments, *phase.undecided)}
        needed = ["train"] if kinds or phase.by == SEARCH else []
        needed += ["test"] if kinds & {"test", "test_videos"} else []
        for name in needed:
            ahead = tuple(a for a in wanted.pop(name, ()) if a.key not in session.settled)
            order += [Phase(title=DECODING, assignments=ahead)] if ahead else []
        order.append(phase)
    return order
