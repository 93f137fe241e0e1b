# ruff: noqa: E402 (MLflow reads its settings when it is imported)
"""MLflow as a store of runs: the only module that imports mlflow.

Each study name has one experiment, "adamml/<name>", so that its runs can be compared side by side.
The experiment has a parent run for the study and below it a run for every unimodal network, fusion
and trial. The tag adamml.id identifies a run, and adamml.projected is the number of journal lines
that it has.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

for _name, _value in {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",  # seconds; MLflow's default is 7 tries of 120 s
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

RUN_ERRORS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE")
"""MLflow's error codes that concern one run. After any other code MLflow cannot be reached."""
MAX_METRICS, MAX_PARAMS = 800, 100
"""Most metrics and params of one request. MLflow's limits are 1000 entities, of them 100 params and
100 tags."""


def connect(tracking_uri: str) -> MlflowClient:
    """Return a client for a server or a database.

    Raises:
        ValueError: the URI is neither.
    """
    if check_tracking_uri(tracking_uri) == f"sqlite:///{home() / 'mlflow.db'}":
        home().mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri)


def experiment_name(study: str) -> str:
    """Return the name of the experiment that holds the runs of a study."""
    return f"adamml/{study}"


def read_artifact(client: MlflowClient, run: Any, name: str) -> str:
    """Return the text of a run's artifact."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run.info.run_id, name, folder)).read_text()


def search(client: MlflowClient, experiment_id: str, condition: str) -> list[Any]:
    """Return all runs of an experiment that meet a condition, from all pages, oldest first."""
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
    """MLflow behind the interface projector.Store.

    Args:
        tracking_uri: of the MLflow server or database.

    Raises:
        ValueError: the URI is neither.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._client = connect(tracking_uri)
        self._needs_artifact_folder = is_database(tracking_uri)
        self._study, self._experiment_id, self._parent = "", "", ""
        self._runs: dict[str, Any] = {}
        """Tag adamml.id -> run of MLflow, for the trials of the study."""

    def open_study(self, name: str, start: Event) -> Run:
        self._study, self._experiment_id = name, self._find_experiment(experiment_name(name))
        # By start time too: the runs of an earlier study of the same name must not mix with these.
        condition = f"tags.kind = 'study' and attributes.start_time = {milliseconds(start)}"
        runs = search(self._client, self._experiment_id, condition)
        run = runs[0] if runs else self._create(name, start, name, {"kind": "study"})
        self._parent = run.info.run_id
        condition = f"tags.`mlflow.parentRunId` = '{self._parent}'"
        children = search(self._client, self._experiment_id, condition)
        self._runs = {child.data.tags["adamml.id"]: child for child in children}
        return _run_of(run)

    def trial(self, id: str, start: Event) -> Run:
        id = f"{self._study}/{id}"
        if id not in self._runs:
            tags = {"mlflow.parentRunId": self._parent, **start_tags(start)}
            self._runs[id] = self._create(id, start, start.get("name", id), tags)
        return _run_of(self._runs[id])

    def send(self, run: Run, batch: Batch, *, folder: Path, projected: int | None) -> list[str]:
        try:
            problems = self._log_artifacts(run, batch, folder)
            # Without its artifacts a batch does not count as sent: the next pass repeats it.
            self._log(run.run_id, batch, None if problems else projected)
            if projected is not None:
                self._set_status(run, batch)
                run.projected = run.projected if problems else projected
        except MlflowException as error:
            if error.error_code not in RUN_ERRORS:
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
        """Send a batch in requests within MLflow's limits; a point sent before stays one point."""
        params = [Param(key, value) for key, value in batch.params.items()]
        metrics = [Metric(p.key, p.value, p.time_ms, p.step) for p in batch.points]
        while len(params) > MAX_PARAMS or len(metrics) > MAX_METRICS:
            self._client.log_batch(run_id, metrics[:MAX_METRICS], params[:MAX_PARAMS])
            metrics, params = metrics[MAX_METRICS:], params[MAX_PARAMS:]
        # The number of lines goes with the last request: an interruption repeats the whole batch.
        count = {} if projected is None else {"adamml.projected": str(projected)}
        tags = [RunTag(key, value) for key, value in (batch.tags | count).items()]
        self._client.log_batch(run_id, metrics, params, tags)

    def _set_status(self, run: Run, batch: Batch) -> None:
        if batch.status == "RUNNING" and run.status != "RUNNING":
            self._client.update_run(run.run_id, status="RUNNING")
        elif not run.ends_as(batch):
            self._client.set_terminated(run.run_id, batch.status, batch.end_ms)
        run.status, run.end_ms = batch.status, batch.end_ms

    def _log_artifacts(self, run: Run, batch: Batch, folder: Path) -> list[str]:
        """Send a batch's artifacts; return problems."""
        problems = []
        for name in (*batch.texts, *batch.files):
            try:
                if name in batch.texts:
                    self._client.log_text(run.run_id, batch.texts[name], name)
                elif (path := (folder / name).resolve()).is_relative_to(folder.resolve()):
                    self._client.log_artifact(run.run_id, str(path))
            # Artifacts may be on another machine than runs: its faults must stop nothing else.
            except Exception as error:
                problems.append(f"artifact {name}: {error}".partition("\n")[0])
        return problems


def _run_of(run: Any) -> Run:
    """Return the state of a run of MLflow."""
    return Run(
        run_id=run.info.run_id,
        projected=int(run.data.tags.get("adamml.projected", 0)),
        status=run.info.status,
        end_ms=run.info.end_time,
    )
