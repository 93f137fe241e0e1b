"""Operating points, drawn and in words."""

import pandas as pd
import pytest
from adamml.statistics.fronts import non_dominated
from fabricated_study import write_study

from analysis.operating_points import FRONT_NAME, bias_text, chosen_place, chosen_text
from analysis.runs import StudyRuns, from_study_dir
from analysis.validation_front import front_figure


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRuns:
    return from_study_dir(write_study(tmp_path_factory.mktemp("studies") / "ks"))


def trace(study: StudyRuns, name: str):  # type: ignore[no-untyped-def]
    (found,) = [trace for trace in front_figure(study).data if trace.name == name]
    return found


def test_the_front_of_all_points_is_a_thin_line_of_its_own(study: StudyRuns) -> None:
    line, plain = trace(study, FRONT_NAME), trace(study, "validation front")
    trials = study.finished[study.finished["kind"] == "trial"]
    points = pd.concat([study.operating_points, trials])
    kept = points[non_dominated(points[["quality", "gflops"]], maximise=[True, False])]
    assert list(line.x) == sorted(set(kept["gflops"]))
    assert line.line.width < plain.line.width
    for x, y in zip(plain.x, plain.y, strict=True):
        assert max(b for a, b in zip(line.x, line.y, strict=True) if a <= x) >= y
    assert set(line.x) - set(plain.x)


def test_a_chosen_trials_own_curve_passes_through_the_trial(study: StudyRuns) -> None:
    line = trace(study, "operating points of adamml 16")
    run = study.runs[study.runs["id"] == "adamml-16"].iloc[0]
    assert len(line.x) == 4
    assert (run["gflops"], 100 * run["quality"]) in set(zip(line.x, line.y, strict=True))
    assert any("rgb -6, audio -6" in text for text in line.text)


def test_the_ring_is_at_the_chosen_point_and_joined_to_its_test_result(study: StudyRuns) -> None:
    ring = trace(study, "chosen on validation")
    curve = trace(study, "operating points of adamml 16")
    place = [
        (x, y) for x, y, text in zip(curve.x, curve.y, curve.text, strict=True) if "+0.25" in text
    ]
    assert list(zip(ring.x, ring.y, strict=True)) == place
    joined = [(t.x, t.y) for t in front_figure(study).data if t.line.dash == "dot"]
    assert ((ring.x[0], 0.301), (ring.y[0], 90.9)) in joined


def test_how_a_run_was_chosen_names_its_bias(study: StudyRuns) -> None:
    runs = study.runs.set_index("id", drop=False)
    moved = "chosen on validation, with the decision bias rgb +0.25, audio +0.25"
    assert chosen_text(runs.loc["adamml-16"]) == moved
    assert chosen_text(runs.loc["fusion-weighted"]) == "chosen on validation"


def test_a_bias_that_no_operating_point_has_is_refused(study: StudyRuns) -> None:
    run = study.runs.set_index("id", drop=False).loc["adamml-16"].copy()
    run["operating_point"] = {"rgb": 9.0, "audio": 0.0}
    with pytest.raises(ValueError, match=r"adamml-16 must have an operating point with rgb \+9"):
        chosen_place(study, run)


def test_a_bias_reads_with_its_sign() -> None:
    assert bias_text({"rgb": 0.53, "audio": -1.2}) == "rgb +0.53, audio -1.2"
