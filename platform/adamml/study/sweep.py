"""A sweep, from its plan to the study's last line; jobs/sweep_ks.py and jobs/confirm.py call it."""

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
from adamml.study.options.sweep import described
from adamml.study.phases import decodings, remaining
from adamml.study.retraining import retraining_phases
from adamml.study.retraining_summary import summarise_retraining
from adamml.study.running.phase import SEARCH, SUMMARY, Phase, Session, with_decoding
from adamml.study.running.progress import Display
from adamml.study.running.rehearsal import rehearsed
from adamml.study.running.runner import Runner
from adamml.study.running.session import Job, run_session
from adamml.study.sampling import run_sampled

Draw = Callable[[Path, str], Iterable[Path]]
"""(study folder, tracking URI) -> files to attach to the study in MLflow."""
Show = Callable[[Console, Path], None]
"""(console, study folder): prints what was found so far."""


@dataclass(frozen=True, kw_only=True)
class SweepEnd:
    """The end of a sweep's run."""

    plan: SweepPlan
    failed: Mapping[str, str]
    """Trial id -> traceback."""
    behind: str | None
    """Why MLflow does not show everything; None where it does."""


def sweep(plan: SweepPlan, draw: Draw, show: Show) -> SweepEnd:
    """Run what is left of a study; of a complete one only the report is written anew, without Ray.

    Args:
        plan: of the sweep.
        draw: called when all is done, and before the retraining.
        show: called before the retraining only, which takes minutes.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call continues with the study.
    """
    return _run(plan, draw, show, partial(remaining, plan))


def confirm(plan: SweepPlan, draw: Draw) -> SweepEnd:
    """Retrain what an earlier sweep with these options found.

    Args:
        plan: of the sweep.
        draw: called when all is done.

    Raises:
        ValueError, OSError, StudyError: as sweep(); ValueError also where there is no such study,
            or one that chose nothing.
    """
    if not (plan.folder / "study.json").exists():
        raise ValueError(f"there is no study {plan.folder}; run the sweep with these options first")
    if not any(trial.tags.get("chosen") == "true" for trial in read_study(plan.folder).trials):
        raise ValueError(f"the sweep of {plan.folder} has chosen nothing yet; let it end first")
    return _run(plan, draw, lambda console, folder: None, partial(remaining_retraining, plan))


def remaining_retraining(plan: SweepPlan, study: StudyRecord, session: Session) -> list[Phase]:
    """Return what is left of the retraining alone, whatever else the sweep would do.

    Args:
        plan: of the sweep.
        study: its records.
        session: this run.
    """
    return with_decoding(
        retraining_phases(plan, study, session, decided=True), decodings(plan, session), session
    )


def dry_run(plan: SweepPlan) -> str:
    """Return what --dry-run prints: JSON of the config, the space, and what is left to do."""
    left = rehearsed(plan, partial(remaining, plan))
    return json.dumps(described(plan) | {"left": left}, indent=2)


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
        shown_before: list[str] = []

        def begin(phase: Phase, journal: Journal) -> None:
            """Show what the search found before its retraining, which takes minutes."""
            if not shown_before and any(a.kind.startswith("confirm") for a in phase.assignments):
                shown_before.append(phase.title)
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
    """Silence Tune: the journal and the display say what happens, and Ctrl-C is ours to handle."""
    os.environ |= {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
    }
    # Without Tune's own result files it warns at the end that there are none.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures are ours to show
