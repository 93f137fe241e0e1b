"""The manifest of prepared clips, and what there is to say about them."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from adamml.data.formats.annotations import Annotations
from adamml.data.formats.folders import name_of
from adamml.data.formats.published import PUBLISHED
from adamml.data.formats.splits import with_splits
from adamml.data.manifest import SPLITS, Manifest, load_manifest, write_manifest
from adamml.overrides import fingerprint
from adamml.preparing.clips import Row


def make_manifest(found: Annotations, outcomes: Mapping[str, Row], out: Path) -> Manifest:
    """Write out/manifest.parquet over the clips that could be prepared, and read it back.

    Splits are drawn over all that is annotated, so that what is missing on one machine moves
    nothing.

    Raises:
        ValueError: no clip could be prepared, or one has several labels.
    """
    if found.multi_label:
        raise ValueError("clips must have one label each, got some with several")
    table = with_splits(found.table)
    good = {id: row for id, row in outcomes.items() if "reason" not in row}
    table = table[table["id"].isin(good)].reset_index(drop=True)
    if not len(table):
        raise ValueError("a clip must be prepared, got none: see the report")
    rows = [good[id] for id in table["id"]]
    manifest = pd.DataFrame(
        {
            "id": table["id"],
            "path": [row["path"] for row in rows],
            "split": table["split"],
            "label": [labels[0] for labels in table["labels"]],
            "duration_s": [row["duration_s"] for row in rows],
            "fps": [row["fps"] for row in rows],
        }
    )
    sums = fingerprint({row["path"]: row["sha256"] for row in rows})
    write_manifest(Manifest(out, manifest, found.classes, f"prepared {sums}"))
    return load_manifest(out)


def counts(found: Annotations, manifest: Manifest, subset: str | None) -> pd.DataFrame:
    """Clips per split: annotated, prepared, published where that is known."""
    annotated = with_splits(found.table)["split"].value_counts()
    prepared = manifest.table["split"].value_counts()
    table = pd.DataFrame({"annotated": annotated, "prepared": prepared}).reindex(SPLITS)
    table = table.fillna(0).astype(int)
    if subset in PUBLISHED:
        published = PUBLISHED[subset]
        table["published"] = [f"{published.train:,} in both", "", f"{published.evaluation:,}"]
    return table


def failures(outcomes: Mapping[str, Row]) -> pd.DataFrame:
    """id, source and reason of every clip that could not be prepared."""
    rows = [row for row in outcomes.values() if "reason" in row]
    rows = [row | {"source": name_of(row["source"])} for row in rows]
    return pd.DataFrame(rows, columns=["id", "source", "reason"]).sort_values("id")
