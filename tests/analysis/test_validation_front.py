from typing import Any

import plotly.graph_objects as go
import pytest
from fabricated_study import write_study

from analysis.runs import StudyRuns, from_study_dir
from analysis.validation_front import front_figure


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRuns:
    return from_study_dir(write_study(tmp_path_factory.mktemp("studies") / "ks"))


def traces(figure: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_all_that_was_asked_for_is_in_the_figure(study: StudyRuns) -> None:
    assert set(traces(front_figure(study))) == {
        "validation front",
        "front with operating points",
        "operating points of adamml 16",
        "AdaMML, policy only",
        "AdaMML, jointly trained",
        "always on, jointly trained",
        "published setting, policy only",
        "fusion of all modalities",
        "one modality alone",
        "relevance policy",
        "oracle front",
        "chosen on validation",
        "on the test split",
    }


def test_every_finished_run_is_drawn_once_in_percent(study: StudyRuns) -> None:
    drawn = [
        (x, y)
        for name, trace in traces(front_figure(study)).items()
        if name.startswith(("AdaMML", "always", "published", "fusion", "one"))
        for x, y in zip(trace.x, trace.y, strict=True)
    ]
    finished = study.finished
    expected = zip(finished["gflops"], 100 * finished["quality"], strict=True)
    assert sorted(drawn) == sorted(expected)


def test_the_front_is_a_staircase_over_its_trials(study: StudyRuns) -> None:
    line = traces(front_figure(study))["validation front"]
    assert line.line.shape == "hv"
    assert list(line.x) == study.front["gflops"].tolist()


def test_hovering_tells_id_rates_and_hyperparameters_escaped(study: StudyRuns) -> None:
    trials = study.finished[study.finished["kind"] == "trial"].copy()
    assert not trials.empty
    texts = traces(front_figure(study))["AdaMML, jointly trained"].text
    assert any("adamml-16" in text and "rgb in 57% of segments" in text for text in texts)
    assert all("loss.lambdas.rgb = " in text for text in texts)
    study.runs.loc[study.runs["id"] == "adamml-16", "name"] = "<img src=x>"
    texts = traces(front_figure(study))["AdaMML, jointly trained"].text
    assert any("&lt;img src=x&gt;" in text for text in texts)
    assert not any("<img" in text for text in texts)


def test_the_front_comes_first_in_the_legend(study: StudyRuns) -> None:
    figure = front_figure(study)
    assert figure.layout.legend.traceorder == "normal"
    entries = [trace for trace in figure.data if trace.showlegend is not False]
    first = min(entries, key=lambda trace: trace.legendrank)
    assert first.name == "validation front"
