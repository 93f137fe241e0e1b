"""The frame around any study: Ray, slots, data, the journal's first and last line, MLflow."""

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
from adamml.study.running.phase import SUMMARY, Phase, Remaining, Session
from adamml.study.running.progress import Display
from adamml.study.running.runner import Execute, Runner
from adamml.tracking.follower import Follower

_LOST = "A part of Ray that the study needs has died. Run the same command again to continue"


@dataclass(frozen=True, kw_only=True)
class Job:
    """The functions that make a study of one kind or another."""

    remaining: Remaining
    """Finds the phases that are left."""
    conclude: Callable[[Journal | None], None]
    """Writes the report; called last, also after an interruption, with the study's journal. None
    for a complete study that is looked at again: its journal stays as it is."""
    executors: Mapping[str, Execute]
    """Name in Phase.by -> function, for phases that slots do not run."""
    begin: Callable[[Phase, Journal], None] = lambda phase, journal: None
    """Called before each phase is executed."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of a run."""

    failed: Mapping[str, str]
    """Trial id -> traceback, or the reason for which it could not be run."""
    behind: str | None
    """Why MLflow does not show everything; None where it does."""


def run_session(plan: Plan, job: Job, display: Display) -> Ended:
    """Start slots once, execute on them what is left, and end everything; no slots if none need be.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call continues with the study.
    """
    if (record := _ended_study(plan)) is not None:
        manifest = _manifest(plan, display)
        session = new_session(plan, manifest)
        phases = job.remaining(record, session)
        if not phases:
            with _terminate_like_interrupt():
                return _looked_at(plan, job, display)
        if all(phase.by == SUMMARY or not phase.assignments for phase in phases):
            with _terminate_like_interrupt():
                return _recorded(plan, job, display, session, None)
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
                return _recorded(plan, job, display, session, slots)
            except RayError as error:
                raise StudyError(f"{_LOST} ({type(error).__name__})") from error


def new_session(plan: Plan, manifest: Manifest) -> Session:
    """Return the state in which a run of a job begins."""
    return Session(
        data=manifest.fingerprint, relevance_known=relevance_known(manifest, plan.config)
    )


def _ended_study(plan: Plan) -> StudyRecord | None:
    """The records of a study whose last run came to its end."""
    if not (plan.folder / "journal.jsonl").is_file():
        return None
    record = read_study(plan.folder)
    return record if record.status == "completed" else None


def _looked_at(plan: Plan, job: Job, display: Display) -> Ended:
    """Write the report anew, and bring MLflow up to date; the journals stay as they are."""
    display.phase("writing the report")
    follower = Follower(plan.folder, plan.tracking_uri)
    try:
        job.conclude(None)
    finally:
        behind = follower.finish()
    return Ended(failed={}, behind=behind)


def _recorded(
    plan: Plan, job: Job, display: Display, session: Session, slots: Slots | None
) -> Ended:
    """Execute what is left, between the journal's first and last line, with MLflow following."""
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
    return Ended(failed=runner.failed, behind=behind)


def _manifest(plan: Plan, display: Display, later: Sequence[str] = ()) -> Manifest:
    """The data; the built-in dataset is made first.

    Args:
        plan: of the study.
        display: shows the progress.
        later: splits whose videos a slot makes when it has nothing left to train.
    """
    synthetic = plan.config.data.synthetic
    if not plan.built_in or synthetic is None:
        return load_manifest(plan.data)
    display.phase("making the built-in dataset")
    progress = display.counter("making videos")
    now = [split for split in SPLITS if split not in later]
    return ensure_synthetic(plan.data, synthetic, processes=_cpus(), splits=now, progress=progress)


def _decode_here(manifest: Manifest, config: Config, display: Display) -> None:
    """Decode with all cores of one machine while slots start; on a cluster each node does its own.

    Args:
        manifest: of the data.
        config: says what is decoded.
        display: shows the progress.
    """
    if "RAY_ADDRESS" in os.environ:
        return
    progress = display.counter("decoding videos")
    search = manifest.select(manifest.table["split"] != "test")
    open_frames(search, config, processes=_cpus(), progress=progress)


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, as on Ctrl-C, so that slots are ended in order.

    Only after ray.init, which installs a handler of its own.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
