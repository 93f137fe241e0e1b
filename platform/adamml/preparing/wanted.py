"""What there is to prepare: annotations, and the files that are there for them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from adamml.config.overrides import fingerprint
from adamml.data.media.pictures import TEMPLATES
from adamml.preparing.clips import Preparation, Row
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import name_of, videos_in


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


def find(videos: Path) -> dict[str, Path]:
    """Files below a folder by their path in it, by that without its suffix, and by name alone.

    A name that two files have stands for none of them.
    """
    paths = [(file.relative_to(videos), file) for file in videos_in(videos)]
    found = _once((name_of(p.stem), file) for p, file in paths)
    found |= _once((name_of(p.with_suffix("").as_posix()), file) for p, file in paths)
    return found | {name_of(p.as_posix()): file for p, file in paths}


def _once(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    found: dict[str, list[Path]] = {}
    for name, file in named:
        found.setdefault(name, []).append(file)
    return {name: files[0] for name, files in found.items() if len(files) == 1}


def asked(clip: Mapping[str, Any], files: Mapping[str, Path], work: Preparation) -> Row:
    """What to do for a row of Annotations.table: id, source (a path, or "" where there is none),
    start_s, end_s (None: to the end), and key, which changes with all that its outcome follows
    from."""
    cut, uncut = files.get(clip["clip"]), files.get(clip["source"])
    source = cut or uncut
    times = cut is None and clip["end_s"] == clip["end_s"]  # a clip that is cut already stays
    start_s, end_s = (clip["start_s"], clip["end_s"]) if times else (0.0, None)
    parts: dict[str, Any] = {"start_s": start_s, "end_s": end_s} | asdict(work.encoding)
    if source is not None:
        status = source.stat()
        parts |= {"bytes": status.st_size, "modified": status.st_mtime_ns}
    return {
        "id": clip["id"],
        "source": str(source or ""),
        "start_s": start_s,
        "end_s": end_s,
        "key": fingerprint(parts),
    }
