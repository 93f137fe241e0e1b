"""The manifest: one row per video, read from manifest.parquet and checked once, here.

Columns: id (unique), path (inside the folder), split (train, validation or test), duration_s, fps,
and what is to be recognised: label, or, where videos have several, labels. Clips of one source
must lie in one split. Metadata of the file: adamml.classes, their names as a JSON list;
adamml.quality, what is maximised (QUALITIES).
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
    root: Path
    """The folder that the paths are relative to."""
    table: pd.DataFrame
    """One row per video: the columns of COLUMNS, one of LABELS, and what is known of OPTIONAL and
    of <modality>_stretches: a list of {start_s, end_s, state}, state in STATES."""
    classes: tuple[str, ...]
    """Names, by label."""
    origin: str = ""
    """What made the files, where their content follows from it."""
    quality: Quality = "accuracy"
    flow: StoredFlow | None = None
    """What lies at the table's flow_path; None where it has no such column."""

    def __len__(self) -> int:
        return len(self.table)

    def split(self, name: Split) -> "Manifest":
        """The videos of one split, in their order here."""
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {name!r}")
        return self.select(self.table["split"] == name)

    def select(self, keep: Any) -> "Manifest":
        """The rows where keep (a boolean per row) is true."""
        return replace(self, table=self.table[keep].reset_index(drop=True))

    @cached_property
    def labels(self) -> list[tuple[int, ...]]:
        """The classes of each video, at least one."""
        if "labels" in self.table:
            return [tuple(map(int, labels)) for labels in self.table["labels"]]
        return [(int(label),) for label in self.table["label"]]

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of rows, columns, classes and origin; the folder has no part."""
        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        content: dict[str, Any] = {
            "rows": arrow.select(sorted(arrow.column_names)).to_pylist(),
            "classes": self.classes,
            "origin": self.origin,
        }
        if self.quality != "accuracy":
            content["quality"] = self.quality
        if self.flow is not None:
            content["flow"] = flow_text(self.flow)
        text = json.dumps(content, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def path(self, row: int) -> Path:
        return self.root / str(self.table["path"].iloc[row])


def load_manifest(root: Path) -> Manifest:
    """Read and check root/manifest.parquet.

    Raises:
        ValueError: no such folder or file, or a row that breaks a rule; the message names the
        folder and the row.
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
    metadata = {k.decode(): v.decode() for k, v in (arrow.schema.metadata or {}).items()}
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
    """Write manifest.root/manifest.parquet, atomically."""
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
    several = "labels" in table
    found = metadata.get("adamml.quality", "map" if several else "accuracy")
    if found == "map" or (found == "accuracy" and not several):
        return "map" if found == "map" else "accuracy"
    wanted = "map where videos have several labels" if several else " or ".join(QUALITIES)
    raise ValueError(f"{file}: adamml.quality must be {wanted}, got {found!r}")


def _classes(metadata: dict[str, str], table: pd.DataFrame, file: Path) -> tuple[str, ...]:
    if "adamml.classes" not in metadata:
        known = table["labels"].explode() if "labels" in table else table["label"]
        return tuple(str(i) for i in range(int(known.max()) + 1 if known.notna().any() else 0))
    names = json.loads(metadata["adamml.classes"])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{file}: adamml.classes must be a list of names, got {names!r}")
    return tuple(names)


def _flow(metadata: dict[str, str], table: pd.DataFrame, file: Path) -> StoredFlow | None:
    there, said = FLOW_PATH in table, "adamml.flow" in metadata
    if there != said:
        raise ValueError(
            f"{file} must have a column {FLOW_PATH} and the metadata adamml.flow, or neither, got "
            f"{'the column' if there else 'the metadata'} alone"
        )
    try:
        return parse_flow(metadata["adamml.flow"]) if said else None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
