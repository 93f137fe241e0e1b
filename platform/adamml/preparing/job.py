"""`jobs/prepare_videos.py`: from annotations and a folder of videos to a manifest."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adamml import cluster
from adamml.config import MotionConfig
from adamml.data.manifest import Manifest
from adamml.data.media.encoding import Encoding
from adamml.data.media.flow import ALGORITHMS
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Preparation, Row
from adamml.preparing.counts import class_counts, remarks, split_counts
from adamml.preparing.flows import problem
from adamml.preparing.formats import FORMATS
from adamml.preparing.formats.annotations import Annotations, with_quality
from adamml.preparing.formats.lists import with_names
from adamml.preparing.formats.published import published_as
from adamml.preparing.manifests import failures, make_manifest
from adamml.preparing.options import PrepareOptions
from adamml.preparing.pipeline import missing, outcomes, remove_damaged, run
from adamml.preparing.wanted import all_asked
from adamml.tables import lookup

PLAIN_EVERY_S = 15.0
REPORT = "failed.csv"
COUNTS = "counts.csv"
PAIRS = "pairs"
"""Of --flow: TV-L1, clipped to 20 pixels, as the reference's tools write it (paper.md 4)."""


@dataclass(frozen=True)
class Outcome:
    manifest: Manifest
    counts: pd.DataFrame
    """By split."""
    remarks: Sequence[str]
    """On the classes, whose counts are in COUNTS."""
    failed: pd.DataFrame
    done: int
    """Clips that this run made or tried."""
    damaged: Sequence[str] = ()
    """Files that were removed, to be made again where wanted: they had changed since."""


def prepare_videos(options: PrepareOptions) -> Outcome:
    """
    Raises:
        ValueError, OSError: an option, an annotation file or a folder cannot be used.
    """
    found = _annotations(options)
    work = _preparation(options)
    out, flow, wanted = work.out, work.flow, all_asked(found, work)
    damaged = remove_damaged(out) if options.check else []
    todo = missing(wanted, out, flow) if out.exists() else wanted
    if todo:
        _run(wanted, len(todo), work)
    ids = {row["id"] for row in wanted}
    known = {id: row for id, row in outcomes(out, flow).items() if id in ids}
    failed = failures(known)
    failed.to_csv(out / REPORT, index=False)
    manifest = make_manifest(found, known, out, flow)
    classes = class_counts(found, manifest)
    classes.to_csv(out / COUNTS, index=False)
    recipe = published_as(options.format, len(found.classes))
    counts = split_counts(found, manifest, recipe)
    return Outcome(manifest, counts, remarks(classes), failed, len(todo), damaged)


def _annotations(options: PrepareOptions) -> Annotations:
    read = lookup(FORMATS, options.format, what="format")
    folders = [options.videos] if options.format == "folders" else []
    found = read(options.annotations or folders, options.classes)
    if options.class_names is not None:
        found = with_names(found, options.class_names)
    return with_quality(found, options.quality) if options.quality else found


def _preparation(options: PrepareOptions) -> Preparation:
    for name, folder in (("--videos", options.videos), ("--sounds", options.sounds)):
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{name} must be a folder, got {folder}")
    videos, out = options.videos.resolve(), options.out.resolve()
    if out.is_relative_to(videos):
        raise ValueError(f"--out must lie outside of --videos, got {options.out}")
    if options.sounds is not None and options.format != "reference":
        raise ValueError(f"--sounds must be given with reference only, got {options.format}")
    if not 1 <= options.pictures_fps <= 240:
        raise ValueError(f"--pictures-fps must be in 1..240, got {options.pictures_fps}")
    return Preparation(
        videos=videos,
        out=out,
        flow=_flow(options, Encoding()),
        sounds=options.sounds.resolve() if options.sounds else None,
        pictures_fps=options.pictures_fps,
    )


def _flow(options: PrepareOptions, encoding: Encoding) -> StoredFlow | None:
    if options.flow is None:
        return None
    pairs = options.flow == PAIRS
    if pairs and options.format != "reference":
        raise ValueError(f"--flow {PAIRS} must be given with reference only, got {options.format}")
    algorithm = "tvl1" if pairs else options.flow
    lookup(ALGORITHMS, algorithm, what="flow algorithm")
    bound, short_side = MotionConfig().bound, encoding.short_side
    return StoredFlow(algorithm=algorithm, bound=bound, short_side=short_side, pairs=pairs)


def _run(wanted: Sequence[Row], count: int, work: Preparation) -> None:
    with ExitStack() as stack:
        stack.enter_context(cluster.connect(dashboard=False))
        cluster.check_home(work.out)
        bar = stack.enter_context(_Bar(count))
        run(wanted, work, bar.advance)


@dataclass
class _Bar:
    """A bar on a terminal, a plain line now and then elsewhere: clips, throughput, time left."""

    total: int
    done: int = 0
    bad: int = 0
    started: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)
    progress: Progress | None = None

    def __enter__(self) -> "_Bar":
        if Console().is_terminal:
            columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn())
            text = TextColumn("{task.fields[text]}")
            self.progress = Progress(*columns, text, TimeRemainingColumn())
            self.progress.add_task("", total=self.total, text="")
            self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.progress:
            self.progress.stop()
        else:
            self._say()

    def advance(self, row: Row) -> None:
        self.done, self.bad = self.done + 1, self.bad + bool(problem(row))
        if self.progress:
            self.progress.update(self.progress.task_ids[0], advance=1, text=self._rate())
        elif time.monotonic() - self.said > PLAIN_EVERY_S:
            self._say()

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self.started, 1e-9)
        bad = f", {self.bad} cannot be used" if self.bad else ""
        rate, unit = self.done / seconds, "s"
        if rate < 1:
            rate, unit = rate * 60, "min"
        return f"{rate:.1f} clips/{unit}{bad}"

    def _say(self) -> None:
        self.said = time.monotonic()
        left = (self.said - self.started) * (self.total - self.done) / max(self.done, 1)
        print(
            f"preparing: {self.done}/{self.total} clips, {self._rate()}, about {left:.0f} s left",
            file=sys.stdout,
            flush=True,
        )
