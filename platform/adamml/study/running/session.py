"""What any job over slots needs around its work: Ray, slots, data, the journal, MLflow, an end."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.exceptions import RayError

from adamml import cluster, home
from adamml.config import Config, flatten
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import SPLITS, Manifest, load_manifest
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.journal import Journal
from adamml.records import read_study
from adamml.slots.pool import Slots, start_slots
from adamml.slots.sizing import slot_size
from adamml.study.running.progress import Display
from adamml.study.running.rehearsal import StudyError, WorkLeft
from adamml.tracking.follower import Follower

Work = Callable[[Slots, int, Manifest], dict[str, str]]
"""(slots, how many, the data) -> what failed: id -> traceback."""
Rehearse = Callable[[Manifest], None]
"""The same over no slots: raises WorkLeft where a trial is to be run."""
Conclude = Callable[[Journal], None]
"""Writes the report; called last, also after an interruption, with the study's journal."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a job asked for."""

    folder: Path
    """The study's."""
    config: Config
    """What all trials start from."""
    data: Path
    """The videos' folder."""
    built_in: bool
    tracking_uri: str
    slots: int | None
    workers_per_slot: int
    params: dict[str, Any] = field(default_factory=dict)
    """Of the study, besides the config."""


def run_session(
    session: Session, display: Display, work: Work, rehearse: Rehearse, conclude: Conclude
) -> tuple[dict[str, str], str | None]:
    """Start slots once, do the work on them, and end everything; no slots for a complete study.

    Returns:
        What failed, and why MLflow does not show everything (None where it does).

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call goes on with the study.
    """
    if _is_complete(session, display, rehearse):
        with _terminate_like_interrupt():
            return _recorded(session, display, dict, conclude)
    display.phase("starting Ray")
    with cluster.connect(), _terminate_like_interrupt():
        cluster.check_home(home.home())
        size = slot_size(session.slots, session.workers_per_slot)
        with start_slots(
            **size,
            storage=session.folder / "train",
            execute="adamml.trials.kinds:execute",
            context={
                "home": str(home.home()),
                "study": str(session.folder),
                "data": str(session.data),
                "recipe": session.config.recipe,
                "modalities": list(session.config.modalities),
                "built_in": session.built_in,
            },
        ) as slots:
            display.resize(size["count"])
            try:
                later = ("test",) if size["count"] > 1 else ()
                manifest = _manifest(session, display, later)
                _decode_here(manifest, session.config, display)
                return _recorded(
                    session, display, lambda: work(slots, size["count"], manifest), conclude
                )
            except RayError as error:
                raise StudyError(f"{_LOST} ({type(error).__name__})") from error


_LOST = "a part of Ray that the study cannot do without died; the same command goes on"


def _is_complete(session: Session, display: Display, rehearse: Rehearse) -> bool:
    began = (session.folder / "journal.jsonl").is_file()
    if not began or read_study(session.folder).status != "completed":
        return False
    try:
        rehearse(_manifest(session, display))
    except WorkLeft:
        return False
    return True


def _recorded(
    session: Session,
    display: Display,
    work: Callable[[], dict[str, str]],
    conclude: Conclude,
) -> tuple[dict[str, str], str | None]:
    """The work between the journal's first and last line, with MLflow following."""
    journal = Journal(session.folder / "journal.jsonl")
    journal.append(
        "start", name=session.folder.name, params=flatten(session.config) | session.params
    )
    follower = Follower(session.folder, session.tracking_uri)
    status = "failed"
    try:
        failed = work()
        status = "failed" if failed else "completed"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        display.phase("writing the report")
        journal.append("end", status=status)
        conclude(journal)
        behind = follower.finish()
    return failed, behind


def _manifest(session: Session, display: Display, later: Sequence[str] = ()) -> Manifest:
    """The data; of the built-in dataset the videos of all splits but those that a slot makes later,
    when it has nothing left to train."""
    synthetic = session.config.data.synthetic
    if not session.built_in or synthetic is None:
        return load_manifest(session.data)
    display.phase("making the built-in dataset")
    progress = display.counter("making videos")
    now = [split for split in SPLITS if split not in later]
    return ensure_synthetic(
        session.data, synthetic, processes=_cpus(), splits=now, progress=progress
    )


def _decode_here(manifest: Manifest, config: Config, display: Display) -> None:
    """On one machine all cores decode while slots start; elsewhere each node has its cache."""
    if "RAY_ADDRESS" in os.environ:
        return
    progress = display.counter("decoding videos")
    search = manifest.select(manifest.table["split"] != "test")
    open_frames(search, config, processes=_cpus(), progress=progress)


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


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
