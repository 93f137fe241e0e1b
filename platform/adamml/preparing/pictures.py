"""Folders of numbered pictures among the clips to prepare (preparing/clips.py)."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from adamml.data.pictures import TEMPLATES
from adamml.overrides import fingerprint
from adamml.preparing.clips import Preparation, Row


def asked_pictures(clip: Mapping[str, Any], work: Preparation) -> Row:
    """What to do for a row of Annotations.table with frames: as clips.asked(), with pictures, the
    arguments of picture_clips.main() that a video has not.

    A folder's own time of change stands for its pictures, of which only the first and the last are
    looked at: there are millions.
    """
    folder = work.videos / clip["clip"]
    first, last = clip["frames"]
    sound = _sound_of(clip, work)
    ends = (folder / name.format(number) for name in TEMPLATES for number in (first, last))
    pictures = {
        "first": first,
        "last": last,
        "fps": work.pictures_fps,
        "sound": str(sound or ""),
        "roots": [str(root) for root in _roots(work)],
    }
    files = (folder, *ends, *([sound] if sound else []))
    parts: dict[str, Any] = {"first": first, "last": last, "fps": work.pictures_fps}
    parts |= asdict(work.encoding) | {"files": [_state(file) for file in files]}
    return {
        "id": clip["id"],
        "source": str(folder) if os.path.isdir(folder) else "",
        "start_s": 0.0,
        "end_s": None,
        "key": fingerprint(parts),
        "pictures": pictures,
    }


def _roots(work: Preparation) -> list[Path]:
    return [work.videos, work.sounds or work.videos]


def _sound_of(clip: Mapping[str, Any], work: Preparation) -> Path | None:
    """As a list of sounds names it, or, without one, named like the folder: beside it, or at the
    top of the sounds' folder, where the reference's extract_audio.py puts it. None where there is
    no such file: silence, as in the reference."""
    path = PurePosixPath(clip["clip"])
    names = [clip["sound"]] if clip["sound"] else [f"{path}.wav", f"{path.name}.wav"]
    root = _roots(work)[1]
    return next((root / name for name in names if os.path.isfile(root / name)), None)


def _state(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns
