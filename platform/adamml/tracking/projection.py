"""Translation of journal events into MLflow's metrics, params and tags, without MLflow itself.

It is deterministic: the same events always give the same points with the same timestamps. A point
that is sent twice, because the projection was killed before it noted the first time, therefore
appears once in MLflow.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamml.journal import Event

MAX_PARAM, MAX_TAG, MAX_KEY = 6000, 8000, 250
"""MLflow's limits for a param's value, a tag's value and a key, in characters."""
RUN_STATUS = {"completed": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
"""Status in the journal -> status in MLflow; any other (interrupted) becomes KILLED."""
OPERATING_POINTS = "operating_points.json"
"""Name of the artifact with a trial's operating points; the tag operating_points counts them."""
_QUALITY = re.compile(r"(^|test_|\.)quality(?=$|_)")
"""Pattern of the word quality in a metric's name; MLflow shows accuracy or map in its place."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric."""

    key: str
    """Name of the metric."""
    value: float
    """Value of the metric."""
    time_ms: int
    """Time of the event, in Unix milliseconds."""
    step: int
    """Epoch of a trial, or number of a study's event; MLflow's axis."""


@dataclass(kw_only=True, slots=True)
class Batch:
    """Additions to one run of MLflow."""

    points: list[Point] = field(default_factory=list)
    """Values of metrics."""
    params: dict[str, str] = field(default_factory=dict)
    """Key -> value; MLflow refuses to change one later."""
    tags: dict[str, str] = field(default_factory=dict)
    """Key -> value; a later one replaces an earlier one."""
    texts: dict[str, str] = field(default_factory=dict)
    """Name of an artifact -> its text."""
    files: list[str] = field(default_factory=list)
    """Artifacts that are files, relative to the study's folder."""
    status: str = "RUNNING"
    """MLflow's status of the run after all events: RUNNING, FINISHED, FAILED or KILLED."""
    end_ms: int | None = None
    """End of the run in Unix milliseconds; None while it runs."""


def trial_batch(events: Sequence[Event], since: int = 0) -> Batch:
    """Return the additions to a trial's run from events[since:] of its journal.

    Final metrics get the step of the last epoch, so that MLflow shows them as the latest values.

    Args:
        events: of the trial's journal, from its beginning.
        since: number of events that the run has already.
    """
    batch, quality = Batch(), quality_of(events)
    seen: set[int] = set()
    for index, event in enumerate(events):
        new = index >= since
        match event["event"]:
            case "start":
                _running(batch, event, new)
            case "epoch":
                # MLflow cannot replace a point: an epoch that a retry repeats keeps its first ones.
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
    """Return the additions from events[since:] of a study's journal, by run.

    Args:
        events: of the study's journal, from its beginning.
        since: number of events that the study's run has already.

    Returns:
        Trial id -> additions to the trial's run; "" -> additions to the study's own run.
    """
    batches, quality = {"": Batch()}, quality_of(events)
    study, steps = batches[""], 0
    for index, event in enumerate(events):
        new = index >= since
        match event["event"]:
            case "start":
                _running(study, event, new)
            case "metrics":
                if new:
                    _add_points(study, event, event.get("step", steps), quality)
                steps += 1
            case "references" if new:
                _add_references(study, event, quality)
            case "data" if new:
                counts = {k: v for k, v in event.items() if k in ("videos", "silent")}
                counts["bad"] = len(event.get("bad", {}))
                metrics = {f"data.{k}": v for k, v in counts.items()}
                _add_points(study, {**event, "metrics": metrics}, 0, quality)
                study.texts["bad_files.json"] = json.dumps(event.get("bad", {}), indent=1)
            case "tags" if new:
                trial = batches.setdefault(event["id"], Batch())
                trial.tags |= {_key(k): str(v)[:MAX_TAG] for k, v in event["tags"].items()}
            case "test" | "regret" if new:
                _add_points(batches.setdefault(event["id"], Batch()), event, 0, quality)
            case "artifact" if new:
                study.files.append(event["path"])
            case "end":
                _ended(study, event, new)
    return batches


def quality_of(events: Sequence[Event]) -> str:
    """Return the name of a journal's quality in MLflow, accuracy or map, from its start event."""
    configs = (event.get("params", {}) for event in events if event["event"] == "start")
    names = (config["data.quality"] for config in configs if "data.quality" in config)
    return str(next(names, "accuracy"))


def start_tags(event: Event) -> dict[str, str]:
    """Return the tags with which a run is created, from its start event."""
    tags = {name: str(event[name]) for name in ("kind", "method") if name in event}
    if event.get("kind") == "trial":
        tags["on_front"] = "false"
    overrides = json.dumps(event.get("overrides", {}))
    return tags if len(overrides) > MAX_TAG else {**tags, "adamml.config.overrides": overrides}


def milliseconds(event: Event) -> int:
    """Return the time of an event in Unix milliseconds, MLflow's unit."""
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
    """Add an event's metrics to a batch."""
    # A final in the same millisecond as its epoch must count as the later value.
    time_ms = milliseconds(event) + (event["event"] == "final")
    for name, value in event["metrics"].items():
        key = _key(_QUALITY.sub(rf"\g<1>{quality}", name))
        batch.points.append(Point(key, float(value), time_ms, step))


def as_in_journals(metric: str, quality: str) -> str:
    """Return the name in journals of a metric of MLflow, which says accuracy or map for quality."""
    named = rf"(^|test_|\.){re.escape(quality)}(?=$|_(?:se|regret|low|high)$)"
    return re.sub(named, r"\g<1>quality", metric)


def _add_references(batch: Batch, event: Event, quality: str) -> None:
    """Add the relevance policy as two metrics, and the oracle front as one step per point."""
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
