"""What MLflow should show of a journal: pure translation of events, without MLflow itself.

It is deterministic: the same events always give the same points with the same timestamps, so that
a point sent twice (a kill between sending and remembering) is recognised by the store as known.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamml.journal import Event

MAX_PARAM, MAX_TAG, MAX_KEY = 6000, 8000, 250
"""MLflow's limits in characters."""
RUN_STATUS = {"completed": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
"""The journal's status -> MLflow's; any other (interrupted) is KILLED."""
OPERATING_POINTS = "operating_points.json"
"""A trial's artifact; the tag operating_points counts them."""


_QUALITY = re.compile(r"(^|test_|\.)quality(?=$|_)")


@dataclass(frozen=True, slots=True)
class Point:
    key: str
    value: float
    time_ms: int
    step: int


@dataclass(kw_only=True, slots=True)
class Batch:
    """Additions to one run. `status` is MLflow's (RUNNING, FINISHED, ...) and always the newest."""

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Artifact name -> its text."""
    files: list[str] = field(default_factory=list)
    """Paths relative to the study's folder, to be kept as artifacts."""
    status: str = "RUNNING"
    end_ms: int | None = None


def trial_batch(events: Sequence[Event], since: int = 0) -> Batch:
    """What events[since:] of a trial's journal add to its run.

    An epoch that a retried attempt did again keeps its first points: MLflow can't replace one.
    Final metrics get the last epoch's step, so that they are the values MLflow shows as latest.
    """
    batch, quality = Batch(), quality_of(events)
    seen: set[int] = set()
    for index, event in enumerate(events):
        new = index >= since
        match event["event"]:
            case "start":
                _running(batch, event, new)
            case "epoch":
                if new and event["epoch"] not in seen:
                    _add_points(batch, event, event["epoch"], quality)
                    batch.tags["stage"] = event.get("stage", "")
                seen.add(event["epoch"])
            case "final" if new:
                _add_points(batch, event, max(seen, default=0), quality)
                batch.tags["fidelity"] = str(event.get("fidelity"))
            case "operating_points" if new:
                batch.texts[OPERATING_POINTS] = json.dumps(event["points"], indent=1)
                batch.tags["operating_points"] = str(len(event["points"]))
            case "end":
                _ended(batch, event, new)
    return batch


def study_batches(events: Sequence[Event], since: int = 0) -> dict[str, Batch]:
    """What events[since:] of a study's journal add: trial id -> batch; "": its own run."""
    batches, quality = {"": Batch()}, quality_of(events)
    own, steps = batches[""], 0
    for index, event in enumerate(events):
        new = index >= since
        match event["event"]:
            case "start":
                _running(own, event, new)
            case "metrics":
                if new:
                    _add_points(own, event, event.get("step", steps), quality)
                steps += 1
            case "references" if new:
                _add_references(own, event, quality)
            case "data" if new:
                counts = {k: v for k, v in event.items() if k in ("videos", "silent")}
                counts["bad"] = len(event.get("bad", {}))
                found = {f"data.{k}": v for k, v in counts.items()}
                _add_points(own, {**event, "metrics": found}, 0, quality)
                own.texts["bad_files.json"] = json.dumps(event.get("bad", {}), indent=1)
            case "tags" if new:
                trial = batches.setdefault(event["id"], Batch())
                trial.tags |= {_key(k): str(v)[:MAX_TAG] for k, v in event["tags"].items()}
            case "test" | "regret" if new:
                _add_points(batches.setdefault(event["id"], Batch()), event, 0, quality)
            case "artifact" if new:
                own.files.append(event["path"])
            case "end":
                _ended(own, event, new)
    return batches


def quality_of(events: Sequence[Event]) -> str:
    """The name that a journal's quality has in MLflow."""
    params = (event.get("params", {}) for event in events if event["event"] == "start")
    known = (found["data.quality"] for found in params if "data.quality" in found)
    return str(next(known, "accuracy"))


def start_tags(event: Event) -> dict[str, str]:
    """Tags that a run has from its first moment on, from its start event."""
    tags = {name: str(event[name]) for name in ("kind", "method") if name in event}
    if event.get("kind") == "trial":
        tags["on_front"] = "false"
    overrides = json.dumps(event.get("overrides", {}))
    return tags if len(overrides) > MAX_TAG else {**tags, "adamml.config.overrides": overrides}


def milliseconds(event: Event) -> int:
    return int(event["time"] * 1000)


def _running(batch: Batch, event: Event, new: bool) -> None:
    batch.status, batch.end_ms = "RUNNING", None
    if new:
        batch.tags["status"] = "running"
        params = event.get("params", {})
        batch.params = {_key(k): _param(v) for k, v in params.items()} | batch.params


def _ended(batch: Batch, event: Event, new: bool) -> None:
    batch.status, batch.end_ms = RUN_STATUS.get(event["status"], "KILLED"), milliseconds(event)
    if not new:
        return
    batch.tags["status"] = event["status"]
    if error := event.get("error"):
        batch.texts["error.txt"] = error
        batch.tags["error"] = error.strip().rpartition("\n")[2][:MAX_TAG]


def _add_points(batch: Batch, event: Event, step: int, quality: str) -> None:
    """A final in the same millisecond as its epoch must still count as the later one."""
    time_ms = milliseconds(event) + (event["event"] == "final")
    for name, value in event["metrics"].items():
        key = _key(_QUALITY.sub(rf"\g<1>{quality}", name))
        batch.points.append(Point(key, float(value), time_ms, step))


def as_in_journals(metric: str, quality: str) -> str:
    """The name that a metric of MLflow has in a journal: its quality is called quality."""
    named = rf"(^|test_|\.){re.escape(quality)}(?=$|_(?:se|regret|low|high)$)"
    return re.sub(named, r"\g<1>quality", metric)


def _add_references(batch: Batch, event: Event, quality: str) -> None:
    """The relevance policy as two metrics; the oracle front as histories, one step per point."""
    for name, columns in event.items():
        if isinstance(columns, Mapping):
            for key, values in columns.items():
                for step, value in enumerate(values if isinstance(values, list) else [values]):
                    metrics = {f"{name}.{key}": value}
                    _add_points(batch, {**event, "metrics": metrics}, step, quality)


def _key(name: str) -> str:
    return re.sub(r"[^\w.\-/ :]", "_", name)[:MAX_KEY]


def _param(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value))[:MAX_PARAM]
