"""Records: the state of a trial or a study, computed from the events of its journals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adamml.journal import Event, read_journal


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochRecord:
    """One epoch of a trial."""

    epoch: int
    """Number of the epoch, counted from 1 over all stages."""
    stage: str
    """Stage of the training, e.g. policy_only or alternating."""
    time: float
    """End of the epoch, in Unix seconds."""
    metrics: dict[str, float]
    """Metrics of training and validation, by name."""


@dataclass(kw_only=True, slots=True)
class TrialRecord:
    """State of one trained model: a trial, a unimodal network or a fusion."""

    id: str
    """Name of the trial's folder in the study."""
    kind: str = "trial"
    """trial, unimodal or fusion; confirm or confirm_unimodal if it is retrained with a fresh seed
    after the search."""
    method: str = ""
    """Method, baseline or modality that the trial stands for."""
    name: str = ""
    """Text that people read in MLflow and in reports."""
    params: dict[str, Any] = field(default_factory=dict)
    """Flattened config: dotted path -> value."""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Dotted path -> value, on top of the study's recipe."""
    attempt: int = 0
    """Number of the attempt that wrote last."""
    status: str = "waiting"
    """waiting (its journal is empty), running, completed, failed or stopped (by a scheduler)."""
    fidelity: str | None = None
    """Training that the final metrics come from: policy (policy-only stage) or joint (all stages);
    None while there are no final metrics."""
    epochs: list[EpochRecord] = field(default_factory=list)
    """Epochs by number, each as its last attempt wrote it."""
    final: dict[str, float] = field(default_factory=dict)
    """Metrics of the last final evaluation, on the validation split."""
    finals: dict[str, dict[str, float]] = field(default_factory=dict)
    """Fidelity -> final metrics at it, in the order in which they were reached."""
    operating_points: list[dict[str, float]] = field(default_factory=list)
    """Results of the final model under decision biases, cheapest first: quality, gflops,
    selection_rate.* and bias.*. Empty if its policy has no logits."""
    error: str | None = None
    """Traceback of a failed trial."""
    started: float | None = None
    """Start of the first attempt, in Unix seconds."""
    ended: float | None = None
    """End of the last attempt, in Unix seconds; None while it runs."""
    starts: list[float] = field(default_factory=list)
    """Start of every attempt in Unix seconds, trainings to a further fidelity included."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags from the study's journal: on_front, chosen and operating_point (JSON of the decision
    bias under which the trial was chosen, or "none")."""
    test: dict[str, float] = field(default_factory=dict)
    """Test metrics from the study's journal: test_quality, test_gflops, ..., and
    test_bias.<modality>, the decision bias under which the trial was tested."""
    regret: dict[str, float] = field(default_factory=dict)
    """Distances to the oracle front from the study's journal: quality_regret, gflops_regret
    (training/policy_quality.py)."""


@dataclass(kw_only=True, slots=True)
class StudyRecord:
    """State of a study and of all its trials."""

    name: str
    """Name of the study."""
    folder: Path
    """Folder of the study."""
    params: dict[str, Any] = field(default_factory=dict)
    """Flattened config that all trials start from, and the study's own parameters."""
    status: str = "waiting"
    """waiting (its journal has no start), running, completed, failed or interrupted."""
    started: float | None = None
    """First start, in Unix seconds."""
    ended: float | None = None
    """Last end, in Unix seconds; None while it runs."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics of the study, e.g. hypervolume; the last value of each."""
    references: dict[str, Any] = field(default_factory=dict)
    """Limits of a perfect policy, as the "references" event has them: relevance_policy and
    oracle_front."""
    data: dict[str, Any] = field(default_factory=dict)
    """Findings of decoding, as the "data" event has them: bad (path -> reason), and the numbers of
    silent videos and of videos."""
    promotions: list[dict[str, Any]] = field(default_factory=list)
    """Choices of trials for joint training: ids, and the study's numbers of trials and joint
    trials at that time."""
    artifacts: list[str] = field(default_factory=list)
    """Files for MLflow, relative to the study's folder."""
    trials: list[TrialRecord] = field(default_factory=list)
    """Trials, unimodal networks and fusions, in the order of their start."""


def summarise(events: Iterable[Event], *, id: str = "") -> TrialRecord:
    """Return the record of a trial from the events of its journal.

    Args:
        events: of the trial's journal, in order.
        id: of the trial, if the journal has no start event yet.
    """
    record = TrialRecord(id=id)
    epochs: dict[int, EpochRecord] = {}
    points: list[dict[str, float]] = []
    for event in events:
        if event["event"] == "start":
            _start(record, event)
        elif event["event"] == "epoch":
            # A retried attempt repeats epochs: the last one of a number counts.
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

    To read a study repeatedly, use study_reader.StudyReader: it reads only new lines.

    Args:
        folder: of the study.

    Raises:
        ValueError: the folder has no journal, or a journal is broken (journal.read_journal).
    """
    folder = Path(folder)
    events = read_journal(folder / "journal.jsonl")
    return study_record(folder, events, [read_trial(path) for path in folder.glob("trials/*")])


def study_record(folder: Path, events: Sequence[Event], trials: list[TrialRecord]) -> StudyRecord:
    """Join the events of a study's journal with the records of its trials.

    Args:
        folder: of the study.
        events: of its journal.
        trials: records of the trials' own journals; tags, test metrics and regret are added.

    Returns:
        The study, its trials in the order of their start.

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
    """Return the record of one trials/<id> folder."""
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
