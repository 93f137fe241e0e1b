"""Annotation files of published datasets, and folders, as one table of clips."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adamml.preparing.formats.activitynet import read_activitynet
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import read_folders
from adamml.preparing.formats.kinetics import read_kinetics
from adamml.preparing.formats.lists import read_lists
from adamml.preparing.formats.reference_lists import read_reference_lists
from adamml.preparing.formats.sports1m import read_sports1m

Read = Callable[[Sequence[Path], str | None], Annotations]
FORMATS: dict[str, Read] = {
    "kinetics": read_kinetics,
    "activitynet": read_activitynet,
    "lists": read_lists,
    "sports1m": read_sports1m,
    "reference": read_reference_lists,
    "folders": read_folders,
}
"""Name -> (annotation files, subset) -> annotations. To add one: write a module, add a line."""
