"""One run of a job over a study: Ray, slots and data around the phases, and MLflow beside them."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ray.exceptions import RayError

from adamml import cluster, home
from adamml.config import Config, flatten
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import SPLITS, Manifest, load_manifest
from adamml.data.relevance import relevance_known
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.journal import Journal
from adamml.records import StudyRecord, read_study
from adamml.slots.pool import Slots, start_slots
from adamml.slots.sizing import slot_size
from adamml.study.options.plan import Plan
from adamml.study.running.errors import StudyError
from adamml.study.running.phase import Phase, Remaining, Session
from adamml.study.running.progress import Display
from adamml.study.running.runner import Execute, Runner
from adamml.tracking.follower import Follower

_LOST_RAY = "A part of Ray that the study needs has died. Run the same command again to continue"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Functions in which a sweep and a comparison differ."""

    remaining: Remaining
    """Function that returns the phases that are left."""
    conclude: Callable[[Journal | None], None]
    """Function that writes the report, called last, also after an interruption. Its argument is the
    study's journal; None for a study that was complete before, whose journal must not change."""
    executors: Mapping[str, Execute]
    """Phase.executor -> function, for phases that slots do not run."""
    begin: Callable[[Phase, Journal], None] = lambda phase, journal: None
    """Function that is called before each phase is executed."""


@dataclass(frozen=True, kw_only=True)
class SessionEnd:
    """Result of a session."""

    failed: Mapping[str, str]
    """Trial id -> traceback, or the reason why it could not be run."""
    behind: str | None
    """Reason why MLflow lacks something, and the command that adds it; None if it has all."""


def run_session(plan: Plan, job: Job, display: Display) -> SessionEnd:
    """Start Ray and slots, execute what is left of a study, and stop them.

    Args:
        plan: of the study.
        job: functions of this kind of study.
        display: shows the progress.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: on Ctrl-C and SIGTERM; the same call continues the study.
    """
    # A study whose last run was completed may need no slots: then Ray is not started.
    if (record := _ended_study(plan)) is not None:
        manifest = _manifest(plan, display)
        session = new_session(plan, manifest)
        phases = job.remaining(record, session)
        if not phases:
            with _terminate_like_interrupt():
                return _conclude_again(plan, job, display)
        if not any(phase.needs_slots for phase in phases):
            with _terminate_like_interrupt():
                return _execute(plan, job, display, session, None)
    display.phase("starting Ray")
    with cluster.connect(), _terminate_like_interrupt():
        cluster.check_home(home.home())
        size = slot_size(plan.slots, plan.workers_per_slot)
        with start_slots(
            **size,
            storage=plan.folder / "train",
            execute="adamml.trials.kinds:execute",
            context={
                "home": str(home.home()),
                "study": str(plan.folder),
                "data": str(plan.data),
                "recipe": plan.config.recipe,
                "modalities": list(plan.config.modalities),
                "built_in": plan.built_in,
            },
        ) as slots:
            try:
                later = ("test",) if size["count"] > 1 else ()
                manifest = _manifest(plan, display, later)
                _decode_here(manifest, plan.config, display)
                session = replace(new_session(plan, manifest), num_slots=size["count"])
                return _execute(plan, job, display, session, slots)
            except RayError as error:
                raise StudyError(f"{_LOST_RAY} ({type(error).__name__})") from error


def new_session(plan: Plan, manifest: Manifest) -> Session:
    """Return the session of a run that begins, with one slot."""
    return Session(
        data=manifest.fingerprint, relevance_known=relevance_known(manifest, plan.config)
    )


def _ended_study(plan: Plan) -> StudyRecord | None:
    """Return the records of a study whose last session was completed; None for any other."""
    if not (plan.folder / "journal.jsonl").is_file():
        return None
    record = read_study(plan.folder)
    return record if record.status == "completed" else None


def _conclude_again(plan: Plan, job: Job, display: Display) -> SessionEnd:
    """Write the report of a complete study again, and bring MLflow up to date."""
    display.phase("writing the report")
    follower = Follower(plan.folder, plan.tracking_uri)
    try:
        job.conclude(None)
    finally:
        behind = follower.finish()
    return SessionEnd(failed={}, behind=behind)


def _execute(
    plan: Plan, job: Job, display: Display, session: Session, slots: Slots | None
) -> SessionEnd:
    """Execute what is left, between a start and an end in the journal, while MLflow follows."""
    journal = Journal(plan.folder / "journal.jsonl")
    journal.append("start", name=plan.folder.name, params=flatten(plan.config) | plan.params)
    follower = Follower(plan.folder, plan.tracking_uri)

    def begin(phase: Phase) -> None:
        job.begin(phase, journal)
        display.phase(phase.title)

    runner = Runner(plan, session, job.remaining, slots, executors=job.executors, begin=begin)
    display.follow(lambda study: job.remaining(study, runner.session), session.num_slots)
    status = "failed"
    try:
        runner.run()
        status = "failed" if runner.failed else "completed"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        display.phase("writing the report")
        journal.append("end", status=status)
        job.conclude(journal)
        behind = follower.finish()
    return SessionEnd(failed=runner.failed, behind=behind)


def _manifest(plan: Plan, display: Display, later: Sequence[str] = ()) -> Manifest:
    """Return the manifest of the data; make the built-in videos first.

    Args:
        plan: of the study.
        display: shows the progress.
        later: splits whose videos are made by slots that have nothing left to train.
    """
    synthetic = plan.config.data.synthetic
    if not plan.built_in or synthetic is None:
        return load_manifest(plan.data)
    display.phase("making the built-in dataset")
    progress = display.counter("making videos")
    now = [split for split in SPLITS if split not in later]
    return ensure_synthetic(plan.data, synthetic, processes=_cpus(), splits=now, progress=progress)


def _decode_here(manifest: Manifest, config: Config, display: Display) -> None:
    """Decode the videos of training with all cores of this machine, while slots start.

    Args:
        manifest: of the data.
        config: with the shapes of the decoded frames.
        display: shows the progress.
    """
    if "RAY_ADDRESS" in os.environ:  # on a cluster each node decodes its own, in a phase
        return
    progress = display.counter("decoding videos")
    search = manifest.select(manifest.table["split"] != "test")
    open_frames(search, config, processes=_cpus(), progress=progress)


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, as on Ctrl-C, so that slots are stopped in order.

    It must be entered after ray.init, which installs a handler of its own.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
