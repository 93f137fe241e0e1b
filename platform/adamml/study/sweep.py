"""A sweep from the user's options to the study's last line; what jobs/sweep_ks.py calls."""

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adamml import cluster, home
from adamml.config import Config, flatten
from adamml.data.cache import open_frames
from adamml.data.manifest import Manifest, load_manifest
from adamml.data.synthetic import ensure_synthetic
from adamml.follower import Follower
from adamml.study.options import Resolved
from adamml.study.plan import Plan
from adamml.study.progress import Display, Expected
from adamml.study.run import Study
from adamml.study.settings import open_study
from adamml.study.sizing import slot_size
from adamml.study.slots import start_slots

Draw = Callable[[Path, str], Iterable[Path]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    resolved: Resolved
    failed: dict[str, str]
    """Trial id -> traceback."""
    behind: str | None
    """Why MLflow does not show everything, if so."""


def sweep(resolved: Resolved, draw: Draw) -> Outcome:
    """Run the study.

    Args:
        draw: (study folder, tracking URI) -> files to attach to the study in MLflow; called when
            all is done.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call goes on with the study.
    """
    _quiet_tune()
    plan, options = resolved.plan, resolved.options
    open_study(plan.folder, plan.settings)
    with Display(plan.folder, plan.settings, _expected(plan)) as display:
        display.phase("starting Ray")
        with cluster.connect(), _terminate_like_interrupt():
            cluster.check_home(home.home())
            size = slot_size(options.slots, options.workers_per_slot)
            with start_slots(
                **size,
                storage=plan.folder / "train",
                execute="adamml.study.execute:execute",
                context={
                    "home": str(home.home()),
                    "study": str(plan.folder),
                    "data": str(resolved.data),
                    "recipe": plan.config.recipe,
                    "modalities": list(plan.config.modalities),
                },
            ) as slots:
                display.resize(size["count"])
                study = Study(plan, slots, size["count"], display.phase)
                behind = _run(study, resolved, display, draw)
    return Outcome(resolved=resolved, failed=study.runner.failed, behind=behind)


def _run(study: Study, resolved: Resolved, display: Display, draw: Draw) -> str | None:
    """The study between its first and its last journal line; returns what MLflow lacks."""
    plan = resolved.plan
    manifest = _manifest(resolved, display)
    _decode_here(manifest, plan.config, display)
    study.journal.append("start", name=plan.folder.name, params=flatten(plan.config))
    follower = Follower(plan.folder, resolved.tracking_uri)
    status = "failed"
    try:
        study.run(manifest)
        status = "failed" if study.runner.failed else "completed"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        display.phase("writing the report")
        study.journal.append("end", status=status)
        for path in draw(plan.folder, resolved.tracking_uri):
            study.journal.append("artifact", path=str(path.relative_to(plan.folder)))
        behind = follower.finish()
    return behind


def _manifest(resolved: Resolved, display: Display) -> Manifest:
    synthetic = resolved.plan.config.data.synthetic
    if not resolved.built_in or synthetic is None:
        return load_manifest(resolved.data)
    display.phase("making the built-in dataset")
    progress = display.counter("making videos")
    return ensure_synthetic(resolved.data, synthetic, processes=_cpus(), progress=progress)


def _decode_here(manifest: Manifest, config: Config, display: Display) -> None:
    """On one machine all cores decode while slots start; elsewhere each node has its cache."""
    if "RAY_ADDRESS" in os.environ:
        return
    progress = display.counter("decoding videos")
    search = manifest.select(manifest.table["split"] != "test")
    open_frames(search, config, processes=_cpus(), progress=progress)


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


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
        jointly = plan.joint + 1 if first == "policy" else plan.trials
        epochs[stage] = count * (plan.trials + 1 if policy else jointly)
    return Expected(epochs=epochs, slots=1, trials=plan.trials)


def _quiet_tune() -> None:
    """The journal and the display say what happens; Ctrl-C is ours to handle."""
    os.environ |= {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
    }
    # Without Tune's own result files it warns at the end that there are none.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that slots are seen off.

    Only after ray.init, which installs a handler of its own.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
