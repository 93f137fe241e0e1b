from pathlib import Path

import nbformat
import pytest
from adamml.tracking.sync import project
from fabricated_study import write_study
from mlflow_stores import IGNORE_ITS_WARNINGS, fresh_database
from nbclient import NotebookClient

pytestmark = IGNORE_ITS_WARNINGS
NOTEBOOK = Path(__file__).parents[2] / "analysis" / "pareto_front.ipynb"


def test_the_notebook_draws_the_front_from_mlflow(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    uri = fresh_database(empty_database, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("ADAMML_STUDY", "ks")
    project(write_study(tmp_path / "studies" / "ks"), uri)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, timeout=120, resources=resources)
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    text = "".join(out.get("text", "") for out in outputs)
    assert "ks (completed): 23 runs, 7 on the front" in text
    assert "+0.70 points at 55% of the GFLOPs" in text
    figures = [
        o.data for o in outputs if "data" in o and "application/vnd.plotly.v1+json" in o.data
    ]
    (figure,) = (data["application/vnd.plotly.v1+json"] for data in figures)
    assert {"validation front", "oracle front"} <= {trace.get("name") for trace in figure["data"]}


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
