"""One study as a data frame, a row per thing trained: from its journals, or from MLflow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from adamml.records import StudyRecord, TrialRecord, read_study
from adamml.tracking.follower import default_tracking_uri
from adamml.tracking.projection import OPERATING_POINTS, as_in_journals

CONFIRM = "confirm.json"
COLUMNS = ["id", "kind", "method", "name", "fidelity", "status", "on_front", "chosen", "error"]
COLUMNS += ["operating_point", "started", "ended", "overrides", "quality", "gflops"]
"""Always there. Besides them: a column per further metric (its latest value), and per parameter
"params.<dotted path>"."""
POINT_COLUMNS = ["id", "quality", "gflops"]
TITLES = {"accuracy": "accuracy (%)", "map": "mAP (%)"}
"""Quality -> how an axis or a column of it is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    name: str
    status: str
    quality: str
    """What the column "quality" is: accuracy or map."""
    runs: pd.DataFrame
    """COLUMNS and more, a row per unimodal network, fusion and trial, in the order they started.
    error is the traceback (from MLflow: its last line); operating_point the decision
    bias (modality -> number) under which the chosen run was chosen, None for a run as it is."""
    references: dict[str, Any]
    """relevance_policy: quality, gflops; oracle_front: lists of both. Empty if not computed."""
    data: dict[str, Any]
    """videos, silent, and bad: path -> reason (from MLflow: their number)."""
    confirmation: dict[str, Any]
    """confirm.json (study/confirm.py): rows and attained; empty before anything was retrained."""
    metrics: dict[str, float]
    """Of the study as a whole, e.g. hypervolume."""
    operating_points: pd.DataFrame
    """POINT_COLUMNS, selection_rate.<modality> and bias.<modality>; a row per operating point of
    each trial, on validation."""

    @property
    def finished(self) -> pd.DataFrame:
        """The runs with final metrics on validation."""
        known = self.runs[["fidelity", "quality", "gflops"]].notna().all(axis=1)
        return self.runs[known & self.runs["status"].isin(["completed", "stopped"])]

    @property
    def tested(self) -> pd.DataFrame:
        """The runs of the search that the test split has seen; not what was retrained later."""
        if "test_quality" not in self.runs:
            return self.runs.iloc[:0]
        retrained = self.runs["kind"].str.startswith("confirm")
        return self.runs[self.runs["test_quality"].notna() & ~retrained]

    @property
    def front(self) -> pd.DataFrame:
        """The trials on the validation front, cheapest first."""
        rows = self.finished
        return rows[rows["on_front"].astype(bool)].sort_values("gflops")

    @property
    def title(self) -> str:
        """Of an axis or a column with its quality."""
        return TITLES[self.quality]

    def said(self, quality: float) -> str:
        """0.9749 -> "97.49%", or "mAP 97.49%"."""
        return f"{'' if self.quality == 'accuracy' else 'mAP '}{100 * quality:.2f}%"

    @property
    def searched(self) -> list[str]:
        """Dotted paths that differ between trials, in the order in which they first appear."""
        trials = self.runs[self.runs["kind"] == "trial"]["overrides"]
        paths = dict.fromkeys(path for overrides in trials for path in overrides)
        return [p for p in paths if len({json.dumps(o[p]) for o in trials if p in o}) > 1]

    @property
    def selection_rates(self) -> list[str]:
        """The columns with the share of segments in which each modality was computed."""
        return [c for c in self.runs.columns if c.startswith("selection_rate.")]


def from_study_dir(study_dir: Path) -> Study:
    """A study from its journals.

    Raises:
        ValueError: there is no journal in the folder, or one is broken.
    """
    path = Path(study_dir) / CONFIRM
    confirmation = json.loads(path.read_text()) if path.exists() else {}
    return _as_study(read_study(study_dir), confirmation)


def from_mlflow(tracking_uri: str | None = None, name: str | None = None) -> Study:
    """A study from MLflow: by default the one that started last, in the default store.

    Raises:
        ValueError: MLflow has no such study.
    """
    from adamml.tracking.store import connect, read_artifact  # importing MLflow takes seconds

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
    return _as_study(record, json.loads(text))


def _as_study(record: StudyRecord, confirmation: dict[str, Any]) -> Study:
    frame = pd.DataFrame([_row(trial) for trial in record.trials])
    others = sorted(set(frame.columns) - set(COLUMNS))
    frame = frame.reindex(columns=COLUMNS + others)
    points = [{"id": t.id, **point} for t in record.trials for point in t.operating_points]
    for column in ("quality", "gflops"):
        frame[column] = frame[column].astype("float64")
    return Study(
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
    """In whole milliseconds, as MLflow keeps it."""
    return pd.NaT if seconds is None else pd.Timestamp(int(seconds * 1000), unit="ms", tz="UTC")


def _trial(client: Any, run: Any, quality: str) -> TrialRecord:
    """A run of MLflow as the record of its journal; all its latest metrics count as final."""
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
    found = _search(client, ids, "tags.kind = 'study'")
    if not found:
        raise ValueError(f"study must be one that MLflow has, got {name or 'an empty store'}")
    return max(found, key=lambda run: run.info.start_time)


def _search(client: Any, experiment_ids: list[str], condition: str) -> list[Any]:
    from adamml.tracking.store import search

    return [run for id in experiment_ids for run in search(client, id, condition)]


def _child_of(parent: Any) -> str:
    return f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"


def _references(client: Any, parent: Any, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in parent.data.metrics.items():
        name, _, quantity = as_in_journals(key, quality).partition(".")
        if name == "relevance_policy":
            found.setdefault(name, {})[quantity] = value
        elif name == "oracle_front":
            history = client.get_metric_history(parent.info.run_id, key)
            points = {point.step: point.value for point in history}
            found.setdefault(name, {})[quantity] = [points[step] for step in sorted(points)]
    return found
