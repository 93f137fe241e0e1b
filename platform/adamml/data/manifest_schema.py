"""Columns of a manifest: their types, and the rules that its rows keep."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
STATES = ("carries", "misleads", "empty")
"""States of a stretch of a modality: it shows the video's class, another class, or none."""
_STRETCHES = pa.list_(
    pa.struct([("start_s", pa.float64()), ("end_s", pa.float64()), ("state", pa.string())])
)
COLUMNS = {
    "id": pa.string(),
    "path": pa.string(),
    "split": pa.string(),
    "duration_s": pa.float64(),
    "fps": pa.float64(),
}
"""Types of the columns that every manifest has. Columns <modality>_stretches may say where a
modality's evidence is."""
FLOW_PATH = "flow_path"
OPTIONAL = {"source": pa.string(), FLOW_PATH: pa.string()}
"""Types of the optional columns. source: the video that a clip was cut from, by default its path.
flow_path: the video's stored flow (media/flow_video.py), which Manifest.flow describes."""
LABELS = {"label": pa.int64(), "labels": pa.list_(pa.int64())}
"""Types of the two columns of which a manifest has one: a class, or at least one class, rising."""
Quality = Literal["accuracy", "map"]
QUALITIES: tuple[Quality, ...] = ("accuracy", "map")
"""Names of the qualities that can be maximised. With the column labels, only map is possible; with
the column label, accuracy is the default."""


def typed(arrow: pa.Table, file: Path) -> pa.Table:
    """Return the columns that a manifest may have, cast to their types, without all others.

    Args:
        arrow: the table as it is in the file.
        file: path of the file, for messages.

    Raises:
        ValueError: a column is missing, of another type, or has gaps.
    """
    missing = [name for name in COLUMNS if name not in arrow.column_names]
    if missing:
        raise ValueError(
            f"{file} must have the columns {', '.join(COLUMNS)}, got none named {missing}"
        )
    labels = [name for name in LABELS if name in arrow.column_names]
    if len(labels) != 1:
        raise ValueError(f"{file} must have one of the columns {', '.join(LABELS)}, got {labels}")
    stretches = [n for n in arrow.column_names if n.endswith("_stretches")]
    optional = {name: kind for name, kind in OPTIONAL.items() if name in arrow.column_names}
    fields = COLUMNS | {labels[0]: LABELS[labels[0]]} | optional
    fields |= dict.fromkeys(stretches, _STRETCHES)
    columns = {}
    for name, kind in fields.items():
        # Cast, not compared: other tools write the same values as int32 or large_string.
        try:
            columns[name] = arrow.column(name).cast(kind)
        except pa.ArrowException as error:
            raise ValueError(
                f"{file}: column {name} must be {kind}, got {arrow.schema.field(name).type}"
            ) from error
        if columns[name].null_count:
            raise ValueError(
                f"{file}: column {name} must have no missing values, got {columns[name].null_count}"
            )
    return pa.table(columns).replace_schema_metadata(arrow.schema.metadata)


def check_rows(table: pd.DataFrame, classes: tuple[str, ...], file: Path) -> None:
    """Check every row against every rule.

    Args:
        table: typed columns.
        classes: names of the classes, by label.
        file: path of the manifest, for messages.

    Raises:
        ValueError: a row breaks a rule; the message names both.
    """
    # Rule -> the rows that break it. A rule's first word is the column that the message quotes.
    rules = {
        "id must be unique": table["id"].duplicated(),
        f"split must be one of {', '.join(SPLITS)}": ~table["split"].isin(SPLITS),
        **_label_rules(table, len(classes)),
        "duration_s must be positive": ~table["duration_s"].between(0, 1e6, inclusive="neither"),
        "fps must be in (0, 1000]": ~table["fps"].between(0, 1000, inclusive="right"),
    }
    source = "source" if "source" in table else "path"
    shared = table.groupby(source)["split"].transform("nunique") > 1
    rules[f"{source} must be in one split, so that no split has another's videos"] = shared
    for name in (c for c in table.columns if c.endswith("_stretches")):
        rules[f"{name} must have start_s <= end_s and a state of {', '.join(STATES)}"] = ~table[
            name
        ].map(_good_stretches).astype(bool)
    for rule, broken in rules.items():
        if broken.any():
            row = table[broken].iloc[0]
            value = row[rule.split()[0]]
            value = value.item() if isinstance(value, np.generic) else value
            raise ValueError(
                f"{file}: {rule}, got {value!r} for video {row['id']!r} "
                f"({int(broken.sum())} such rows)"
            )


def _label_rules(table: pd.DataFrame, classes: int) -> dict[str, Any]:
    """Return the rule for the labels -> the rows that break it."""
    if "label" in table:
        valid = table["label"].between(0, classes - 1)
        return {f"label must be in 0..{classes - 1}": ~valid}

    def good(labels: Any) -> bool:
        rising = sorted(set(labels))
        return len(rising) > 0 and list(labels) == rising and 0 <= rising[0] <= rising[-1] < classes

    # A table without rows would give objects, which ~ does not negate: hence the bool.
    wrong = ~table["labels"].map(good).astype(bool)
    return {f"labels must be rising numbers in 0..{classes - 1}, at least one": wrong}


def _good_stretches(stretches: Any) -> bool:
    return all(s["state"] in STATES and s["start_s"] <= s["end_s"] for s in stretches)


def check_paths(table: pd.DataFrame, column: str, root: Path, file: Path) -> None:
    """Check that all paths of a column stay inside the data folder.

    Args:
        table: typed columns.
        column: name of the column of paths.
        root: path of the data folder.
        file: path of the manifest, for messages.

    Raises:
        ValueError: a path leads out of the folder, by its text or through a symbolic link.
    """
    inside = os.path.realpath(root) + os.sep
    for name, path in zip(table["id"], table[column], strict=True):
        # A NUL byte would make realpath itself raise, without naming the row.
        relative = bool(path) and not os.path.isabs(path) and "\0" not in path
        if not relative or not os.path.realpath(root / path).startswith(inside):
            raise ValueError(
                f"{file}: {column} must be relative and stay inside the data folder, symbolic "
                f"links included, got {path!r} for video {name!r}"
            )
