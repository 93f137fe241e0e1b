"""The manifest: one row per video, in manifest.parquet, checked once when it is read.

Columns: id (unique), path (inside the folder), split (train, validation or test), duration_s, fps,
and the answer: label, or labels if videos may have several. All clips of one source lie in one
split. Metadata of the file: adamml.classes, the classes' names as a JSON list; adamml.quality, the
quality that a study maximises (QUALITIES); adamml.flow, the properties of stored flow.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from adamml.data.manifest_schema import (
    COLUMNS,
    FLOW_PATH,
    QUALITIES,
    SPLITS,
    Quality,
    Split,
    check_paths,
    check_rows,
    typed,
)
from adamml.data.stored_flow import StoredFlow, flow_text, parse_flow
from adamml.files import whole

__all__ = [
    "FLOW_PATH",
    "QUALITIES",
    "SPLITS",
    "Manifest",
    "Quality",
    "Split",
    "load_manifest",
    "write_manifest",
]
FILE_NAME = "manifest.parquet"


@dataclass(frozen=True, eq=False)
class Manifest:
    """The videos of a data folder, or some of them."""

    root: Path
    """Path of the data folder; the table's paths are relative to it."""
    table: pd.DataFrame
    """One row per video: the columns of COLUMNS, one of LABELS, and any of OPTIONAL. A column
    <modality>_stretches holds, per video, a list of {start_s, end_s, state} with a state of
    STATES: where the modality's evidence is."""
    classes: tuple[str, ...]
    """Names of the classes, by label."""
    origin: str = ""
    """Description of the program that made the files, if their content follows from it; else
    empty."""
    quality: Quality = "accuracy"
    """Name of the quality that a study of these videos maximises."""
    flow: StoredFlow | None = None
    """Properties of the flow at the table's flow_path; None if there is no such column."""

    def __len__(self) -> int:
        """Return the number of videos."""
        return len(self.table)

    def split(self, name: Split) -> "Manifest":
        """Return the videos of one split, in their order here.

        Raises:
            ValueError: name is not in SPLITS.
        """
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {name!r}")
        return self.select(self.table["split"] == name)

    def select(self, keep: Any) -> "Manifest":
        """Return the rows at which keep, a boolean per row, is true."""
        return replace(self, table=self.table[keep].reset_index(drop=True))

    @cached_property
    def labels(self) -> list[tuple[int, ...]]:
        """Classes of each video, at least one."""
        if "labels" in self.table:
            return [tuple(map(int, labels)) for labels in self.table["labels"]]
        return [(int(label),) for label in self.table["label"]]

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of rows, columns, classes and origin: 16 hexadecimal digits.

        The folder has no part in it: the same data elsewhere has the same fingerprint.
        """
        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        content: dict[str, Any] = {
            "rows": arrow.select(sorted(arrow.column_names)).to_pylist(),
            "classes": self.classes,
            "origin": self.origin,
        }
        # Only what differs from the default is added: older manifests keep their fingerprints.
        if self.quality != "accuracy":
            content["quality"] = self.quality
        if self.flow is not None:
            content["flow"] = flow_text(self.flow)
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def path(self, row: int) -> Path:
        """Return the path of a row's media file."""
        return self.root / str(self.table["path"].iloc[row])


def load_manifest(root: Path) -> Manifest:
    """Read and check root/manifest.parquet.

    >>> import tempfile
    >>> video = {"id": "cat-1", "path": "cat.mp4", "split": "train", "label": 0}
    >>> table = pd.DataFrame([video | {"duration_s": 4.0, "fps": 25.0}])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_manifest(Manifest(Path(folder), table, classes=("cat",)))
    ...     manifest = load_manifest(Path(folder))
    >>> len(manifest), manifest.labels, manifest.classes
    (1, [(0,)], ('cat',))

    Raises:
        ValueError: the folder or its manifest does not exist, or a row breaks a rule; the message
            names the folder and the row.
    """
    root = Path(root)
    if not root.is_dir():
        raise ValueError(f"data folder must exist, got {root}")
    file = root / FILE_NAME
    if not file.is_file():
        columns = ", ".join([*COLUMNS, "label or labels"])
        raise ValueError(
            f"data folder must hold a {FILE_NAME} (columns {columns}; "
            f"paths relative to the folder), got {root} without one"
        )
    try:
        arrow = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file} must be a parquet file, got: {error}") from error
    # Parquet keeps metadata as bytes.
    metadata = {k.decode(): v.decode() for k, v in (arrow.schema.metadata or {}).items()}
    # Types come before rows, and rows before paths: each check relies on the one before it.
    arrow = typed(arrow, file)
    table = arrow.to_pandas()
    classes = _classes(metadata, table, file)
    check_rows(table, classes, file)
    flow = _flow(metadata, table, file)
    for column in ("path", FLOW_PATH) if flow else ("path",):
        check_paths(table, column, root, file)
    origin, quality = metadata.get("adamml.origin", ""), _quality(metadata, table, file)
    return Manifest(root, table, classes, origin, quality, flow=flow)


def write_manifest(manifest: Manifest) -> None:
    """Write manifest.root/manifest.parquet, atomically.

    Raises:
        ValueError: a column is missing, of another type, or has gaps.
    """
    table = pa.Table.from_pandas(manifest.table, preserve_index=False)
    metadata = {
        "adamml.classes": json.dumps(manifest.classes),
        "adamml.origin": manifest.origin,
        "adamml.quality": manifest.quality,
    }
    if manifest.flow is not None:
        metadata["adamml.flow"] = flow_text(manifest.flow)
    table = table.replace_schema_metadata(metadata)
    with whole(manifest.root / FILE_NAME) as part:
        pq.write_table(typed(table, part), part)


def _quality(metadata: dict[str, str], table: pd.DataFrame, file: Path) -> Quality:
    """Return the quality that the metadata names, or the default for the kind of labels.

    Raises:
        ValueError: the name is unknown, or is accuracy and videos have several labels.
    """
    several = "labels" in table
    name = metadata.get("adamml.quality", "map" if several else "accuracy")
    # Returned as literals, for mypy: `name` is any string, a Quality is one of two.
    if name == "map":
        return "map"
    if name == "accuracy" and not several:
        return "accuracy"
    rule = "map where videos have several labels" if several else " or ".join(QUALITIES)
    raise ValueError(f"{file}: adamml.quality must be {rule}, got {name!r}")


def _classes(metadata: dict[str, str], table: pd.DataFrame, file: Path) -> tuple[str, ...]:
    """Return the classes' names; without metadata, the numbers up to the highest label.

    Raises:
        ValueError: adamml.classes is not a list of strings.
    """
    if "adamml.classes" not in metadata:
        labels = table["labels"].explode() if "labels" in table else table["label"]
        # A table without rows has no highest label.
        return tuple(str(i) for i in range(int(labels.max()) + 1 if labels.notna().any() else 0))
    names = json.loads(metadata["adamml.classes"])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{file}: adamml.classes must be a list of names, got {names!r}")
    return tuple(names)


def _flow(metadata: dict[str, str], table: pd.DataFrame, file: Path) -> StoredFlow | None:
    """Return the properties of the stored flow; None if the table has no column for it.

    Raises:
        ValueError: the column comes without the metadata, or the metadata without the column, or
            the metadata is not readable.
    """
    has_column, has_metadata = FLOW_PATH in table, "adamml.flow" in metadata
    if has_column != has_metadata:
        raise ValueError(
            f"{file} must have a column {FLOW_PATH} and the metadata adamml.flow, or neither, got "
            f"{'the column' if has_column else 'the metadata'} alone"
        )
    try:
        return parse_flow(metadata["adamml.flow"]) if has_metadata else None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
