"""Annotation files of published datasets, and folders per class, as one table of clips."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adamml.data.manifest import Quality
from adamml.preparing.formats.activitynet import ACTIVITYNET
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import FOLDERS
from adamml.preparing.formats.format import Format
from adamml.preparing.formats.kinetics import KINETICS
from adamml.preparing.formats.lists import LISTS
from adamml.preparing.formats.reference_lists import REFERENCE
from adamml.preparing.formats.sports1m import SPORTS1M
from adamml.tables import lookup

FORMATS: dict[str, Format] = {
    "kinetics": KINETICS,
    "activitynet": ACTIVITYNET,
    "lists": LISTS,
    "sports1m": SPORTS1M,
    "reference": REFERENCE,
    "folders": FOLDERS,
}
"""Annotation formats by name. To add one, write a module with a Format and add a line;
a short reader may stand in this file."""


def read_annotations(name: str, files: Sequence[Path], classes: str | None = None) -> Annotations:
    """Read the annotation files of a format.

    Args:
        name: a key of FORMATS.
        files: the files that the format consists of; of one without files, the folder of videos.
        classes: a key of Format.classes; all classes by default.

    Raises:
        ValueError: an unknown name, or files or classes that the format does not have.
        OSError: a file cannot be read.
    """
    format = lookup(FORMATS, name, what="format")
    if format.files is not None:
        format.files.check(name, files)
    if classes and not format.classes:
        raise ValueError(f"--classes must not be given with {name}, got {classes}")
    subset = lookup(format.classes, classes, what="subset") if classes else None
    annotations = format.read(files, subset)
    # A published dataset keeps the papers' measure, even if no clip read has several labels.
    by_labels: Quality = "map" if annotations.multi_label else "accuracy"
    return replace(annotations, quality=format.default_quality or by_labels)
