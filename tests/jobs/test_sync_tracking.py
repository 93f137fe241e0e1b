"""`python jobs/sync_tracking.py` on journals that are made up."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sweep_process
from adamml.tracking.store import connect
from fabricated_study import write_study
from mlflow_stores import IGNORE_ITS_WARNINGS, fresh_database

pytestmark = IGNORE_ITS_WARNINGS


@pytest.fixture
def sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(str(sweep_process.JOB.parent))
    main: Callable[[], int] = importlib.import_module("sync_tracking").main

    def run(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["sync_tracking.py", *options])
        return main()

    return run


def runs(uri: str) -> dict[str, tuple[str, dict[str, float]]]:
    client = connect(uri)
    experiments = [
        e.experiment_id for e in client.search_experiments(filter_string="name LIKE 'adamml/%'")
    ]
    found = client.search_runs(experiments, max_results=1000)
    assert len({r.data.tags["adamml.id"] for r in found}) == len(found), "one of each"
    return {r.data.tags["adamml.id"]: (r.info.status, r.data.metrics) for r in found}


def test_all_studies_reach_a_new_store_and_a_second_time_changes_nothing(
    sync: Callable[..., int],
    tmp_path: Path,
    empty_database: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("a", "b"):
        write_study(tmp_path / "home" / "studies" / name, trials=2)
    uri = fresh_database(empty_database, tmp_path)
    assert sync("--tracking-uri", uri) == 0
    assert "a: up to date\nb: up to date" in capsys.readouterr().out
    first = runs(uri)
    assert {"a", "b", "a/fusion-max", "b/fusion-max"} <= set(first)
    assert sync("--tracking-uri", uri) == 0
    assert runs(uri) == first


def test_one_study_can_be_named(
    sync: Callable[..., int], tmp_path: Path, empty_database: Path
) -> None:
    for name in ("a", "b"):
        write_study(tmp_path / "home" / "studies" / name, trials=1)
    uri = fresh_database(empty_database, tmp_path)
    assert sync("--tracking-uri", uri, "--name", "b") == 0
    assert {id.partition("/")[0] for id in runs(uri)} == {"b"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "nope"], "there is no study 'nope' in"),
        (["--home", "empty"], "there is no study in"),
        (["--tracking-uri", "./mlruns"], "tracking URI must be a server"),
    ],
)
def test_mistakes_are_one_line(
    sync: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "home" / "studies" / "a", trials=1)
    assert sync(*options) == 2
    assert message in capsys.readouterr().err
