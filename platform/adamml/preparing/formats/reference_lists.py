"""Lists of the reference implementation (github.com/IBM/AdaMML), over data that it prepared.

A line is `path<sep>start<sep>end<sep>label[<sep>label]`: a folder of numbered pictures, relative to
the data's folder, and the numbers of its first and last picture. The separator is a semicolon
(Kinetics-Sounds, Mini-Sports1M) or a space (ActivityNet, FCVID). A list of the sound has the same
rows in the same order, with a wav file as the path: rows of the same number belong together, as in
the reference (utils/video_dataset.py). The papers report on the second list, val.txt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from adamml.preparing.formats.annotations import Annotations, Clip, PublishedSplit, annotations
from adamml.preparing.formats.format import Files, Format
from adamml.preparing.formats.lists import (
    ORDER,
    lines,
    numbered_classes,
    parse_count,
    parse_labels,
)
from adamml.preparing.formats.published import PUBLISHED


def read_reference_lists(
    files: Sequence[Path], classes: Sequence[str] | None = None
) -> Annotations:
    """Read the lists of the pictures, and those of the sound if there are any.

    Args:
        files: the training list, then the evaluation list; labels are numbers from 0. Optionally,
            the training and the evaluation list of the sound's wav files follow.
        classes: not used; the format has no named subsets.

    Raises:
        ValueError: a line that is not of this form, a row twice, or a row of the sound that differs
            from the row of its pictures.
        OSError: a file cannot be read.
    """
    clips: list[Clip] = []
    for file, sounds, split in zip(files[:2], files[2:] or (None, None), ORDER, strict=True):
        rows = list(_clips(file, split))
        clips += _with_sound(rows, list(_clips(sounds, split)), sounds) if sounds else rows
    return annotations(clips, numbered_classes(clips), files[0])


def _clips(file: Path, split: PublishedSplit) -> Iterator[Clip]:
    for where, line in lines(file):
        # A path may hold spaces where semicolons separate.
        path, *numbers = line.split(";") if ";" in line else line.split()
        if not path or len(numbers) < 3:
            raise ValueError(
                f"{where}: a line must be path;start;end;label[;label], with ; or a space between, "
                f"got {line!r:.200}"
            )
        first, last = (parse_count(n, "start and end", where, line) for n in numbers[:2])
        if first > last:
            raise ValueError(f"{where}: end must not be before start, got {line!r:.200}")
        name = str(PurePosixPath(path))
        yield Clip(
            id=f"{name}:{first}-{last}",
            source=name,
            clip=name,
            split=split,
            labels=parse_labels(numbers[2:], where, line),
            frames=(first, last),
            where=where,
        )


def _with_sound(clips: Sequence[Clip], sounds: Sequence[Clip], file: Path) -> Iterator[Clip]:
    if len(clips) != len(sounds):
        raise ValueError(f"{file} must have {len(clips)} rows, got {len(sounds)}")
    for clip, sound in zip(clips, sounds, strict=True):
        if (clip.labels, clip.frames) != (sound.labels, sound.frames):
            raise ValueError(
                f"{sound.where}: a sound must have the frames and labels of its pictures "
                f"({clip.where}), got {sound.frames} and {list(sound.labels)}"
            )
        yield replace(clip, sound=sound.clip)


REFERENCE = Format(
    summary="lists of the reference implementation, over numbered JPEGs and wav files",
    read=read_reference_lists,
    files=Files([2, 4], "the training and the evaluation list, and perhaps both of the sound"),
    media="pictures",
    default_quality=None,
    published=tuple(PUBLISHED),
)
