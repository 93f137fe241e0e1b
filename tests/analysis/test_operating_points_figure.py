"""Operating points, drawn and in words."""

from pathlib import Path

import pandas as pd
import pytest
from adamml.fronts import non_dominated
from fabricated_study import write_study

from analysis.figure import front_figure
from analysis.operating_points import CHOSEN_NAME, FRONT_NAME, bias_text, chosen_point, chosen_text
from analysis.runs import Study, from_study_dir


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return from_study_dir(write_study(tmp_path_factory.mktemp("studies") / "ks"))


def trace(study: Study, name: str):  # type: ignore[no-untyped-def]
    (found,) = [trace for trace in front_figure(study).data if trace.name == name]
    return found


def test_the_front_of_all_points_is_a_thin_line_of_its_own(study: Study) -> None:
    line, plain = trace(study, FRONT_NAME), trace(study, "validation front")
    trials = study.finished[study.finished["kind"] == "trial"]
    points = pd.concat([study.operating_points, trials])
    kept = points[non_dominated(points["accuracy"], points["gflops"])]
    assert list(line.x) == sorted(set(kept["gflops"]))
    assert line.line.width < plain.line.width
    for x, y in zip(plain.x, plain.y, strict=True):
        assert max(b for a, b in zip(line.x, line.y, strict=True) if a <= x) >= y
    assert set(line.x) - set(plain.x)


def test_a_chosen_trials_own_curve_passes_through_the_trial(study: Study) -> None:
    line = trace(study, "operating points of adamml 16")
    run = study.runs[study.runs["id"] == "adamml-16"].iloc[0]
    assert len(line.x) == 4
    assert (run["gflops"], 100 * run["accuracy"]) in set(zip(line.x, line.y, strict=True))
    assert any("rgb -6, audio -6" in text for text in line.text)


def test_the_chosen_point_is_joined_to_what_it_is_on_test(study: Study) -> None:
    point = chosen_point(study)
    assert point is not None
    assert point["bias"] == {"rgb": 0.25, "audio": 0.25}
    drawn = trace(study, CHOSEN_NAME)
    assert list(drawn.x) == [point["gflops"], 0.301]
    assert list(drawn.y) == [100 * point["accuracy"], 90.9]


def test_before_the_end_no_point_is_chosen(study: Study, tmp_path: Path) -> None:
    young = from_study_dir(write_study(tmp_path / "ks", ended=False))
    assert chosen_point(young) is None
    assert chosen_text(young) == "chosen on validation"
    moved = "chosen on validation, with the decision bias rgb +0.25, audio +0.25"
    assert chosen_text(study) == moved


def test_a_bias_reads_with_its_sign() -> None:
    assert bias_text({"rgb": 0.53, "audio": -1.2}) == "rgb +0.53, audio -1.2"
