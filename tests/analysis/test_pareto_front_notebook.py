from pathlib import Path
from typing import Any

import nbformat
import pytest
from adamml.tracking.sync import project
from fabricated_study import write_study
from mlflow_stores import IGNORE_ITS_WARNINGS, fresh_database
from nbclient import NotebookClient

from analysis.figures import draw_figures
from analysis.runs import from_study_dir

pytestmark = IGNORE_ITS_WARNINGS
PLOTLY = "application/vnd.plotly.v1+json"
NOTEBOOK = Path(__file__).parents[2] / "analysis" / "pareto_front.ipynb"


def test_the_notebook_draws_every_figure_from_mlflow(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    uri = fresh_database(empty_database, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("ADAMML_STUDY", "ks")
    study = write_study(tmp_path / "studies" / "ks")
    project(study, uri)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    client = NotebookClient(notebook, timeout=120, resources=resources)
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    text = "".join(out.get("text", "") for out in outputs)
    assert "ks (completed): 23 runs, 7 on the front" in text
    assert "+0.70 points at 55% of the GFLOPs" in text
    displayed = [out.data for out in outputs if "data" in out]
    plots = [data[PLOTLY] for data in displayed if PLOTLY in data]
    markdown = [data["text/markdown"] for data in displayed if "text/markdown" in data]
    figures = draw_figures(from_study_dir(study))
    assert markdown == [t for f, _ in figures for t in (f"## {f.title}", f.explanation)]
    assert [names(plot) for plot in plots] == [names(plot.to_dict()) for _, plot in figures]


def names(plot: dict[str, Any]) -> list[str | None]:
    return [trace.get("name") for trace in plot["data"]]


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
