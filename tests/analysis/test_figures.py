"""Contract of every entry of FIGURES, and the figures that have no test file of their own."""

from html import unescape
from pathlib import Path

import plotly.graph_objects as go
import pytest
from adamml.journal import Journal
from fabricated_study import write_study

from analysis.figures import FIGURES, Figure, draw_figures, modality_figure
from analysis.report import write_report
from analysis.runs import StudyRuns, from_study_dir


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("studies") / "ks")


@pytest.fixture(scope="module")
def study(folder: Path) -> StudyRuns:
    return from_study_dir(folder)


@pytest.fixture(scope="module")
def young_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("young")
    Journal(folder / "journal.jsonl").append("start", name="young", params={})
    return folder


every_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.title)


@every_figure
def test_a_finished_study_has_every_figure(figure: Figure, study: StudyRuns) -> None:
    drawing = figure.draw(study)
    assert isinstance(drawing, go.Figure)
    assert drawing.data
    assert drawing.layout.title.text is None, "the pages print the title above the figure"
    assert drawing.layout.height, "narrow pages derive their height from it"
    assert drawing.layout.xaxis.title.text
    assert drawing.layout.yaxis.title.text


@every_figure
def test_a_study_that_has_just_started_has_a_figure_or_none(
    figure: Figure, young_folder: Path
) -> None:
    drawing = figure.draw(from_study_dir(young_folder))
    assert drawing is None or drawing.data


@every_figure
def test_the_explanation_is_a_sentence(figure: Figure) -> None:
    assert figure.title[0].isupper()
    assert not figure.title.endswith(".")
    assert figure.explanation[0].isupper()
    assert figure.explanation.endswith(".")


def test_titles_are_unique() -> None:
    assert len({figure.title for figure in FIGURES}) == len(FIGURES)


def test_the_report_has_the_figures_that_the_study_has(
    folder: Path, young_folder: Path, tmp_path: Path
) -> None:
    for place in (folder, young_folder):
        page = unescape(write_report(place, tmp_path / "report.html").read_text(encoding="utf-8"))
        titles = {figure.title for figure, _ in draw_figures(from_study_dir(place))}
        for figure in FIGURES:
            assert (f"<h2>{figure.title}</h2>" in page) == (figure.title in titles)
            assert (figure.explanation in page) == (figure.title in titles)


def test_modalities_are_drawn_along_the_front(study: StudyRuns) -> None:
    drawing = modality_figure(study)
    assert drawing is not None
    assert [trace.name for trace in drawing.data] == ["audio", "rgb"]
    for trace in drawing.data:
        assert list(trace.x) == study.front["gflops"].tolist()
        shares = 100 * study.front[f"selection_rate.{trace.name}"]
        assert list(trace.y) == shares.tolist()
