"""The manifest of prepared clips, and the table of clips that could not be prepared."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from adamml.config.overrides import fingerprint
from adamml.data.manifest import FLOW_PATH, Manifest, load_manifest, write_manifest
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Row
from adamml.preparing.flows import failure_reason
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.folders import utf8_name
from adamml.preparing.formats.splits import with_splits

REPORT = "failed.csv"
"""Name of the file, in the folder of prepared clips, with the table of failures()."""


def make_manifest(
    annotations: Annotations, outcomes: Mapping[str, Row], out: Path, flow: StoredFlow | None = None
) -> Manifest:
    """Write out/manifest.parquet over the clips that could be prepared, and read it back.

    Splits are drawn over all clips that are annotated, so that a clip which is missing on one
    machine moves no other.

    Args:
        annotations: all clips.
        outcomes: the clips' outcomes, from pipeline.outcomes().
        out: the folder of prepared clips.
        flow: the flow that the outcomes have under "flow"; None for a manifest without flow.

    Raises:
        ValueError: no clip could be prepared.
    """
    table = with_splits(annotations.table)
    usable = {id: row for id, row in outcomes.items() if not failure_reason(row)}
    table = table[table["id"].isin(usable)].reset_index(drop=True)
    if not len(table):
        raise ValueError(f"at least one clip must be usable, got none: {out / REPORT} says why")
    rows = [usable[id] for id in table["id"]]
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
    # With the column labels a manifest allows no measure but mAP: only where it is needed.
    several = annotations.multi_label and annotations.quality == "map"
    manifest["labels" if several else "label"] = [
        list(labels) if several else labels[0] for labels in table["labels"]
    ]
    files = rows
    if flow is not None:
        manifest[FLOW_PATH] = [row["flow"]["path"] for row in rows]
        files = rows + [row["flow"] for row in rows]
    # By content: after a file changed, the same rows are other data.
    origin = f"prepared {fingerprint({row['path']: row['sha256'] for row in files})}"
    write_manifest(Manifest(out, manifest, annotations.classes, origin, annotations.quality, flow))
    return load_manifest(out)


def failures(outcomes: Mapping[str, Row]) -> pd.DataFrame:
    """Return id, source and reason of every clip that cannot be used, in order of the ids."""
    rows = [
        row | {"reason": failure_reason(row), "source": utf8_name(row["source"])}
        for row in outcomes.values()
        if failure_reason(row)
    ]
    return pd.DataFrame(rows, columns=["id", "source", "reason"]).sort_values("id")
