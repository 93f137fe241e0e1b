"""A sweep from the user's options to the study's last line; what jobs/sweep_ks.py calls."""

import logging
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from adamml.data.manifest import Manifest
from adamml.journal import Journal
from adamml.records import read_study
from adamml.slots.pool import Slots
from adamml.study.options.plan import Plan
from adamml.study.options.settings import open_study
from adamml.study.options.sweep import Resolved
from adamml.study.phases import Study
from adamml.study.running.progress import Display, Expected, confirmed
from adamml.study.running.rehearsal import NoSlots
from adamml.study.running.session import Session, run_session

Draw = Callable[[Path, str], Iterable[Path]]
Show = Callable[[Console, Path], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    resolved: Resolved
    failed: dict[str, str]
    """Trial id -> traceback."""
    behind: str | None
    """Why MLflow does not show everything, if so."""


def sweep(resolved: Resolved, draw: Draw, show: Show) -> Outcome:
    """Run the study; of a complete one only the report is written anew, without Ray.

    Args:
        draw: (study folder, tracking URI) -> files to attach to the study in MLflow; called when
            all is done, and before what was found is retrained.
        show: (console, study folder): says what was found; called only before it is retrained,
            which takes minutes.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call goes on with the study.
    """

    def work(study: Study, manifest: Manifest, display: Display | None) -> None:
        study.run(manifest)
        done, announced = confirmed(study.runner.record)
        if display and resolved.plan.confirm.seeds and not 0 < announced <= done:
            display.phase("writing the report")
            _attach(resolved, draw, study.journal)
            show(display.console, resolved.folder)
        study.confirm(manifest)

    return _run(resolved, draw, work)


def confirm(resolved: Resolved, draw: Draw) -> Outcome:
    """Retrain what an earlier sweep with these options found.

    Raises:
        as sweep(); ValueError also where there is no such study, or one that chose nothing.
    """
    plan = resolved.plan
    if not (plan.folder / "study.json").exists():
        raise ValueError(f"there is no study {plan.folder}; run the sweep with these options first")
    if not any(trial.tags.get("chosen") == "true" for trial in read_study(plan.folder).trials):
        raise ValueError(f"the sweep of {plan.folder} has chosen nothing yet; let it end first")

    def work(study: Study, manifest: Manifest, display: Display | None) -> None:
        study.prepare("train", "validation")
        study.prepare("test")
        study.confirm(manifest)

    return _run(resolved, draw, work)


def _run(
    resolved: Resolved, draw: Draw, work_on: Callable[[Study, Manifest, Display | None], None]
) -> Outcome:
    """work_on gets no display in a rehearsal, which shows nothing."""
    _quiet_tune()
    plan = resolved.plan
    open_study(plan.folder, plan.settings)
    with Display(plan.folder, _expected(plan), plan.settings.reference) as display:

        def work(slots: Slots, count: int, manifest: Manifest) -> dict[str, str]:
            study = Study(plan, slots, count, display.phase)
            work_on(study, manifest, display)
            return study.runner.failed

        def rehearse(manifest: Manifest) -> None:
            work_on(Study(plan, NoSlots(), 1, lambda phase: None), manifest, None)

        def conclude(journal: Journal) -> None:
            _attach(resolved, draw, journal)

        failed, behind = run_session(_session(resolved), display, work, rehearse, conclude)
    return Outcome(resolved=resolved, failed=failed, behind=behind)


def _attach(resolved: Resolved, draw: Draw, journal: Journal) -> None:
    for path in draw(resolved.folder, resolved.tracking_uri):
        journal.append("artifact", path=str(path.relative_to(resolved.folder)))


def _session(resolved: Resolved) -> Session:
    return Session(
        folder=resolved.folder,
        config=resolved.plan.config,
        data=resolved.data,
        built_in=resolved.built_in,
        tracking_uri=resolved.tracking_uri,
        slots=resolved.options.slots,
        workers_per_slot=resolved.options.workers_per_slot,
        params={f"search.{name}": v for name, v in resolved.plan.settings.search.items()},
    )


def _expected(plan: Plan) -> Expected:
    """Every epoch of a complete study, by stage."""
    stages, epochs = plan.config.stages, dict[str, int]()
    unimodal = plan.config.unimodal
    epochs["unimodal"] = sum(
        unimodal[m].epochs * len(names) for m, names in plan.recognition.items()
    )
    first = plan.first_fidelity
    for stage, count in stages.items():
        policy = stage == "policy_only"
        jointly = 1 + _going_on(plan) if first == "policy" else plan.trials
        epochs[stage] = count * (plan.trials + 1 if policy else jointly)
    configurations = 2
    if plan.confirm.whole_front:  # a guess: the front is not known yet
        configurations += plan.joint + len(plan.config.modalities)
    for stage, count in stages.items():
        epochs[stage] += plan.confirm.seeds * configurations * count
    epochs["unimodal"] += plan.confirm.seeds * sum(unimodal[m].epochs for m in unimodal)
    return Expected(epochs=epochs, slots=1, trials=plan.trials)


def _going_on(plan: Plan) -> int:
    """About how many of the trials are trained jointly."""
    if not plan.stops_early:
        return plan.joint
    one_in: int = plan.halving.eta ** len(plan.rungs)
    return math.ceil(plan.trials / one_in)


def _quiet_tune() -> None:
    """The journal and the display say what happens; Ctrl-C is ours to handle."""
    os.environ |= {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
    }
    # Without Tune's own result files it warns at the end that there are none.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures are ours to show
