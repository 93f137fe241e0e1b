"""Empty MLflow databases for tests (making one takes seconds, copying it none), and their dump."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from adamml.tracking.store import connect, search

IGNORE_ITS_WARNINGS = pytest.mark.filterwarnings(
    "ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"  # MLflow 3.17's own
)


def fresh_database(empty: Path, folder: Path) -> str:
    """The URI of a copy of the empty database."""
    shutil.copy(empty, folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}"


def dump(tracking_uri: str, experiment: str) -> dict[str, Any]:
    """All that the UI could show of an experiment's runs, by adamml.id."""
    client = connect(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    runs = search(client, found.experiment_id, "") if found else []
    names = {run.info.run_id: run.data.tags["adamml.id"] for run in runs}
    assert len(set(names.values())) == len(runs), "a run is there twice"
    return {names[run.info.run_id]: _shown(client, run, names) for run in runs}


def _shown(client: Any, run: Any, names: dict[str, str]) -> dict[str, Any]:
    tags = {k: v for k, v in run.data.tags.items() if k != "mlflow.parentRunId"}
    history = {
        key: [
            (m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, key)
        ]
        for key in run.data.metrics
    }
    return {
        "parent": names.get(run.data.tags.get("mlflow.parentRunId", "")),
        "name": run.info.run_name,
        "status": (run.info.status, run.info.start_time, run.info.end_time),
        "tags": tags,
        "params": run.data.params,
        "latest": run.data.metrics,
        "history": {key: sorted(points) for key, points in history.items()},
    }
