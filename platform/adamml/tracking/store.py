# ruff: noqa: E402 (MLflow reads its settings when it is imported)
"""Projects a study's journals into MLflow. The only import of mlflow, and a process of its own.

    python -m adamml.tracking STUDY_DIR --tracking-uri URI     # catch up; twice changes nothing

One experiment per study name ("adamml/<name>", so that its runs compare side by side), in it one
parent run per study, and below that a run per unimodal network, fusion and trial. Runs are found
by the tag adamml.id before they are created; adamml.projected counts the journal lines that are in.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

for _name, _value in {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",  # seconds; MLflow's own patience is 7 tries of 120 s
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}.items():
    os.environ.setdefault(_name, _value)

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from adamml.home import home
from adamml.journal import Event
from adamml.tracking.follower import check_tracking_uri, is_database
from adamml.tracking.projection import Batch, milliseconds, start_tags
from adamml.tracking.projector import Run

ONE_RUNS_FAULT = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE")
"""MLflow's error codes after which other runs may still go in; after any other it is away."""

MAX_METRICS, MAX_PARAMS = 800, 100
"""Of one request; MLflow's limits are 1000 entities, of them 100 params and 100 tags."""


def connect(tracking_uri: str) -> MlflowClient:
    """A client for a server or a database.

    Raises:
        ValueError: the URI is neither.
    """
    if check_tracking_uri(tracking_uri) == f"sqlite:///{home() / 'mlflow.db'}":
        home().mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri)


def experiment_name(study: str) -> str:
    return f"adamml/{study}"


def read_artifact(client: MlflowClient, run: Any, name: str) -> str:
    """The text of a run's artifact."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run.info.run_id, name, folder)).read_text()


def search(client: MlflowClient, experiment_id: str, condition: str) -> list[Any]:
    """All runs of an experiment that meet the condition, oldest first, however many there are."""
    runs: list[Any] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment_id], condition, order_by=["attributes.start_time"], page_token=token
        )
        runs += page
        token = page.token
        if not token:
            return runs


class MlflowStore:
    """MLflow as a projector.Store."""

    def __init__(self, tracking_uri: str) -> None:
        self._client = connect(tracking_uri)
        self._needs_artifact_folder = is_database(tracking_uri)
        self._study, self._experiment_id, self._parent = "", "", ""
        self._known: dict[str, Any] = {}

    def open_study(self, name: str, start: Event) -> Run:
        self._study, self._experiment_id = name, self._find_experiment(experiment_name(name))
        # A new study under an old name starts at another time: their runs must not mix.
        condition = f"tags.kind = 'study' and attributes.start_time = {milliseconds(start)}"
        found = search(self._client, self._experiment_id, condition)
        run = found[0] if found else self._create(name, start, name, {"kind": "study"})
        self._parent = run.info.run_id
        condition = f"tags.`mlflow.parentRunId` = '{self._parent}'"
        children = search(self._client, self._experiment_id, condition)
        self._known = {child.data.tags["adamml.id"]: child for child in children}
        return _as_stored(run)

    def trial(self, id: str, start: Event) -> Run:
        id = f"{self._study}/{id}"
        if id not in self._known:
            tags = {"mlflow.parentRunId": self._parent, **start_tags(start)}
            self._known[id] = self._create(id, start, start.get("name", id), tags)
        return _as_stored(self._known[id])

    def send(self, run: Run, batch: Batch, *, folder: Path, projected: int | None) -> list[str]:
        try:
            problems = self._keep_artifacts(run, batch, folder)
            # A batch whose artifacts were not taken does not count: the next pass sends it again.
            self._log(run.run_id, batch, None if problems else projected)
            if projected is not None:
                self._set_status(run, batch)
                run.projected = run.projected if problems else projected
        except MlflowException as error:
            if error.error_code not in ONE_RUNS_FAULT:
                raise
            return [f"run {run.run_id}: {error}".partition("\n")[0]]
        return problems

    def _find_experiment(self, name: str) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            folder = (home() / "mlartifacts" / name).as_uri()
            location = folder if self._needs_artifact_folder else None
            return str(self._client.create_experiment(name, location))
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _create(self, id: str, start: Event, name: str, tags: dict[str, str]) -> Any:
        return self._client.create_run(
            self._experiment_id,
            start_time=milliseconds(start),
            tags={"adamml.id": id, **tags},
            run_name=name,
        )

    def _log(self, run_id: str, batch: Batch, projected: int | None) -> None:
        """In portions that MLflow takes, the count last. It knows a point that is there already."""
        params = [Param(key, value) for key, value in batch.params.items()]
        metrics = [Metric(p.key, p.value, p.time_ms, p.step) for p in batch.points]
        while len(params) > MAX_PARAMS or len(metrics) > MAX_METRICS:
            self._client.log_batch(run_id, metrics[:MAX_METRICS], params[:MAX_PARAMS])
            metrics, params = metrics[MAX_METRICS:], params[MAX_PARAMS:]
        count = {} if projected is None else {"adamml.projected": str(projected)}
        tags = [RunTag(key, value) for key, value in (batch.tags | count).items()]
        self._client.log_batch(run_id, metrics, params, tags)

    def _set_status(self, run: Run, batch: Batch) -> None:
        if batch.status == "RUNNING" and run.status != "RUNNING":
            self._client.update_run(run.run_id, status="RUNNING")
        elif not run.ends_as(batch):
            self._client.set_terminated(run.run_id, batch.status, batch.end_ms)
        run.status, run.end_ms = batch.status, batch.end_ms

    def _keep_artifacts(self, run: Run, batch: Batch, folder: Path) -> list[str]:
        """Artifacts may be kept on another machine than runs; its faults stop nothing else."""
        problems = []
        for name in (*batch.texts, *batch.files):
            try:
                if name in batch.texts:
                    self._client.log_text(run.run_id, batch.texts[name], name)
                elif (path := (folder / name).resolve()).is_relative_to(folder.resolve()):
                    self._client.log_artifact(run.run_id, str(path))
            except Exception as error:
                problems.append(f"artifact {name}: {error}".partition("\n")[0])
        return problems


def _as_stored(run: Any) -> Run:
    return Run(
        run_id=run.info.run_id,
        projected=int(run.data.tags.get("adamml.projected", 0)),
        status=run.info.status,
        end_ms=run.info.end_time,
    )
