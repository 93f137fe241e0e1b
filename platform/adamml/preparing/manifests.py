"""The manifest of prepared clips, and what there is to say about them."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from adamml.config.overrides import fingerprint
from adamml.data.manifest import FLOW_PATH, Manifest, load_manifest, write_manifest
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Row
from adamml.preparing.flows import problem
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import name_of
from adamml.preparing.formats.splits import with_splits


def make_manifest(
    found: Annotations, outcomes: Mapping[str, Row], out: Path, flow: StoredFlow | None = None
) -> Manifest:
    """Write out/manifest.parquet over the clips that could be prepared, and read it back.

    Splits are drawn over all that is annotated, so that what is missing on one machine moves
    nothing.

    Args:
        outcomes: as of pipeline.outcomes().
        flow: what their "flow" is, where they have any.

    Raises:
        ValueError: no clip could be prepared.
    """
    table = with_splits(found.table)
    good = {id: row for id, row in outcomes.items() if not problem(row)}
    table = table[table["id"].isin(good)].reset_index(drop=True)
    if not len(table):
        raise ValueError("a clip must be prepared, got none: see the report")
    rows = [good[id] for id in table["id"]]
    manifest = pd.DataFrame(
        {
            "id": table["id"],
            "path": [row["path"] for row in rows],
            "source": table["source"],
            "split": table["split"],
            "duration_s": [row["duration_s"] for row in rows],
            "fps": [row["fps"] for row in rows],
        }
    )
    several = found.multi_label and found.quality == "map"
    manifest["labels" if several else "label"] = [
        list(labels) if several else labels[0] for labels in table["labels"]
    ]
    files = rows
    if flow is not None:
        manifest[FLOW_PATH] = [row["flow"]["path"] for row in rows]
        files = rows + [row["flow"] for row in rows]
    made = f"prepared {fingerprint({row['path']: row['sha256'] for row in files})}"
    write_manifest(Manifest(out, manifest, found.classes, made, found.quality, flow))
    return load_manifest(out)


def failures(outcomes: Mapping[str, Row]) -> pd.DataFrame:
    """id, source and reason of every clip that could not be prepared."""
    rows = [
        row | {"reason": problem(row), "source": name_of(row["source"])}
        for row in outcomes.values()
        if problem(row)
    ]
    return pd.DataFrame(rows, columns=["id", "source", "reason"]).sort_values("id")
