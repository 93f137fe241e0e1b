"""Flow beside a prepared clip, in a process of its own."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

from adamml.config.overrides import fingerprint
from adamml.data.media.flow_video import FlowEncoding
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.clips import Preparation, Row, made, place_of, sha256_of

FOLDER = "flow"
SECONDS_PER_FLOW = 20.0
"""The longest that one may take on average; TV-L1 takes about half a second at 256 pixels."""
ENCODING = FlowEncoding()


def key_of(clip: Mapping[str, object], flow: StoredFlow) -> str:
    """Changes with all that the flow of a prepared clip follows from."""
    return fingerprint({"clip": clip["sha256"]} | asdict(flow) | asdict(ENCODING))


def add_flow(clip: Row, flow: StoredFlow, work: Preparation) -> Row:
    """Compute the flow of a clip that prepare() made, or take the pictures of it.

    Returns:
        id and key, with path (in work.out), flows (as many as frames), bytes and sha256; or, where
        that cannot be, with reason, and with retry where a less busy machine might do better.

    Raises:
        OSError: work.out cannot be written.
    """
    row: Row = {"id": clip["id"], "key": key_of(clip, flow)}
    source = work.out / clip["path"]
    if sha256_of(source) != clip["sha256"]:
        return row | {
            "reason": "its clip was changed since (--check makes it again)",
            "retry": True,
        }
    limit_s = work.wall_s + SECONDS_PER_FLOW * clip["duration_s"] * clip["fps"]
    target = flow_file_of(clip["id"], flow, work.out)
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
    return row | made("adamml.preparing.making.flow", argument, target, work.out, limit_s)


def _pictures(clip: Row) -> Row:
    known = {name: clip["pictures"][name] for name in ("first", "last", "roots")}
    return {"folder": clip["source"]} | known


def problem(row: Row) -> str:
    """Why a row of pipeline.outcomes() cannot be used; empty where it can."""
    flow = row.get("flow", {})
    return str(row.get("reason") or (f"no flow, {flow['reason']}" if "reason" in flow else ""))


def flow_file_of(id: str, flow: StoredFlow, out: Path) -> Path:
    """Flows of several settings lie beside each other."""
    return out / FOLDER / flow.name / place_of(id)
