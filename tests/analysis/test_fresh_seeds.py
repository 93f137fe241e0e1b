"""The test front in figure and report, from a confirm.json that is made up."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from adamml.journal import Journal
from adamml.statistics.retrained_fronts import Retrained, attainment_surfaces, front_rows
from fabricated_study import HOSTILE, write_study

from analysis.confirmation import confirmation_table
from analysis.report import claim, write_report
from analysis.runs import StudyRuns, from_study_dir
from analysis.validation_front import front_figure

MAXIMISE = (True, False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_study(tmp_path_factory.mktemp("studies") / "ks")
    dice = np.random.default_rng(0)
    found = [
        Retrained(
            key=key,
            seeds=[1001, 1002, 1003],
            values={
                "quality": (dice.random((3, 200)) < accuracy).astype(float),
                "gflops": np.full((3, 200), gflops),
            },
        )
        for key, accuracy, gflops in (("trial-000", 0.9, 0.55), ("adamml-16", 0.88, 0.3))
    ]
    names = {"trial-000": "000 always_on", "adamml-16": HOSTILE}
    searched = {"trial-000": {"quality": 0.91, "gflops": 0.55}, "adamml-16": {}}
    means = front_rows(found, "trial-000", maximise=MAXIMISE, compared="quality")
    rows = [
        asdict(row)
        | asdict(row)["objectives"]
        | {"name": names[row.key], "method": "", "searched": searched[row.key]}
        for row in means
    ]
    content = {
        "fusion": "trial-000",
        "rows": rows,
        "attained": attainment_surfaces(means, maximise=MAXIMISE),
    }
    (folder / "confirm.json").write_text(json.dumps(content))
    id = "confirm-trial-000-seed-1001"
    journal = Journal(folder / "trials" / id / "journal.jsonl")
    journal.append("start", id=id, kind="confirm", method="always_on", name=id, overrides={})
    journal.append("final", fidelity="joint", metrics={"quality": 1.0, "gflops": 0.55})
    journal.append("end", status="completed", error=None)
    test = {"test_quality": 1.0, "test_gflops": 0.55}
    Journal(folder / "journal.jsonl").append("test", id=id, metrics=test)
    return folder


@pytest.fixture(scope="module")
def study(folder: Path) -> StudyRuns:
    return from_study_dir(folder)


def test_the_figure_has_the_test_front_with_intervals(study: StudyRuns) -> None:
    traces = {trace.name: trace for trace in front_figure(study).data if trace.name}
    points = traces["retrained with fresh seeds, on test"]
    assert list(points.x) == pytest.approx([0.55, 0.3])
    assert all(up > 0 for up in points.error_y.array)
    assert all(down > 0 for down in points.error_y.arrayminus)
    median = traces["test front, median of fresh seeds"]
    assert list(median.x) == sorted(median.x)
    band = [t for t in front_figure(study).data if t.line.width == 0]
    assert {t.x[-1] for t in (*band, median)} == {0.55}, "surfaces end at the same GFLOPs"
    assert "<script" not in str(points.text)


def test_the_table_says_difference_probability_and_optimism(study: StudyRuns) -> None:
    table = confirmation_table(study)
    fusion, chosen = (dict(zip(table["columns"], row, strict=True)) for row in table["rows"])
    assert (fusion["points over fusion"], fusion["seeds"]) == ("", "3")
    assert fusion["optimism"][0] in "+-"
    assert chosen["optimism"] == "", "the search did not see it"
    assert " to " in chosen["points over fusion"]
    assert chosen["on front"].endswith("%")


def test_the_report_shows_it_only_where_something_was_retrained(
    folder: Path, tmp_path: Path
) -> None:
    text = write_report(folder, tmp_path / "with.html").read_text()
    assert "Test front: retrained with fresh seeds" in text
    assert HOSTILE not in text
    plain = write_study(tmp_path / "plain")
    assert "retrained with fresh" not in write_report(plain, tmp_path / "without.html").read_text()


def test_what_is_retrained_is_no_part_of_the_searchs_own_claim(study: StudyRuns) -> None:
    found = claim(study)
    assert found is not None
    assert found["other"]["id"] == "fusion-weighted"
    assert "confirm-trial-000-seed-1001" in set(study.runs["id"])
