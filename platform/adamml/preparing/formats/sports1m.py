"""Sports-1M's partition files, and lists of the videos of a subset.

Lines `URL label,label` of train_partition.txt and test_partition.txt (github.com/gtoderici/
sports-1m-dataset), labels from 0. Mini-Sports1M is a choice of 30 training and 10 test videos per
class: files with a YouTube id or address at the beginning of each line; without any, all videos are
taken. A file is named after its id.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from adamml.preparing.formats.annotations import (
    Annotations,
    Clip,
    PublishedSplit,
    annotations,
    check_files,
    refuse_subset,
)
from adamml.preparing.formats.lists import ORDER, labels_of, lines, numbered

ID = re.compile(r"[?&]v=([A-Za-z0-9_-]+)")


def read_sports1m(files: Sequence[Path], subset: str | None = None) -> Annotations:
    """
    Args:
        files: the training partition, the test partition; then, where wanted, lists of ids.
        subset: none is known by name.

    Raises:
        ValueError: not two to four files, a subset, a line of another form, or an id of a list that
            is in no partition.
        OSError: a file cannot be read.
    """
    needs = "the training and the test partition, and up to two lists of ids"
    check_files("sports1m", files, [2, 3, 4], needs)
    refuse_subset("sports1m", subset)
    clips: dict[str, Clip] = {}
    for file, split in zip(files, ORDER, strict=False):
        for clip in _clips(file, split):
            clips[clip.id] = clip if clip.id not in clips else _merged(clips[clip.id], clip)
    if len(files) > 2:
        clips = {id: clips[id] for id in _chosen(files[2:], clips)}
    found = list(clips.values())
    return annotations(found, numbered(found), files[0], "map")


def _merged(one: Clip, other: Clip) -> Clip:
    """A video that is listed in both is the evaluation's: no search must see it."""
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
        numbers = labels_of(labels.split(","), where, line)
        yield Clip(id=id, source=id, clip=id, split=split, labels=numbers, where=where)


def _chosen(files: Sequence[Path], clips: dict[str, Clip]) -> Iterator[str]:
    for file in files:
        for where, line in lines(file):
            first = line.split()[0]
            id = _id_of(first) or first
            if id not in clips:
                raise ValueError(f"{where}: an id must be in a partition, got {line!r:.200}")
            yield id


def _id_of(url: str) -> str:
    found = ID.search(url)
    return found[1] if found else ""
