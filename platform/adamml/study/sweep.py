"""A sweep from its plan to its report; jobs/sweep_ks.py and jobs/confirm.py call it."""

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from adamml.journal import Journal
from adamml.records import StudyRecord, read_study
from adamml.study.options.plan import SweepPlan
from adamml.study.options.settings import open_study
from adamml.study.options.sweep import describe
from adamml.study.phases import decodings, remaining
from adamml.study.retraining import retraining_phases
from adamml.study.retraining_summary import summarise_retraining
from adamml.study.running.phase import SEARCH, SUMMARY, Phase, Session, with_decoding
from adamml.study.running.progress import Display
from adamml.study.running.rehearsal import rehearse
from adamml.study.running.runner import Runner
from adamml.study.running.session import Job, run_session
from adamml.study.sampling import run_sampled

Draw = Callable[[Path, str], Iterable[Path]]
"""Function (study folder, tracking URI) -> files of the report, to attach to the study."""
Show = Callable[[Console, Path], None]
"""Function (console, study folder) that prints the results so far."""


@dataclass(frozen=True, kw_only=True)
class SweepEnd:
    """Result of a run of the sweep."""

    plan: SweepPlan
    failed: Mapping[str, str]
    """Trial id -> traceback, or the reason why it could not be run."""
    behind: str | None
    """Reason why MLflow lacks something, and the command that adds it; None if it has all."""


def sweep(plan: SweepPlan, draw: Draw, show: Show) -> SweepEnd:
    """Run what is left of a study. If it is complete, write its report again, without Ray.

    Args:
        plan: of the sweep.
        draw: writes the report; called at the end, and before the retraining.
        show: prints results; called before the retraining, which takes minutes.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: on Ctrl-C and SIGTERM; the same call continues the study.
    """
    return _run(plan, draw, show, partial(remaining, plan))


def confirm(plan: SweepPlan, draw: Draw) -> SweepEnd:
    """Retrain the results of an earlier sweep with the same options, with fresh seeds.

    Args:
        plan: of the sweep.
        draw: writes the report; called at the end.

    Raises:
        ValueError: the study does not exist, or has not chosen a trial yet.
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: on Ctrl-C and SIGTERM; the same call continues the study.
    """
    if not (plan.folder / "study.json").exists():
        raise ValueError(f"there is no study {plan.folder}; run the sweep with these options first")
    if not any(trial.tags.get("chosen") == "true" for trial in read_study(plan.folder).trials):
        raise ValueError(f"the sweep of {plan.folder} has chosen no trial yet; let it end first")
    return _run(plan, draw, lambda console, folder: None, partial(remaining_retraining, plan))


def remaining_retraining(plan: SweepPlan, study: StudyRecord, session: Session) -> list[Phase]:
    """Return what is left of the retraining alone, without the other phases of the sweep.

    Args:
        plan: of the sweep.
        study: its records.
        session: this run of the job.
    """
    return with_decoding(
        retraining_phases(plan, study, session, decided=True), decodings(plan, session), session
    )


def dry_run(plan: SweepPlan) -> str:
    """Return the text of --dry-run: JSON of the plan and of the phases that are left."""
    left = rehearse(plan, partial(remaining, plan))
    return json.dumps(describe(plan) | {"left": left}, indent=2)


def _run(
    plan: SweepPlan,
    draw: Draw,
    show: Show,
    left: Callable[[StudyRecord, Session], list[Phase]],
) -> SweepEnd:
    _quiet_tune()
    open_study(plan.folder, plan.settings)

    def attach(journal: Journal | None) -> None:
        for path in draw(plan.folder, plan.tracking_uri):
            if journal is not None:
                journal.append("artifact", path=str(path.relative_to(plan.folder)))

    def summarise(runner: Runner, phase: Phase) -> None:
        summarise_retraining(plan, runner.record, phase.seeds, runner.journal)

    with Display(plan, plan.settings.reference) as display:
        retrained: list[str] = []

        def begin(phase: Phase, journal: Journal) -> None:
            """Report the results of the search once before the retraining, which takes minutes."""
            if not retrained and any(a.kind.startswith("confirm") for a in phase.assignments):
                retrained.append(phase.title)
                display.phase("writing the report")
                attach(journal)
                show(display.console, plan.folder)

        job = Job(
            remaining=left,
            conclude=attach,
            executors={
                SEARCH: lambda runner, phase: run_sampled(plan, runner),
                SUMMARY: summarise,
            },
            begin=begin,
        )
        end = run_session(plan, job, display)
    return SweepEnd(plan=plan, failed=end.failed, behind=end.behind)


def _quiet_tune() -> None:
    """Silence Tune's output and its handling of Ctrl-C: display and session do both."""
    os.environ |= {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
    }
    # Tune would warn that its own result files are missing; the job shows failures of trials.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
