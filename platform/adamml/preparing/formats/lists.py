"""Lists in circulation for FCVID and Mini-Sports1M: one file of training, one of evaluation.

A line is `path,num_frames,label[,label]`, and the second list is the papers' test set. The number
of frames was counted on pictures that are not ours and is not used. A label may be in a line once
per instance. See https://github.com/mengyuest/AR-Net, ops/dataset.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from adamml.preparing.formats.annotations import Annotations, Clip, PublishedSplit, annotations
from adamml.preparing.formats.folders import SUFFIXES
from adamml.preparing.formats.format import Files, Format

ORDER: tuple[PublishedSplit, ...] = ("train", "evaluation")
"""Published split of the first list and of the second."""
MAX_CLASSES = 100_000
"""Number of classes that labels are below."""


def read_lists(files: Sequence[Path], classes: Sequence[str] | None = None) -> Annotations:
    """Read the two lists.

    Args:
        files: the training list, then the evaluation list; labels are numbers from 0.
        classes: not used; the format has no named subsets.

    Raises:
        ValueError: a line that is not of this form, or a video twice.
        OSError: a file cannot be read.
    """
    clips = [c for file, split in zip(files, ORDER, strict=True) for c in _clips(file, split)]
    return annotations(clips, numbered_classes(clips), files[0])


def numbered_classes(clips: Sequence[Clip]) -> list[str]:
    """Return the classes' numbers as their names, for formats without class names."""
    return [str(number) for number in range(1 + max((max(c.labels) for c in clips), default=-1))]


def with_names(annotations: Annotations, file: Path) -> Annotations:
    """Return the same clips with a line of the file as the name of each class; line 1 is label 0.

    Raises:
        ValueError: the classes have names already, or the file has fewer lines than there are
            classes.
        OSError: the file cannot be read.
    """
    count = len(annotations.classes)
    if annotations.classes != tuple(str(number) for number in range(count)):
        raise ValueError("--class-names must not be given with a format that has names")
    names = list(lines(file))
    # The last name's line number shows whether there is an empty line before it.
    if len(names) < count or names[-1][0] != f"{file}:{len(names)}":
        raise ValueError(
            f"--class-names must have {count} lines or more, none of them empty, got "
            f"{len(names)} in {file}"
        )
    return replace(annotations, classes=tuple(name for _, name in names))


def lines(file: Path) -> Iterator[tuple[str, str]]:
    """Yield (file:line, the line without its surrounding spaces) for every line that is not empty.

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


def parse_count(text: str, what: str, where: str, line: str) -> int:
    """Return the number that a field holds.

    Args:
        text: the field.
        what: its name, for the message.
        where: its place, as file:line.
        line: the line it is in.

    Raises:
        ValueError: no number from 0, or one of more than nine digits.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{where}: {what} must be a number from 0, got {line!r:.200}")
    return int(text)


def parse_labels(texts: Sequence[str], where: str, line: str) -> tuple[int, ...]:
    """Return the labels that fields hold, each once and rising.

    Args:
        texts: the fields.
        where: their place, as file:line.
        line: the line they are in.

    Raises:
        ValueError: no label, or one that is no number from 0 below MAX_CLASSES.
    """
    labels = {parse_count(text, "a label", where, line) for text in texts}
    if not labels or max(labels) >= MAX_CLASSES:
        raise ValueError(
            f"{where}: labels must be numbers from 0 to {MAX_CLASSES - 1}, at least one, "
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
        parse_count(numbers[0], "num_frames", where, line)
        labels = parse_labels(numbers[1:], where, line)
        name = _without_suffix(path)
        yield Clip(id=name, source=name, clip=path, split=split, labels=labels, where=where)


def _without_suffix(path: str) -> str:
    """Remove a video's suffix only: the text behind another dot may be a part of the name."""
    pure = PurePosixPath(path)
    return str(pure.with_suffix("")) if pure.suffix.lower() in SUFFIXES else str(pure)


LISTS = Format(
    summary="lists of FCVID and Mini-Sports1M, lines path,num_frames,label",
    read=read_lists,
    files=Files([2], "two files, the training and the evaluation list"),
    default_quality="map",
    published=("activitynet", "fcvid", "mini_sports1m"),
)
