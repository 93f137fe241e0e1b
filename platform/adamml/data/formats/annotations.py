"""What all annotation formats become: one row per clip, with its published split."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

PublishedSplit = Literal["train", "evaluation"]
COLUMNS = ("id", "source", "clip", "split", "labels", "start_s", "end_s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A row of Annotations.table."""

    id: str
    """Unique; the manifest's."""
    source: str
    """The video it was cut from: clips of one source never lie in different splits."""
    clip: str
    """Its file in the videos' folder, as the format names it, with or without a suffix."""
    split: PublishedSplit
    """evaluation: what papers report on, our test split."""
    labels: tuple[int, ...]
    """Indices of classes, at least one, rising."""
    start_s: float = float("nan")
    """Where it begins in its source, where only that is at hand; nan: at the file's beginning."""
    end_s: float = float("nan")


@dataclass(frozen=True, eq=False)
class Annotations:
    table: pd.DataFrame
    """One row per clip, the fields of Clip."""
    classes: tuple[str, ...]
    """Names, by label."""

    @property
    def multi_label(self) -> bool:
        """Whether any clip has more than one label."""
        return bool((self.table["labels"].map(len) > 1).any())


def annotations(clips: Iterable[Clip], classes: Sequence[str], origin: Path) -> Annotations:
    """Checked annotations.

    Args:
        origin: the file or folder they were read from, for messages.

    Raises:
        ValueError: no clip, an id twice, a label without a class, or a source in both splits.
    """
    rows = [{name: getattr(clip, name) for name in COLUMNS} for clip in clips]
    if not rows:
        raise ValueError(f"{origin} must name a clip, got none")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    _refuse(table[table["id"].duplicated()], "an id must be there once", origin)
    bad = table["labels"].map(
        lambda labels: not labels or not 0 <= min(labels) <= max(labels) < len(classes)
    )
    _refuse(table[bad], f"labels must be in 0..{len(classes) - 1}, at least one", origin)
    both = table.groupby("source")["split"].transform("nunique") > 1
    _refuse(table[both], "clips of one video must be in one published split", origin)
    return Annotations(table, tuple(classes))


def _refuse(rows: pd.DataFrame, rule: str, origin: Path) -> None:
    if len(rows):
        first = rows.iloc[0]
        raise ValueError(
            f"{origin}: {rule}, got {first['id']!r} with labels {list(first['labels'])} "
            f"({len(rows)} such clips)"
        )
