"""What there is to prepare: annotations, and the files that are there for them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from adamml.data.formats.annotations import Annotations
from adamml.overrides import fingerprint
from adamml.preparing.clips import Preparation, Row, asked, find
from adamml.preparing.pictures import asked_pictures


def all_asked(found: Annotations, work: Preparation) -> list[Row]:
    """A row of clips.asked() for each clip; with reason, where it cannot be prepared.

    Raises:
        ValueError: no clip's file is there.
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
    return _each_file_once(clips, rows)


def _each_file_once(clips: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> list[Row]:
    """The same rows, where a file that two videos have, by a link or by two names in a list, is
    left to one of them, and to one of the published evaluation split if there is one: otherwise it
    could be in test and in training."""
    owners: dict[str, str] = {}
    found = list(rows)
    for place in sorted(range(len(rows)), key=lambda n: clips[n]["split"] != "evaluation"):
        file, video = rows[place]["source"], clips[place]["source"]
        owner = owners.setdefault(os.path.realpath(file), video) if file else video
        if owner != video:
            taken = {"source": "", "reason": f"its file is that of another video: {owner}"}
            found[place] = rows[place] | taken | {"key": fingerprint(taken)}
    return found
