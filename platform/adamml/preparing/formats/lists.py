"""Lists in circulation for FCVID and Mini-Sports1M: one file of training, one of evaluation.

Comma-separated lines `path,num_frames,label[,label]`; the second list is the papers' test set. The
number of frames is that of somebody's pictures and is not used. A label may stand there once per
instance. See https://github.com/mengyuest/AR-Net, ops/dataset.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from adamml.preparing.formats.annotations import (
    Annotations,
    Clip,
    PublishedSplit,
    annotations,
    check_files,
    refuse_subset,
)
from adamml.preparing.formats.folders import SUFFIXES

ORDER: tuple[PublishedSplit, ...] = ("train", "evaluation")
MOST_CLASSES = 100_000


def read_lists(files: Sequence[Path], subset: str | None = None) -> Annotations:
    """
    Args:
        files: the training list, then the evaluation list; labels are numbers from 0.
        subset: none is known.

    Raises:
        ValueError: not two files, a subset, a line that is not of this form, or a video twice.
        OSError: a file cannot be read.
    """
    check_files("lists", files, [2], "two files, the training and the evaluation list")
    refuse_subset("lists", subset)
    clips = [c for file, split in zip(files, ORDER, strict=True) for c in _clips(file, split)]
    return annotations(clips, numbered(clips), files[0], "map")


def numbered(clips: Sequence[Clip]) -> list[str]:
    """Names for classes that have none: their numbers."""
    return [str(number) for number in range(1 + max((max(c.labels) for c in clips), default=-1))]


def with_names(found: Annotations, file: Path) -> Annotations:
    """The same clips, with a line of the file as the name of each class: line 1 is label 0.

    Raises:
        ValueError: the classes have names, or the file has fewer than labels ask for.
        OSError: it cannot be read.
    """
    if found.classes != tuple(str(number) for number in range(len(found.classes))):
        raise ValueError("--class-names must not be given with a format that has names")
    named = list(lines(file))
    if len(named) < len(found.classes) or named[-1][0] != f"{file}:{len(named)}":
        raise ValueError(
            f"--class-names must have {len(found.classes)} lines or more, none of them empty, got "
            f"{len(named)} in {file}"
        )
    return replace(found, classes=tuple(name for _, name in named))


def lines(file: Path) -> Iterator[tuple[str, str]]:
    """(file:line, the line) for every line that is not empty.

    Raises:
        ValueError: the file is no text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file} must be a text file (unpacked, where it is a .gz), got bytes that are not "
            f"UTF-8"
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{file}:{number}", line.strip()


def count_of(text: str, what: str, where: str, line: str) -> int:
    """
    Raises:
        ValueError: no number from 0, or one of more than nine digits.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{where}: {what} must be a number from 0, got {line!r:.200}")
    return int(text)


def labels_of(texts: Sequence[str], where: str, line: str) -> tuple[int, ...]:
    """
    Raises:
        ValueError: no label, or one that is no number from 0 below MOST_CLASSES.
    """
    labels = {count_of(text, "a label", where, line) for text in texts}
    if not labels or max(labels) >= MOST_CLASSES:
        raise ValueError(
            f"{where}: labels must be numbers from 0 to {MOST_CLASSES - 1}, at least one, "
            f"got {line!r:.200}"
        )
    return tuple(sorted(labels))


def _clips(file: Path, split: PublishedSplit) -> Iterator[Clip]:
    for where, line in lines(file):
        path, *numbers = line.split(",")
        if not path or len(numbers) < 2:
            raise ValueError(
                f"{where}: a line must be path,num_frames,label[,label], got {line!r:.200}"
            )
        count_of(numbers[0], "num_frames", where, line)
        labels = labels_of(numbers[1:], where, line)
        name = _without_suffix(path)
        yield Clip(id=name, source=name, clip=path, split=split, labels=labels, where=where)


def _without_suffix(path: str) -> str:
    """Only a video's suffix: what is behind another dot may be a part of the name."""
    pure = PurePosixPath(path)
    return str(pure.with_suffix("")) if pure.suffix.lower() in SUFFIXES else str(pure)
