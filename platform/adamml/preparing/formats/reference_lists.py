"""Lists of the reference implementation (github.com/IBM/AdaMML), over data that it prepared.

Lines `path<sep>start<sep>end<sep>label[<sep>label]`: a folder of numbered pictures, relative to the
data's folder, and the numbers of its first and last one. The separator is a semicolon
(Kinetics-Sounds, Mini-Sports1M) or a space (ActivityNet, FCVID). A list of the sound has the same
rows in the same order, with a wav file as the path: the two belong together by row, as they do
there (utils/video_dataset.py). The second list, val.txt, is what the papers report on.
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
from adamml.preparing.formats.lists import ORDER, count_of, labels_of, lines, numbered


def read_reference_lists(files: Sequence[Path], subset: str | None = None) -> Annotations:
    """
    Args:
        files: the training list, then the evaluation list; labels are numbers from 0. Where wanted,
            the same of the sound's wav files.
        subset: none is known.

    Raises:
        ValueError: not two or four files, a subset, a line that is not of this form, a row twice,
            or a sound's row that is not its picture's.
        OSError: a file cannot be read.
    """
    needs = "the training and the evaluation list, and perhaps both of the sound"
    check_files("reference", files, [2, 4], needs)
    refuse_subset("reference", subset)
    clips: list[Clip] = []
    for file, sounds, split in zip(files[:2], files[2:] or (None, None), ORDER, strict=True):
        rows = list(_clips(file, split))
        clips += _with_sound(rows, list(_clips(sounds, split)), sounds) if sounds else rows
    several = any(len(clip.labels) > 1 for clip in clips)
    return annotations(clips, numbered(clips), files[0], "map" if several else "accuracy")


def _clips(file: Path, split: PublishedSplit) -> Iterator[Clip]:
    for where, line in lines(file):
        path, *numbers = line.split(";") if ";" in line else line.split()
        if not path or len(numbers) < 3:
            raise ValueError(
                f"{where}: a line must be path;start;end;label[;label], with ; or a space between, "
                f"got {line!r:.200}"
            )
        first, last = (count_of(n, "start and end", where, line) for n in numbers[:2])
        if first > last:
            raise ValueError(f"{where}: end must not be before start, got {line!r:.200}")
        name = str(PurePosixPath(path))
        yield Clip(
            id=f"{name}:{first}-{last}",
            source=name,
            clip=name,
            split=split,
            labels=labels_of(numbers[2:], where, line),
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
