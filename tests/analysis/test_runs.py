from pathlib import Path

import pandas as pd
import pytest
from adamml.journal import Journal
from adamml.tracking.sync import project
from fabricated_study import CHOSEN, front, write_study
from mlflow_stores import IGNORE_ITS_WARNINGS, fresh_database

from analysis.runs import COLUMNS, POINT_COLUMNS, StudyRuns, from_mlflow, from_study_dir

pytestmark = IGNORE_ITS_WARNINGS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    return write_study(tmp_path / "studies" / "ks")


def test_mlflow_and_the_journals_give_the_same_frame(
    folder: Path, empty_database: Path, tmp_path: Path
) -> None:
    uri = fresh_database(empty_database, tmp_path)
    assert project(folder, uri) == []
    ours, theirs = from_study_dir(folder), from_mlflow(uri, "ks")
    ours.runs["error"] = ours.runs["error"].str.rpartition("\n")[2]
    pd.testing.assert_frame_equal(ours.runs, theirs.runs)
    pd.testing.assert_frame_equal(points_of(ours), points_of(theirs))
    assert ours.references == theirs.references
    assert ours.metrics == theirs.metrics
    assert (ours.status, ours.name) == (theirs.status, theirs.name) == ("completed", "ks")
    assert theirs.data == {"videos": 2560, "silent": 3, "bad": 1}


def points_of(study: StudyRuns) -> pd.DataFrame:
    points = study.operating_points
    assert len(points) == 15 * 4
    return points.sort_values(["id", "gflops"], ignore_index=True)


def test_the_last_study_is_found_without_its_name(
    folder: Path, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = fresh_database(empty_database, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ValueError, match="got an empty store"):
        from_mlflow()
    project(write_study(tmp_path / "studies" / "newer", trials=3, began=1.8e9), uri)
    project(folder, uri)
    assert from_mlflow().name == "newer"
    with pytest.raises(ValueError, match="study must be one that MLflow has, got k_"):
        from_mlflow(name="k_")


def test_the_front_is_sorted_and_the_chosen_one_is_on_it(folder: Path) -> None:
    study = from_study_dir(folder)
    assert set(study.front["id"]) == set(front(folder))
    assert study.front["quality"].is_monotonic_increasing
    assert study.front["gflops"].is_monotonic_increasing
    assert study.runs.loc[study.runs["chosen"], "id"].tolist() == [CHOSEN]


def test_only_what_differs_between_trials_counts_as_searched(folder: Path) -> None:
    searched = from_study_dir(folder).searched
    assert "gumbel.temperature" in searched
    assert "gumbel.decay" not in searched


def test_a_trial_without_final_metrics_is_not_finished(folder: Path) -> None:
    journal = Journal(folder / "trials" / "late" / "journal.jsonl")
    journal.append("start", id="late", kind="trial", method="adamml", name="late")
    journal.append("epoch", epoch=1, stage="s", metrics={"quality": 0.99, "gflops": 0.01})
    study = from_study_dir(folder)
    assert study.runs["id"].iloc[-1] == "late"
    assert not {"late", "adamml-07"} & set(study.finished["id"])
    assert len(study.finished) == len(study.runs) - 2


def test_a_study_that_has_just_started_has_all_columns(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.jsonl").append("start", name="young", params={})
    study = from_study_dir(tmp_path)
    assert list(study.runs.columns) == COLUMNS
    assert study.finished.empty
    assert study.front.empty
    assert list(study.operating_points.columns) == POINT_COLUMNS
    assert study.searched == []
