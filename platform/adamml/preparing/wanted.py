"""What there is to prepare: annotations, and the files that are there for them."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from adamml.data.formats.annotations import Annotations
from adamml.preparing.clips import Preparation, Row, asked, find
from adamml.preparing.pictures import asked_pictures


def all_asked(found: Annotations, work: Preparation) -> list[Row]:
    """A row of clips.asked() for each clip.

    Raises:
        ValueError: no clip's file is there, or two videos have one file.
    """
    clips: list[dict[str, Any]] = [
        {str(name): value for name, value in clip.items()}
        for clip in found.table.to_dict("records")
    ]
    pictures = clips[0]["frames"] is not None
    files = {} if pictures else find(work.videos)
    rows = [asked_pictures(c, work) if pictures else asked(c, files, work) for c in clips]
    if not any(row["source"] for row in rows):
        raise ValueError(
            f"--videos must hold what the annotations name, such as {clips[0]['clip']!r}, got none "
            f"of {len(clips)} in {work.videos}"
        )
    _refuse_shared(zip(clips, rows, strict=True))
    return rows


def _refuse_shared(clips: Iterable[tuple[Mapping[str, Any], Row]]) -> None:
    """By its links or by two names in a list, a file could be in test and in training."""
    owners: dict[str, str] = {}
    for clip, row in clips:
        if row["source"]:
            owner = owners.setdefault(os.path.realpath(row["source"]), clip["source"])
            if owner != clip["source"]:
                raise ValueError(
                    f"a file must belong to one video, got {row['source']} for {owner!r} and "
                    f"{clip['source']!r}"
                )
