"""Preparing videos from beginning to end: from annotations and a folder of videos to a manifest."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from adamml import cluster
from adamml.data.manifest import Manifest, load_manifest
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Preparation, Row
from adamml.preparing.counts import class_counts, remarks, split_counts
from adamml.preparing.flows import FLOWS, failure_reason
from adamml.preparing.formats import FORMATS, read_annotations
from adamml.preparing.formats.annotations import Annotations, with_quality
from adamml.preparing.formats.format import Format
from adamml.preparing.formats.lists import with_names
from adamml.preparing.formats.published import recipe_with_classes
from adamml.preparing.manifests import REPORT, failures, make_manifest
from adamml.preparing.options import PrepareOptions
from adamml.preparing.pipeline import (
    flow_counts,
    missing,
    outcomes,
    prepare_missing,
    remove_damaged,
)
from adamml.preparing.wanted import wanted_clips
from adamml.tables import lookup
from adamml.terminal import Progress, Task

COUNTS = "counts.csv"
"""Name of the file, in the folder of prepared clips, with the table of class_counts()."""
SAMPLED_FILES = 16
"""Number of source files that every node is asked to see before anything starts."""


@dataclass(frozen=True)
class Prepared:
    """Result of a run, for its user."""

    manifest: Manifest
    """Clips that can be used."""
    counts: pd.DataFrame
    """Clips by split, from split_counts()."""
    remarks: Sequence[str]
    """Sentences about the classes, whose counts are in COUNTS, and about prepared flow."""
    failed: pd.DataFrame
    """Clips that cannot be used, as in REPORT."""
    tried: int
    """Number of clips that this run made or tried to make."""
    damaged: Sequence[str] = ()
    """Files that were removed because their content had changed."""


def prepare_videos(options: PrepareOptions) -> Prepared:
    """Prepare what is missing, and write the manifest and the reports.

    Raises:
        ValueError: an option or an annotation file cannot be used.
        OSError: a folder cannot be used by every node.
    """
    format = lookup(FORMATS, options.format, what="format")
    annotations = _annotations(options, format)
    work = _preparation(options, format)
    out, wanted = work.out, wanted_clips(annotations, work)
    previous_flow = _flow_of_manifest(out)
    damaged = remove_damaged(out) if options.check else []
    todo = missing(wanted, out, work.flow) if out.exists() else wanted
    if todo:
        _run(wanted, len(todo), work)
    # The journal may also have clips of other annotations, prepared in the same folder before.
    ids = {row["id"] for row in wanted}
    flow, flow_remark = work.flow, ""
    if flow is None:
        usable = [i for i, row in outcomes(out).items() if i in ids and not failure_reason(row)]
        flow, flow_remark = _kept_flow(usable, out, previous_flow)
    results = {id: row for id, row in outcomes(out, flow).items() if id in ids}
    # Before the manifest: if no clip is usable, make_manifest raises and points to this report.
    failed = failures(results)
    failed.to_csv(out / REPORT, index=False)
    manifest = make_manifest(annotations, results, out, flow)
    classes = class_counts(annotations, manifest)
    classes.to_csv(out / COUNTS, index=False)
    recipe = recipe_with_classes(format.published, len(annotations.classes))
    counts = split_counts(annotations, manifest, recipe)
    sentences = [*remarks(classes), flow_remark] if flow_remark else remarks(classes)
    return Prepared(manifest, counts, sentences, failed, len(todo), damaged)


def _annotations(options: PrepareOptions, format: Format) -> Annotations:
    folders = [options.videos] if format.files is None else []
    annotations = read_annotations(options.format, options.annotations or folders, options.classes)
    if options.class_names is not None:
        annotations = with_names(annotations, options.class_names)
    return with_quality(annotations, options.quality) if options.quality else annotations


def _preparation(options: PrepareOptions, format: Format) -> Preparation:
    for name, folder in (("--videos", options.videos), ("--sounds", options.sounds)):
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{name} must be a folder, got {folder}")
    videos, out = options.videos.resolve(), options.out.resolve()
    # The next run would take prepared clips for source videos.
    if out.is_relative_to(videos):
        raise ValueError(f"--out must lie outside of --videos, got {options.out}")
    if options.sounds is not None:
        _require_pictures("--sounds", options, format)
    if not 1 <= options.pictures_fps <= 240:
        raise ValueError(f"--pictures-fps must be in 1..240, got {options.pictures_fps}")
    flow = lookup(FLOWS, options.flow, what="flow") if options.flow is not None else None
    if flow is not None and flow.pairs:
        _require_pictures(f"--flow {options.flow}", options, format)
    return Preparation(
        videos=videos,
        out=out,
        flow=flow,
        sounds=options.sounds.resolve() if options.sounds else None,
        pictures_fps=options.pictures_fps,
    )


def _require_pictures(option: str, options: PrepareOptions, format: Format) -> None:
    if format.media != "pictures":
        names = ", ".join(name for name, each in FORMATS.items() if each.media == "pictures")
        raise ValueError(f"{option} must be given with {names} only, got {options.format}")


def _flow_of_manifest(out: Path) -> StoredFlow | None:
    """Return the flow that the manifest of an earlier run has; None where there is none."""
    try:
        return load_manifest(out).flow
    except ValueError:
        return None


def _kept_flow(
    ids: Sequence[str], out: Path, previous: StoredFlow | None
) -> tuple[StoredFlow | None, str]:
    """Choose the flow of the manifest for a run without --flow.

    It is flow that earlier runs prepared for every usable clip. Of several kinds, the one of the
    previous manifest is kept.

    Returns:
        The flow, or None, and a sentence about it; empty where no clip has flow.
    """
    counts = flow_counts(ids, out)
    complete = [name for name, count in counts.items() if count == len(ids)]
    if complete:
        name = next((name for name in complete if FLOWS[name] == previous), complete[0])
        return FLOWS[name], f"flow ({name}) is prepared for all clips and stays in the manifest"
    if counts:
        name = max(counts, key=lambda name: (FLOWS[name] == previous, counts[name]))
        return None, (
            f"flow ({name}) is prepared for {counts[name]} of {len(ids)} clips, so the manifest is "
            f"written without flow; give --flow {name} to complete it"
        )
    return None, ""


def _run(wanted: Sequence[Row], count: int, work: Preparation) -> None:
    with cluster.connect(dashboard=False):
        cluster.check_home(work.out, option="--out")
        cluster.check_readable("--videos", work.videos, _sample(r["source"] for r in wanted))
        if work.sounds is not None:
            sounds = [row["pictures"]["sound"] for row in wanted]
            cluster.check_readable("--sounds", work.sounds, _sample(sounds))
        counter = _Counter(count)
        with Progress(counter.tasks, keep=True):
            prepare_missing(wanted, work, counter.add)


def _sample(paths: Iterable[str]) -> list[Path]:
    """Choose files that are spread evenly over all that exist."""
    present = [Path(path) for path in paths if path]
    return present[:: -(-len(present) // SAMPLED_FILES) or 1]


@dataclass
class _Counter:
    """Numbers of clips that are done and that cannot be used, with the rate and the time left."""

    total: int
    done: int = 0
    unusable: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, row: Row) -> None:
        self.done += 1
        self.unusable += bool(failure_reason(row))

    def tasks(self) -> list[Task]:
        seconds = max(time.monotonic() - self.started, 1e-9)
        parts = [f"{self.done}/{self.total} clips"]
        if self.done:
            rate = self.done / seconds
            parts.append(f"{rate:.1f} clips/s" if rate >= 1 else f"{60 * rate:.1f} clips/min")
        if self.unusable:
            parts.append(f"{self.unusable} cannot be used")
        if self.done:
            left_s = seconds * (self.total - self.done) / self.done
            parts.append(f"about {left_s:.0f} s left")
        return [Task(f"preparing: {', '.join(parts)}", self.done / self.total)]
