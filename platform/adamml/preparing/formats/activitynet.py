"""ActivityNet v1.3: one JSON file with all videos, their subset, and instances of activities.

A video is one untrimmed clip with the labels of all its instances, which is how the papers count
(10,024 training and 4,926 evaluation videos). `validation` is the papers' test set; `testing` has
no labels and is left out. A video's file is named v_<id>, as in the copies in circulation, or <id>.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adamml.preparing.formats.annotations import Annotations, Clip, PublishedSplit, annotations
from adamml.preparing.formats.format import Files, Format

SUBSETS: dict[str, PublishedSplit] = {"training": "train", "validation": "evaluation"}
"""Published split by the subset that the file names."""


def read_activitynet(files: Sequence[Path], classes: Sequence[str] | None = None) -> Annotations:
    """Read the JSON file.

    Args:
        files: activity_net.v1-3.min.json, alone in the list.
        classes: not used; the format has no named subsets.

    Raises:
        ValueError: not this format, or a video twice.
        OSError: the file cannot be read.
    """
    videos = _database(files[0])
    labels = {name: _labels(video, name, files[0]) for name, video in videos.items()}
    # The file does not number its activities: a label is a place among the sorted names.
    names = sorted({label for video_labels in labels.values() for label in video_labels})
    number = {name: index for index, name in enumerate(names)}
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
    return annotations(clips, names, files[0])


def _database(file: Path) -> dict[str, dict[str, Any]]:
    """Read the videos of the subsets that have labels."""
    try:
        videos = json.loads(file.read_bytes(), object_pairs_hook=_refuse_duplicates)["database"]
        return {name: v for name, v in videos.items() if v["subset"] in SUBSETS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{file} must be ActivityNet's JSON (database -> video -> subset, annotations), got: "
            f"{type(error).__name__} {error}"
        ) from error


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of pairs, each name once.

    The json module would take the last of two, and with it perhaps the other subset.
    """
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


ACTIVITYNET = Format(
    summary="ActivityNet's JSON file",
    read=read_activitynet,
    files=Files([1], "one file, activity_net.v1-3.min.json"),
    default_quality="map",
    published=("activitynet",),
)
