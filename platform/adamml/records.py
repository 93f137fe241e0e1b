"""Journals as records: what a trial or a study has come to, read from its events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adamml.journal import Event, read_journal


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRecord:
    epoch: int
    """Counts from 1 over all stages."""
    stage: str
    time: float
    """Unix seconds."""
    metrics: dict[str, float]


@dataclass(kw_only=True, slots=True)
class TrialRecord:
    """A trial, unimodal network or fusion; `final` is its last evaluation (validation split)."""

    id: str
    kind: str = "trial"
    """trial, unimodal or fusion; confirm and confirm_unimodal for what is retrained with fresh
    seeds after the search."""
    method: str = ""
    name: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    attempt: int = 0
    status: str = "waiting"
    """waiting (no line yet), running, completed, failed or stopped."""
    fidelity: str | None = None
    """policy or joint: how the final metrics came about; None before there are any."""
    epochs: list[EpochRecord] = field(default_factory=list)
    final: dict[str, float] = field(default_factory=dict)
    finals: dict[str, dict[str, float]] = field(default_factory=dict)
    """Fidelity -> final metrics at it, in the order in which they were reached."""
    operating_points: list[dict[str, float]] = field(default_factory=list)
    """Of the model of the final metrics, cheapest first: quality, gflops, selection_rate.* and
    bias.* (methods/points.py). Empty where its policy has no logits."""
    error: str | None = None
    started: float | None = None
    ended: float | None = None
    starts: list[float] = field(default_factory=list)
    """When each attempt began, the trainings at a further fidelity included."""
    tags: dict[str, str] = field(default_factory=dict)
    """From the study's journal: on_front, chosen, operating_point (the decision bias under which
    the chosen trial was chosen, as JSON; "none" for a trial as it is)."""
    test: dict[str, float] = field(default_factory=dict)
    """From the study's journal: test_quality, test_gflops, ... and test_bias.<modality>, the
    decision bias under which the trial was tested."""
    regret: dict[str, float] = field(default_factory=dict)
    """From the study's journal: quality_regret, gflops_regret (training/policy_quality.py)."""


@dataclass(kw_only=True, slots=True)
class StudyRecord:
    name: str
    folder: Path
    params: dict[str, Any] = field(default_factory=dict)
    status: str = "waiting"
    started: float | None = None
    ended: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    references: dict[str, Any] = field(default_factory=dict)
    """relevance_policy and oracle_front, as the "references" event gave them."""
    data: dict[str, Any] = field(default_factory=dict)
    """bad (path -> reason), silent and videos, as the "data" event gave them."""
    promotions: list[dict[str, Any]] = field(default_factory=list)
    """Decisions which trials are trained jointly: trials, joint (numbers of the study at the time)
    and ids."""
    artifacts: list[str] = field(default_factory=list)
    """Files for MLflow, relative to the study's folder."""
    trials: list[TrialRecord] = field(default_factory=list)
    """Unimodal networks and fusions included; in the order they started."""


def summarise(events: Iterable[Event], *, id: str = "") -> TrialRecord:
    """What the events of one trial's journal add up to.

    An epoch that appears twice (a retried attempt did it again) counts once: the last one.

    Args:
        id: for a journal without a start event yet.
    """
    record = TrialRecord(id=id)
    epochs: dict[int, EpochRecord] = {}
    points: list[dict[str, float]] = []
    for event in events:
        if event["event"] == "start":
            _start(record, event)
        elif event["event"] == "epoch":
            epochs[event["epoch"]] = EpochRecord(
                epoch=event["epoch"],
                stage=event.get("stage", ""),
                time=event["time"],
                metrics=event["metrics"],
            )
        elif event["event"] == "operating_points":
            points = event["points"]
        elif event["event"] == "final":
            record.fidelity, record.final = event.get("fidelity"), event["metrics"]
            record.finals[str(record.fidelity)] = record.final
            record.operating_points, points = points, []  # written just before their final
        elif event["event"] == "end":
            record.status, record.error = event["status"], event.get("error")
            record.ended = event["time"]
    record.epochs = [epochs[number] for number in sorted(epochs)]
    return record


def read_study(folder: Path) -> StudyRecord:
    """Read a study's journal and those of all its trials.

    To look again and again, use study_reader.StudyReader, which reads only what is new.

    Args:
        folder: of the study.

    Raises:
        ValueError: there is no journal in the folder, or one is broken (journal.read_journal).
    """
    folder = Path(folder)
    events = read_journal(folder / "journal.jsonl")
    return study_record(folder, events, [read_trial(path) for path in folder.glob("trials/*")])


def study_record(folder: Path, events: Sequence[Event], trials: list[TrialRecord]) -> StudyRecord:
    """Join the events of a study's journal and the records of its trials, in order of their start.

    Args:
        folder: of the study.
        events: of its journal.
        trials: records without what the study's journal says of them, which is added.

    Raises:
        ValueError: there is no event.
    """
    if not events:
        raise ValueError(f"{folder} must be a study's folder with a journal.jsonl, got none")
    study = StudyRecord(name=folder.name, folder=folder)
    study.trials = sorted(trials, key=lambda t: (t.started is None, t.started or 0.0, t.id))
    by_id = {trial.id: trial for trial in study.trials}
    for event in events:
        _apply(study, by_id, event)
    return study


def read_trial(folder: Path) -> TrialRecord:
    """The record of one trials/<id> folder."""
    return summarise(read_journal(folder / "journal.jsonl"), id=folder.name)


def _start(record: TrialRecord, event: Event) -> None:
    record.id = event.get("id", record.id)
    record.kind = event.get("kind", record.kind)
    record.method = event.get("method", record.method)
    record.name = event.get("name", record.id)
    record.params = event.get("params", record.params)
    record.overrides = event.get("overrides", record.overrides)
    record.attempt = event.get("attempt", record.attempt + 1)
    record.started = event["time"] if record.started is None else record.started
    record.starts.append(event["time"])
    record.status, record.error, record.ended = "running", None, None


def _apply(study: StudyRecord, by_id: dict[str, TrialRecord], event: Event) -> None:
    match event["event"]:
        case "start":
            study.name, study.params = event.get("name", study.name), event.get("params", {})
            study.started = event["time"] if study.started is None else study.started
            study.status, study.ended = "running", None
        case "tags" if event["id"] in by_id:
            by_id[event["id"]].tags |= event["tags"]
        case "test" if event["id"] in by_id:
            by_id[event["id"]].test |= event["metrics"]
        case "regret" if event["id"] in by_id:
            by_id[event["id"]].regret = event["metrics"]
        case "promoted":
            study.promotions.append({key: event[key] for key in ("trials", "joint", "ids")})
        case "artifact":
            study.artifacts.append(event["path"])
        case "metrics":
            study.metrics |= event["metrics"]
        case "references" | "data":
            fields = {k: v for k, v in event.items() if k not in ("event", "time")}
            setattr(study, event["event"], getattr(study, event["event"]) | fields)
        case "end":
            study.status, study.ended = event["status"], event["time"]
