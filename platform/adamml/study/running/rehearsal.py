"""A preview of a run for --dry-run, which starts nothing."""

from typing import Any

from adamml.data.manifest import FILE_NAME, load_manifest
from adamml.records import StudyRecord, read_study
from adamml.study.options.plan import Plan
from adamml.study.running.phase import Remaining, Session
from adamml.study.running.session import new_session


def rehearse(plan: Plan, remaining: Remaining) -> list[dict[str, Any]]:
    """Return the phases that a run would execute, as plain values for --dry-run.

    Args:
        plan: of the study, which need not have begun.
        remaining: returns the phases that are left.

    Returns:
        For each phase its title, the keys of its assignments, and an estimate of how many more
        follow from results still to come.
    """
    began = (plan.folder / "journal.jsonl").is_file()
    study = read_study(plan.folder) if began else StudyRecord(name="", folder=plan.folder)
    session = Session(data="", relevance_known=plan.built_in)
    if (plan.data / FILE_NAME).is_file():
        session = new_session(plan, load_manifest(plan.data))
    return [
        {
            "phase": phase.title,
            "assignments": [assignment.key for assignment in phase.assignments],
            "undecided": len(phase.undecided),
        }
        for phase in remaining(study, session)
    ]
