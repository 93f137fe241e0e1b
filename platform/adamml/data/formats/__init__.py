"""Annotation files of published datasets, and folders, as one table of clips."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adamml.data.formats.annotations import Annotations
from adamml.data.formats.folders import read_folders
from adamml.data.formats.kinetics import read_kinetics

Read = Callable[[Sequence[Path], str | None], Annotations]
FORMATS: dict[str, Read] = {"kinetics": read_kinetics, "folders": read_folders}
"""Name -> (annotation files, subset) -> annotations. To add one: write a module, add a line."""
