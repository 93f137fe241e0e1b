"""Optical flow beside a prepared clip, made in a process of its own."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from adamml.config import MotionConfig
from adamml.config.overrides import fingerprint
from adamml.data.media.encoding import Encoding
from adamml.data.media.flow import ALGORITHMS
from adamml.data.media.flow_video import FlowEncoding
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Preparation, Row, make_file, relative_path, sha256_of

FOLDER = "flow"
"""Name of the folder of flow files, in Preparation.out."""
SECONDS_PER_FLOW = 20.0
"""Longest time that one flow may take on average; TV-L1 takes about 0.5 s at 256 pixels."""
ENCODING = FlowEncoding()
"""Codec and quality of flow files."""
_BOUND, _SHORT_SIDE = MotionConfig().bound, Encoding().short_side
PAIRS = "pairs"
"""Value of --flow for flow that the reference's tools wrote beside numbered pictures: TV-L1,
clipped to 20 pixels (docs/paper.md 4)."""
FLOWS = {
    name: StoredFlow(algorithm=name, bound=_BOUND, short_side=_SHORT_SIDE) for name in ALGORITHMS
} | {PAIRS: StoredFlow(algorithm="tvl1", bound=_BOUND, short_side=_SHORT_SIDE, pairs=True)}
"""Flow that is stored, by the value of --flow."""


def flow_key(clip: Mapping[str, object], flow: StoredFlow) -> str:
    """Return a key that changes with everything that the flow of a prepared clip depends on."""
    return fingerprint({"clip": clip["sha256"]} | asdict(flow) | asdict(ENCODING))


def add_flow(clip: Row, flow: StoredFlow, work: Preparation) -> Row:
    """Compute the flow of a prepared clip, or take it from pictures where flow.pairs says so.

    Args:
        clip: the outcome of clips.prepare() for it.
        flow: the flow to store.
        work: the settings of the run.

    Returns:
        id and key, with path (in work.out), flows (as many as frames), bytes and sha256. Where flow
        cannot be made, with reason instead, and with retry where a later run may succeed.

    Raises:
        OSError: work.out cannot be written.
    """
    row: Row = {"id": clip["id"], "key": flow_key(clip, flow)}
    source = work.out / clip["path"]
    if sha256_of(source) != clip["sha256"]:
        return row | {
            "reason": "its clip was changed since (--check makes it again)",
            "retry": True,
        }
    limit_s = work.wall_s + SECONDS_PER_FLOW * clip["duration_s"] * clip["fps"]
    target = flow_path(clip["id"], flow, work.out)
    argument = {
        "source": str(source),
        "target": str(target),
        "fps": str(Fraction(clip["fps"]).limit_denominator(1001)),
        "flow": asdict(flow),
        "encoding": asdict(ENCODING),
        "pictures": _pictures(clip) if flow.pairs else None,
        "memory_bytes": work.memory_bytes,
        "cpu_s": math.ceil(limit_s),
    }
    return row | make_file("adamml.preparing.making.flow", argument, target, work.out, limit_s)


def _pictures(clip: Row) -> Row:
    arguments = {name: clip["pictures"][name] for name in ("first", "last", "roots")}
    return {"folder": clip["source"]} | arguments


def failure_reason(row: Row) -> str:
    """Return why an outcome of pipeline.outcomes() cannot be used; empty where it can."""
    flow = row.get("flow", {})
    return str(row.get("reason") or (f"no flow, {flow['reason']}" if "reason" in flow else ""))


def flow_folder(flow: StoredFlow, out: Path) -> Path:
    """Return the folder of one kind of flow; several kinds lie beside each other."""
    return out / FOLDER / flow.name


def flow_path(id: str, flow: StoredFlow, out: Path) -> Path:
    """Return the path of the flow of a clip."""
    return flow_folder(flow, out) / relative_path(id)
