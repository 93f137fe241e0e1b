"""Annotations: one row per clip with its published split, whatever the format of the files was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from adamml.data.manifest import QUALITIES, Quality

PublishedSplit = Literal["train", "evaluation"]
COLUMNS = ("id", "source", "clip", "split", "labels", "start_s", "end_s", "frames", "sound")
"""Columns of Annotations.table: the fields of Clip without `where`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A row of Annotations.table."""

    id: str
    """Unique name of the clip; the manifest has it too."""
    source: str
    """Name of the video that the clip is cut from. Clips of one source never lie in different
    splits."""
    clip: str
    """Name of the clip's file in the folder of videos, with or without a suffix, or of its folder
    of numbered pictures."""
    split: PublishedSplit
    """Published split. Papers report on "evaluation", which becomes the test split."""
    labels: tuple[int, ...]
    """Indices of classes, at least one, rising."""
    start_s: float = float("nan")
    """Time in the source at which the clip begins, in seconds. It is used where only the uncut
    source is at hand; nan is the beginning of the file."""
    end_s: float = float("nan")
    """Time in the source at which the clip ends, in seconds; nan is the end of the file."""
    frames: tuple[int, int] | None = None
    """Numbers of the first and the last picture, where `clip` is a folder of pictures."""
    sound: str = ""
    """Name of the sound's file, where `clip` is a folder of pictures and the format names one."""
    where: str = ""
    """Place of the annotation for messages, as file:line; no column of the table."""


@dataclass(frozen=True, eq=False)
class Annotations:
    """Clips of a dataset, their classes and the measure that is to be maximised."""

    table: pd.DataFrame
    """One row per clip, with the columns COLUMNS."""
    classes: tuple[str, ...]
    """Class names, by label."""
    quality: Quality = "accuracy"
    """Quality measure: top-1 accuracy, or mean average precision."""

    @property
    def multi_label(self) -> bool:
        """Return whether any clip has more than one label."""
        return bool((self.table["labels"].map(len) > 1).any())


def annotations(clips: Iterable[Clip], classes: Sequence[str], origin: Path) -> Annotations:
    """Check clips and put them into a table.

    Args:
        clips: in any order.
        classes: class names, by label.
        origin: the file or folder they were read from, for messages about clips without `where`.

    Raises:
        ValueError: no clip, a name that is no text, an id twice, a label without a class, or a
            source in both published splits.
    """
    clips = list(clips)
    rows = [{name: getattr(clip, name) for name in COLUMNS} for clip in clips]
    if not rows:
        raise ValueError(f"{origin} must name a clip, got none")
    # Before all else: the manifest is UTF-8, and an error in writing it would name no place.
    for name, place in [(n, origin) for n in classes] + [(c.id, c.where or origin) for c in clips]:
        if not _is_text(name):
            raise ValueError(f"{place}: names must be text, got {name!r}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    bad = table["labels"].map(
        lambda labels: not labels or not 0 <= min(labels) <= max(labels) < len(classes)
    )
    both = table.groupby("source")["split"].transform("nunique") > 1
    rules = {
        "an id must be there once": table["id"].duplicated(),
        f"labels must be in 0..{len(classes) - 1}, at least one": bad,
        "clips of one video must be in one published split": both,
    }
    for rule, broken in rules.items():
        if broken.any():
            first = clips[broken.tolist().index(True)]
            raise ValueError(
                f"{first.where or origin}: {rule}, got {first.id!r} with labels "
                f"{list(first.labels)} ({int(broken.sum())} such clips)"
            )
    return Annotations(table, tuple(classes))


def _is_text(name: str) -> bool:
    """Return whether a name is not empty and can be written as UTF-8.

    Half a surrogate pair, which JSON and file names can hold, cannot.
    """
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def with_quality(annotations: Annotations, quality: str) -> Annotations:
    """Return the same clips with another quality measure.

    Raises:
        ValueError: an unknown measure, or accuracy for clips with several labels.
    """
    measure = next((name for name in QUALITIES if name == quality), None)
    if measure is None:
        raise ValueError(f"--quality must be {' or '.join(QUALITIES)}, got {quality}")
    if measure == "accuracy" and annotations.multi_label:
        several = annotations.table[annotations.table["labels"].map(len) > 1]
        raise ValueError(
            f"--quality must be map where a clip has several labels, got accuracy and "
            f"{several['id'].iloc[0]!r} with {list(several['labels'].iloc[0])} "
            f"({len(several)} such clips)"
        )
    return replace(annotations, quality=measure)
