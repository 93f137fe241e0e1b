"""ActivityNet v1.3: one JSON file with all videos, their subset, and instances of activities.

A video is one clip, untrimmed, with the labels of all its instances: so the papers count (10,024
and 4,926). `validation` is their test set; `testing` has no labels and is left out. Files are named
v_<id>, as the copies in circulation have it, or <id>.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adamml.preparing.formats.annotations import (
    Annotations,
    Clip,
    PublishedSplit,
    annotations,
    check_files,
    refuse_subset,
)

SUBSETS: dict[str, PublishedSplit] = {"training": "train", "validation": "evaluation"}


def read_activitynet(files: Sequence[Path], subset: str | None = None) -> Annotations:
    """
    Args:
        files: one, activity_net.v1-3.min.json.
        subset: none is known.

    Raises:
        ValueError: not one file, not this format, a video twice, or a subset.
        OSError: it cannot be read.
    """
    check_files("activitynet", files, [1], "one file, activity_net.v1-3.min.json")
    refuse_subset("activitynet", subset)
    videos = _database(files[0])
    labels = {name: _labels(video, name, files[0]) for name, video in videos.items()}
    classes = sorted({label for found in labels.values() for label in found})
    number = {name: index for index, name in enumerate(classes)}
    clips = (
        Clip(
            id=f"v_{name}",
            source=name,
            clip=f"v_{name}",
            split=SUBSETS[video["subset"]],
            labels=tuple(sorted(number[label] for label in labels[name])),
        )
        for name, video in videos.items()
        if labels[name]
    )
    return annotations(clips, classes, files[0], "map")


def _database(file: Path) -> dict[str, dict[str, Any]]:
    """The videos whose labels are known."""
    try:
        videos = json.loads(file.read_bytes(), object_pairs_hook=_once)["database"]
        return {name: v for name, v in videos.items() if v["subset"] in SUBSETS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{file} must be ActivityNet's JSON (database -> video -> subset, annotations), got: "
            f"{type(error).__name__} {error}"
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """json would take the last of two, and with it perhaps the other subset."""
    if twice := [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]:
        raise ValueError(f"{twice[0]!r} more than once")
    return dict(pairs)


def _labels(video: dict[str, Any], name: str, file: Path) -> set[str]:
    try:
        labels = {instance["label"] for instance in video["annotations"]}
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{file}: video {name!r} must have annotations with a label each, got {video!r:.200}"
        ) from error
    if bad := [label for label in labels if not isinstance(label, str)]:
        raise ValueError(f"{file}: a label of video {name!r} must be a name, got {bad[0]!r}")
    return labels
