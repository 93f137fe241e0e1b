"""Sports-1M's partition files, and lists of the videos of a subset.

A line of train_partition.txt and test_partition.txt is `URL label,label`, with labels from 0
(github.com/gtoderici/sports-1m-dataset). Mini-Sports1M is a choice of 30 training and 10 test
videos per class: files with a YouTube id or address at the beginning of each line. Without such
files, all videos are taken. A video's file is named after its id.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from adamml.preparing.formats.annotations import Annotations, Clip, PublishedSplit, annotations
from adamml.preparing.formats.format import Files, Format
from adamml.preparing.formats.lists import ORDER, lines, numbered_classes, parse_labels

ID = re.compile(r"[?&]v=([A-Za-z0-9_-]+)")
"""Pattern of the id in a YouTube address."""


def read_sports1m(files: Sequence[Path], classes: Sequence[str] | None = None) -> Annotations:
    """Read the partitions, and choose the videos that lists of ids name.

    Args:
        files: the training partition, the test partition, and optionally lists of ids.
        classes: not used; the format has no named subsets.

    Raises:
        ValueError: a line of another form, or an id of a list that is in no partition.
        OSError: a file cannot be read.
    """
    by_id: dict[str, Clip] = {}
    # The two partitions; zip() leaves out the lists of ids behind them.
    for file, split in zip(files, ORDER, strict=False):
        for clip in _clips(file, split):
            by_id[clip.id] = clip if clip.id not in by_id else _merged(by_id[clip.id], clip)
    if len(files) > 2:
        by_id = {id: by_id[id] for id in _listed_ids(files[2:], by_id)}
    clips = list(by_id.values())
    return annotations(clips, numbered_classes(clips), files[0])


def _merged(one: Clip, other: Clip) -> Clip:
    """Make one clip of a video that is listed twice.

    Where it is in both partitions it goes to evaluation, so that no search sees it.
    """
    split: PublishedSplit = "evaluation" if "evaluation" in (one.split, other.split) else "train"
    return replace(one, split=split, labels=tuple(sorted({*one.labels, *other.labels})))


def _clips(file: Path, split: PublishedSplit) -> Iterator[Clip]:
    for where, line in lines(file):
        url, _, labels = line.partition(" ")
        id = _id_of(url)
        if not id or not labels:
            raise ValueError(
                f"{where}: a line must be URL label,label with ?v=<id> in it, got {line!r:.200}"
            )
        numbers = parse_labels(labels.split(","), where, line)
        yield Clip(id=id, source=id, clip=id, split=split, labels=numbers, where=where)


def _listed_ids(files: Sequence[Path], clips: dict[str, Clip]) -> Iterator[str]:
    for file in files:
        for where, line in lines(file):
            first = line.split()[0]
            id = _id_of(first) or first
            if id not in clips:
                raise ValueError(f"{where}: an id must be in a partition, got {line!r:.200}")
            yield id


def _id_of(url: str) -> str:
    match = ID.search(url)
    return match[1] if match else ""


SPORTS1M = Format(
    summary="Sports-1M's partitions, lines URL label,label, and lists of ids",
    read=read_sports1m,
    files=Files([2, 3, 4], "the training and the test partition, and up to two lists of ids"),
    default_quality="map",
    published=("mini_sports1m",),
)
