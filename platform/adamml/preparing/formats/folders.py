"""Folders of videos, one folder per class. The evaluation split is drawn, from a fixed seed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from adamml.preparing.formats.annotations import Annotations, Clip, annotations
from adamml.preparing.formats.format import Format
from adamml.preparing.formats.splits import held_out

SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
"""Suffixes that a video's file has, in lower case."""
EVALUATION_SHARE = 0.2
"""Share of every class's videos that is drawn for evaluation."""
SPLIT_SEED = 0
"""Seed of that draw."""


def read_folders(files: Sequence[Path], classes: Sequence[str] | None = None) -> Annotations:
    """Read a folder in which each folder is a class and holds its videos at any depth.

    Args:
        files: the folder, alone in the list.
        classes: not used; the format has no named subsets.

    Raises:
        ValueError: not one folder, or no class with a video.
    """
    if len(files) != 1 or not files[0].is_dir():
        given = ", ".join(str(file) for file in files) or "none"
        raise ValueError(f"folders takes one folder with a folder per class, got {given}")
    root = files[0]
    folders = sorted(f for f in root.iterdir() if f.is_dir() and any(videos_in(f)))
    names = [utf8_name(folder.name) for folder in folders]
    # All clips are train at first, and the draw takes its share of every class.
    clips = [
        Clip(id=name, source=name, clip=name, split="train", labels=(number,))
        for number, folder in enumerate(folders)
        for name in (utf8_name(path.relative_to(root).as_posix()) for path in videos_in(folder))
    ]
    table = annotations(clips, names, root).table
    test = set(held_out(table, EVALUATION_SHARE, SPLIT_SEED))
    drawn = (replace(c, split="evaluation") if c.source in test else c for c in clips)
    return annotations(drawn, names, root)


def utf8_name(name: str) -> str:
    r"""Return a file's name as text that UTF-8 can hold.

    Bytes that are no UTF-8, as in the names of old archives, are written as escapes.

    >>> utf8_name("caf\udce9.mp4")
    'caf\\xe9.mp4'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def videos_in(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that are named like videos, in order of their paths.

    Folders, and links that lead nowhere, are left out.
    """
    return (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file())


FOLDERS = Format(
    summary="a folder per class, without annotation files",
    read=read_folders,
    files=None,
    default_quality="accuracy",
)
