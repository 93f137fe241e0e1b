"""What all annotation formats become: one row per clip, with its published split."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from adamml.data.manifest import QUALITIES, Quality

PublishedSplit = Literal["train", "evaluation"]
MOST_BYTES = 2**30
"""Of a file of annotations; the largest in circulation has a tenth of that."""
COLUMNS = ("id", "source", "clip", "split", "labels", "start_s", "end_s", "frames", "sound")


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A row of Annotations.table."""

    id: str
    """Unique; the manifest's."""
    source: str
    """The video it was cut from: clips of one source never lie in different splits."""
    clip: str
    """Its file in the videos' folder, as the format names it, with or without a suffix; or its
    folder of numbered pictures."""
    split: PublishedSplit
    """evaluation: what papers report on, our test split."""
    labels: tuple[int, ...]
    """Indices of classes, at least one, rising."""
    start_s: float = float("nan")
    """Where it begins in its source, where only that is at hand; nan: at the file's beginning."""
    end_s: float = float("nan")
    frames: tuple[int, int] | None = None
    """The numbers of its first and its last picture, where `clip` is a folder of them."""
    sound: str = ""
    """Its sound's file, where `clip` is a folder and the format names one."""
    where: str = ""
    """file:line, for messages; no column of the table."""


@dataclass(frozen=True, eq=False)
class Annotations:
    table: pd.DataFrame
    """One row per clip, the fields of Clip."""
    classes: tuple[str, ...]
    """Names, by label."""
    quality: Quality = "accuracy"
    """What papers report: top-1 accuracy, or mean average precision."""

    @property
    def multi_label(self) -> bool:
        """Whether any clip has more than one label."""
        return bool((self.table["labels"].map(len) > 1).any())


def annotations(
    clips: Iterable[Clip], classes: Sequence[str], origin: Path, quality: Quality = "accuracy"
) -> Annotations:
    """Checked annotations.

    Args:
        origin: the file or folder they were read from, for messages about clips without `where`.

    Raises:
        ValueError: no clip, a name that is no text, an id twice, a label without a class, or a
            source in both splits.
    """
    clips = list(clips)
    rows = [{name: getattr(clip, name) for name in COLUMNS} for clip in clips]
    if not rows:
        raise ValueError(f"{origin} must name a clip, got none")
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
    return Annotations(table, tuple(classes), quality)


def _is_text(name: str) -> bool:
    """Not empty, and writable as UTF-8: half a surrogate pair, from JSON or a file name, is not."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def check_files(format: str, files: Sequence[Path], counts: Collection[int], needs: str) -> None:
    """
    Args:
        counts: how many files the format takes.
        needs: which, in words.

    Raises:
        ValueError: another number of files, a file that is none, or one beyond MOST_BYTES.
    """
    if len(files) not in counts:
        raise ValueError(f"--annotations of {format} must be {needs}, got {len(files)} files")
    for file in files:
        if not file.is_file():
            raise ValueError(f"--annotations must be a file, got {file}")
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"--annotations must have at most {MOST_BYTES} bytes, got {file}")


def refuse_subset(format: str, subset: str | None) -> None:
    """
    Raises:
        ValueError: a subset is asked of a format that knows none.
    """
    if subset:
        raise ValueError(f"--classes must not be given with {format}, got {subset}")


def with_quality(found: Annotations, quality: str) -> Annotations:
    """The same clips, for another measure.

    Raises:
        ValueError: no such measure, or accuracy for clips with several labels.
    """
    known = next((name for name in QUALITIES if name == quality), None)
    if known is None:
        raise ValueError(f"--quality must be {' or '.join(QUALITIES)}, got {quality}")
    if known == "accuracy" and found.multi_label:
        several = found.table[found.table["labels"].map(len) > 1]
        raise ValueError(
            f"--quality must be map where a clip has several labels, got accuracy and "
            f"{several['id'].iloc[0]!r} with {list(several['labels'].iloc[0])} "
            f"({len(several)} such clips)"
        )
    return replace(found, quality=known)
