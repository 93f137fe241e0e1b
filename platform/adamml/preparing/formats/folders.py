"""Plain folders, one per class, as one's own videos often lie; the split is drawn by a seed."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from adamml.preparing.formats.annotations import Annotations, Clip, annotations, refuse_subset
from adamml.preparing.formats.splits import held_out

SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
EVALUATION, SEED = 0.2, 0


def read_folders(files: Sequence[Path], subset: str | None = None) -> Annotations:
    """
    Args:
        files: one folder; each folder in it is a class, and holds its videos at any depth.
        subset: none is known.

    Raises:
        ValueError: not one folder, a subset, or no class with a video.
    """
    if len(files) != 1 or not files[0].is_dir():
        given = ", ".join(str(file) for file in files) or "none"
        raise ValueError(f"folders takes one folder with a folder per class, got {given}")
    refuse_subset("folders", subset)
    root = files[0]
    folders = sorted(f for f in root.iterdir() if f.is_dir() and any(videos_in(f)))
    classes = [name_of(folder.name) for folder in folders]
    clips = [
        Clip(id=name, source=name, clip=name, split="train", labels=(number,))
        for number, folder in enumerate(folders)
        for name in (name_of(path.relative_to(root).as_posix()) for path in videos_in(folder))
    ]
    found = annotations(clips, classes, root)
    test = set(held_out(found.table, EVALUATION, SEED))
    drawn = (replace(c, split="evaluation") if c.source in test else c for c in clips)
    return annotations(drawn, classes, root)


def name_of(name: str) -> str:
    """As text; bytes that are no UTF-8, as in names of old archives, are written \\xe9."""
    return os.fsencode(name).decode(errors="backslashreplace")


def videos_in(folder: Path) -> Iterator[Path]:
    """Files below it that are named like videos; no folders, and no links that lead nowhere."""
    return (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file())
