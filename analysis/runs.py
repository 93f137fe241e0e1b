"""A study as a data frame with a row per run, read from its journals or from MLflow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from adamml.objectives.table import OBJECTIVES
from adamml.records import StudyRecord, TrialRecord, read_study
from adamml.tracking.follower import default_tracking_uri
from adamml.tracking.projection import OPERATING_POINTS, as_in_journals

from analysis.labels import axis_title

CONFIRM = "confirm.json"
"""Name of the file, in the study's folder and in MLflow, with the results of retraining."""
COLUMNS = ["id", "kind", "method", "name", "fidelity", "status", "on_front", "chosen", "error"]
COLUMNS += ["operating_point", "started", "ended", "overrides", *OBJECTIVES]
"""Columns that every study has. Each further metric has a column with its latest value, and each
parameter a column "params.<dotted path>"."""
POINT_COLUMNS = ["id", *OBJECTIVES]
"""Columns that the operating points of every study have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRuns:
    """Everything that figures and reports show of one study."""

    name: str
    status: str
    """"running", "completed" or another status of the study's journal."""
    quality: str
    """Metric in the column "quality": accuracy or map."""
    runs: pd.DataFrame
    """Row per unimodal network, fusion and trial, in the order in which they started, with COLUMNS
    and more. error is the traceback (from MLflow: its last line). operating_point is the decision
    bias (modality -> number) with which the run was chosen, None if it was chosen without one."""
    references: dict[str, Any]
    """Quality and GFLOPs of relevance_policy, and lists of both of oracle_front; empty if neither
    was computed."""
    data: dict[str, Any]
    """Number of videos, number of silent ones, and bad: path -> reason (from MLflow: a number)."""
    confirmation: dict[str, Any]
    """Content of confirm.json (rows and attained surfaces); empty if nothing was retrained."""
    metrics: dict[str, float]
    """Metrics of the study as a whole, e.g. hypervolume."""
    operating_points: pd.DataFrame
    """Row per operating point of each trial, measured on validation: POINT_COLUMNS,
    selection_rate.<modality> and bias.<modality>."""

    @property
    def finished(self) -> pd.DataFrame:
        """Runs with final metrics on validation."""
        measured = self.runs[["fidelity", *OBJECTIVES]].notna().all(axis=1)
        return self.runs[measured & self.runs["status"].isin(["completed", "stopped"])]

    @property
    def tested(self) -> pd.DataFrame:
        """Runs of the search that were evaluated on the test split, without retrained ones."""
        if "test_quality" not in self.runs:
            return self.runs.iloc[:0]
        retrained = self.runs["kind"].str.startswith("confirm")
        return self.runs[self.runs["test_quality"].notna() & ~retrained]

    @property
    def front(self) -> pd.DataFrame:
        """Trials on the validation front, cheapest first."""
        rows = self.finished
        return rows[rows["on_front"].astype(bool)].sort_values("gflops")

    def title(self, objective: str) -> str:
        """Return the title of an axis or a column of an objective."""
        return axis_title(objective, self.quality)

    def quality_text(self, quality: float) -> str:
        """Return a quality in percent: 0.9749 is "97.49%" of an accuracy, else "mAP 97.49%"."""
        metric = "" if self.quality == "accuracy" else "mAP "
        return f"{metric}{OBJECTIVES['quality'].text(quality)}"

    def result_text(self, run: Any, prefix: str = "") -> str:
        """Return the objectives of a run in words, e.g. "97.49% at 0.31 GFLOPs".

        Args:
            run: row of runs.
            prefix: "test_" for the run's results on the test split.
        """
        costs = [o.text(run[prefix + name]) for name, o in OBJECTIVES.items() if name != "quality"]
        return f"{self.quality_text(run[f'{prefix}quality'])} at {', '.join(costs)}"

    @property
    def searched(self) -> list[str]:
        """Dotted paths that differ between trials, in the order in which they first appear."""
        trials = self.runs[self.runs["kind"] == "trial"]["overrides"]
        paths = dict.fromkeys(path for overrides in trials for path in overrides)
        return [p for p in paths if len({json.dumps(o[p]) for o in trials if p in o}) > 1]

    @property
    def selection_rates(self) -> list[str]:
        """Columns with the share of segments in which each modality was computed."""
        return [c for c in self.runs.columns if c.startswith("selection_rate.")]


def from_study_dir(study_dir: Path) -> StudyRuns:
    """Read a study from its journals.

    Raises:
        ValueError: the folder has no journal, or a journal is broken.
    """
    path = Path(study_dir) / CONFIRM
    confirmation = json.loads(path.read_text()) if path.exists() else {}
    return _study_runs(read_study(study_dir), confirmation)


def from_mlflow(tracking_uri: str | None = None, name: str | None = None) -> StudyRuns:
    """Read a study from MLflow.

    Args:
        tracking_uri: server or database; default: $MLFLOW_TRACKING_URI, else the home's database.
        name: the study's name; default: the study that started last.

    Raises:
        ValueError: MLflow has no such study.
    """
    # Imported here, because importing MLflow takes seconds.
    from adamml.tracking.store import connect, read_artifact

    client = connect(tracking_uri or default_tracking_uri())
    parent = _latest(client, name)
    children = _search(client, [parent.info.experiment_id], _child_of(parent))
    quality = _quality(parent.data.params)
    record = StudyRecord(
        name=parent.data.tags["adamml.id"],
        folder=Path(),
        status=parent.data.tags.get("status", "waiting"),
        params=parent.data.params,
        references=_references(client, parent, quality),
        trials=[_trial(client, run, quality) for run in children],
    )
    for key, value in parent.data.metrics.items():
        if key.startswith("data."):
            record.data[key.removeprefix("data.")] = int(value)
        elif not key.startswith(("relevance_policy.", "oracle_front.")):
            record.metrics[as_in_journals(key, quality)] = value
    confirmed = any(key.startswith("confirm.") for key in record.metrics)
    text = read_artifact(client, parent, CONFIRM) if confirmed else "{}"
    return _study_runs(record, json.loads(text))


def _study_runs(record: StudyRecord, confirmation: dict[str, Any]) -> StudyRuns:
    frame = pd.DataFrame([_row(trial) for trial in record.trials])
    others = sorted(set(frame.columns) - set(COLUMNS))
    frame = frame.reindex(columns=COLUMNS + others)
    points = [{"id": t.id, **point} for t in record.trials for point in t.operating_points]
    for column in OBJECTIVES:
        frame[column] = frame[column].astype("float64")
    return StudyRuns(
        name=record.name,
        status=record.status,
        quality=_quality(record.params),
        runs=frame.sort_values(["started", "id"], ignore_index=True),
        references=record.references,
        data=record.data,
        metrics=record.metrics,
        confirmation=confirmation,
        operating_points=pd.DataFrame(points, columns=None if points else POINT_COLUMNS),
    )


def _quality(params: dict[str, Any]) -> str:
    return str(params.get("data.quality", "accuracy"))


def _row(trial: TrialRecord) -> dict[str, Any]:
    latest = {name: value for epoch in trial.epochs for name, value in epoch.metrics.items()}
    fields = ("id", "kind", "method", "name", "fidelity", "status", "error", "overrides")
    return {
        **{f"params.{path}": value for path, value in trial.params.items()},
        **{**latest, **trial.final, **trial.test, **trial.regret},
        **{name: getattr(trial, name) for name in fields},
        "on_front": trial.tags.get("on_front") == "true",
        "chosen": trial.tags.get("chosen") == "true",
        "operating_point": _bias(trial.tags.get("operating_point", "none")),
        "started": _timestamp(trial.started),
        "ended": _timestamp(trial.ended),
    }


def _bias(tag: str) -> dict[str, float] | None:
    return None if tag == "none" else json.loads(tag)


def _timestamp(seconds: float | None) -> Any:
    """Return the time in whole milliseconds, which is how precisely MLflow stores it."""
    return pd.NaT if seconds is None else pd.Timestamp(int(seconds * 1000), unit="ms", tz="UTC")


def _trial(client: Any, run: Any, quality: str) -> TrialRecord:
    """Return an MLflow run as the record of its journal; its latest metrics count as final."""
    from adamml.tracking.store import read_artifact

    tags, info = run.data.tags, run.info
    ended = None if tags.get("status") in (None, "running") else info.end_time
    return TrialRecord(
        id=tags["adamml.id"].partition("/")[2],
        kind=tags.get("kind", ""),
        method=tags.get("method", ""),
        name=info.run_name,
        params={path: _parse(text) for path, text in run.data.params.items()},
        overrides=json.loads(tags.get("adamml.config.overrides", "{}")),
        status=tags.get("status", "waiting"),
        fidelity=tags.get("fidelity"),
        final={as_in_journals(k, quality): v for k, v in run.data.metrics.items()},
        operating_points=json.loads(read_artifact(client, run, OPERATING_POINTS))
        if "operating_points" in tags
        else [],
        error=tags.get("error"),
        started=info.start_time / 1000,
        ended=ended and ended / 1000,
        tags={k: tags[k] for k in ("on_front", "chosen", "operating_point") if k in tags},
    )


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _latest(client: Any, name: str | None) -> Any:
    from adamml.tracking.store import experiment_name

    if name is None:
        pattern = experiment_name("%")
        experiments = client.search_experiments(filter_string=f"name LIKE '{pattern}'")
    else:
        experiments = [client.get_experiment_by_name(experiment_name(name))]
    ids = [experiment.experiment_id for experiment in experiments if experiment is not None]
    studies = _search(client, ids, "tags.kind = 'study'")
    if not studies:
        raise ValueError(f"study must be one that MLflow has, got {name or 'an empty store'}")
    return max(studies, key=lambda run: run.info.start_time)


def _search(client: Any, experiment_ids: list[str], condition: str) -> list[Any]:
    from adamml.tracking.store import search

    return [run for id in experiment_ids for run in search(client, id, condition)]


def _child_of(parent: Any) -> str:
    return f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"


def _references(client: Any, parent: Any, quality: str) -> dict[str, Any]:
    references: dict[str, Any] = {}
    for key, value in parent.data.metrics.items():
        name, _, quantity = as_in_journals(key, quality).partition(".")
        if name == "relevance_policy":
            references.setdefault(name, {})[quantity] = value
        elif name == "oracle_front":
            history = client.get_metric_history(parent.info.run_id, key)
            points = {point.step: point.value for point in history}
            references.setdefault(name, {})[quantity] = [points[step] for step in sorted(points)]
    return references
