"""Clips that are to be prepared: annotations, joined with the files that are there for them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from adamml.config.overrides import fingerprint
from adamml.data.media.pictures import TEMPLATES
from adamml.preparing.clips import Preparation, Row
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import utf8_name, videos_in


def wanted_clips(annotations: Annotations, work: Preparation) -> list[Row]:
    """Describe what to make for each clip.

    Returns:
        Rows of wanted_video() or wanted_pictures(), with reason where a clip cannot be prepared.

    Raises:
        ValueError: no clip's file is in the folder of videos.
    """
    clips: list[dict[str, Any]] = [
        {str(name): value for name, value in clip.items()}
        for clip in annotations.table.to_dict("records")
    ]
    pictures = clips[0]["frames"] is not None
    # Folders of pictures are looked up by their path: to list millions of JPEGs would take long.
    files = {} if pictures else files_by_name(work.videos)
    rows = [
        wanted_pictures(clip, work) if pictures else wanted_video(clip, files, work)
        for clip in clips
    ]
    if not any(row["source"] for row in rows):
        raise ValueError(
            f"--videos must hold what the annotations name, such as {clips[0]['clip']!r}, got none "
            f"of {len(clips)} in {work.videos}"
        )
    return _refuse_shared_files(clips, rows)


def _refuse_shared_files(clips: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> list[Row]:
    """Leave a file that two videos share, by a link or by two names in a list, to one of them.

    A video of the published evaluation split keeps it, if there is one: otherwise the file could be
    both in test and in training.
    """
    owners: dict[str, str] = {}
    result = list(rows)
    for place in sorted(range(len(rows)), key=lambda n: clips[n]["split"] != "evaluation"):
        file, video = rows[place]["source"], clips[place]["source"]
        owner = owners.setdefault(os.path.realpath(file), video) if file else video
        if owner != video:
            taken = {"source": "", "reason": f"its file is that of another video: {owner}"}
            result[place] = rows[place] | taken | {"key": fingerprint(taken)}
    return result


def wanted_pictures(clip: Mapping[str, Any], work: Preparation) -> Row:
    """Describe what to make for a row of Annotations.table with frames.

    The time of change of the folder stands for those of its pictures, of which only the first and
    the last are looked at: there are millions.

    Returns:
        A row of wanted_video(), with pictures: the arguments of making.pictures.main() that a video
        does not need.
    """
    folder = work.videos / clip["clip"]
    first, last = clip["frames"]
    sound = _sound_file(clip, work)
    # By both templates: one that does not exist counts as None, and changes the key once it does.
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
    parts |= asdict(work.encoding) | {"files": [_size_and_time(file) for file in files]}
    return {
        "id": clip["id"],
        "source": str(folder) if os.path.isdir(folder) else "",
        "start_s": 0.0,
        "end_s": None,
        "key": fingerprint(parts),
        "pictures": pictures,
    }


def _roots(work: Preparation) -> list[Path]:
    """Return the folders that pictures and sounds may lie in: first theirs, then the sounds'."""
    return [work.videos, work.sounds or work.videos]


def _sound_file(clip: Mapping[str, Any], work: Preparation) -> Path | None:
    """Return the wav file that a list of sounds names, or else one named like the folder.

    The latter lies beside the folder, or at the top of the sounds' folder, where the reference's
    extract_audio.py puts it.

    Returns:
        None where there is no such file. The clip is then silent, as in the reference.
    """
    path = PurePosixPath(clip["clip"])
    names = [clip["sound"]] if clip["sound"] else [f"{path}.wav", f"{path.name}.wav"]
    root = _roots(work)[1]
    return next((root / name for name in names if os.path.isfile(root / name)), None)


def _size_and_time(file: Path) -> tuple[int, int] | None:
    """Return a file's bytes and its time of change in nanoseconds; None where it is missing."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):  # ValueError: a list's name may hold a null character
        return None
    return status.st_size, status.st_mtime_ns


def files_by_name(videos: Path) -> dict[str, Path]:
    """Return the videos below a folder by their path, by it without its suffix, and by name alone.

    Of the latter two, a name that several files have stands for none of them.
    """
    paths = [(file.relative_to(videos), file) for file in videos_in(videos)]
    # A later entry wins: the whole path, then the path without a suffix, then the name alone.
    files = _unambiguous((utf8_name(p.stem), file) for p, file in paths)
    files |= _unambiguous((utf8_name(p.with_suffix("").as_posix()), file) for p, file in paths)
    return files | {utf8_name(p.as_posix()): file for p, file in paths}


def _unambiguous(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    by_name: dict[str, list[Path]] = {}
    for name, file in named:
        by_name.setdefault(name, []).append(file)
    return {name: files[0] for name, files in by_name.items() if len(files) == 1}


def wanted_video(clip: Mapping[str, Any], files: Mapping[str, Path], work: Preparation) -> Row:
    """Describe what to make for a row of Annotations.table.

    Args:
        clip: the row.
        files: the videos, from files_by_name().
        work: the settings of the run.

    Returns:
        id, source (a path, or "" where there is no file), start_s, end_s (None: to the end), and
        key, which changes with everything that the outcome depends on.
    """
    cut, uncut = files.get(clip["clip"]), files.get(clip["source"])
    source = cut or uncut
    # A file of the clip alone is cut already. nan, which is not equal to itself, is no time.
    has_times = cut is None and clip["end_s"] == clip["end_s"]
    start_s, end_s = (clip["start_s"], clip["end_s"]) if has_times else (0.0, None)
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
