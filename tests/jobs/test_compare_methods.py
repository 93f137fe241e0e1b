"""`python jobs/compare_methods.py --recipe tiny`, as its user runs it, with Ctrl-C in between."""

import json
import shutil
from pathlib import Path

import pytest
import sweep_process
from adamml.records import StudyRecord, read_study
from adamml.tracking.store import connect
from adamml.trials.test_results import load_results
from mlflow_stores import IGNORE_ITS_WARNINGS

JOB = sweep_process.ROOT / "jobs" / "compare_methods.py"
METHODS = ("audio", "weighted", "matched_random", "adamml", "relevance")
TWO_SEEDS = ("--slots", "1", "--seeds", "0", "1")
OPTIONS = ("--recipe", "tiny", "--name", "c", *TWO_SEEDS, "--methods", *METHODS)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("home")
    code, output = sweep_process.interrupted(home, "c", "audio-seed-1", 1, *OPTIONS, job=JOB)
    assert code == 130, output
    assert "Interrupted. Run the same command again to continue." in output
    assert "Traceback" not in output
    sweep_process.assert_nothing_is_left(home)
    code, output = sweep_process.sweep(home, *OPTIONS, job=JOB)
    assert code == 0, output
    return home, output


@pytest.fixture
def study(compared: tuple[Path, str]) -> StudyRecord:
    return read_study(compared[0] / "studies" / "c")


def test_it_ends_with_the_table_and_the_claims(compared: tuple[Path, str]) -> None:
    home, output = compared
    assert "c: 16 test videos, seeds 0, 1" in output
    assert all(f"│ {method} " in output for method in METHODS)
    assert all(f" {other}: " in output for other in ("matched_random", "weighted", "audio"))
    assert "Traceback" not in output
    assert "Warning" not in output
    assert (home / "studies/c/comparison.md").read_text().count("\n| ") == len(METHODS) + 1
    sweep_process.assert_nothing_is_left(home)


def test_seeds_share_nothing_and_methods_of_a_seed_their_networks(
    compared: tuple[Path, str], study: StudyRecord
) -> None:
    networks = list((compared[0] / "pretrained").glob("*/network.json"))
    assert len(networks) == 2 * 2
    assert len([t for t in study.trials if t.kind == "unimodal"]) == 2 * 2
    assert {t.status for t in study.trials} == {"completed"}


def test_all_methods_have_equal_recognition_epochs(study: StudyRecord) -> None:
    trained = {
        t.id: sum(e.stage != "policy_only" for e in t.epochs)
        for t in study.trials
        if t.kind == "trial"
    }
    assert trained == dict.fromkeys((f"{m}-seed-{s}" for m in METHODS for s in (0, 1)), 3)


def test_every_epoch_is_in_the_journal_once(study: StudyRecord) -> None:
    for id, epochs in sweep_process.epochs_of(study.folder).items():
        assert epochs == list(range(1, len(epochs) + 1)), id


def test_matched_random_was_trained_with_the_rates_on_validation(study: StudyRecord) -> None:
    trials = {t.id: t for t in study.trials}
    for seed in (0, 1):
        learned = trials[f"adamml-seed-{seed}"].final
        matched = trials[f"matched_random-seed-{seed}"].params
        for modality in ("rgb", "audio"):
            assert matched[f"policy.rates.{modality}"] == learned[f"selection_rate.{modality}"]


def test_every_method_saw_the_same_test_videos_once(study: StudyRecord) -> None:
    lines = (study.folder / "journal.jsonl").read_text().splitlines()
    tested = [e["id"] for e in map(json.loads, lines) if e["event"] == "test"]
    assert sorted(tested) == sorted(f"{m}-seed-{s}" for m in METHODS for s in (0, 1))
    videos = {tuple(load_results(study.folder / "trials" / id)["id"]) for id in tested}
    assert len(videos) == 1
    assert len(videos.pop()) == 16


@IGNORE_ITS_WARNINGS
def test_mlflow_has_table_and_claims(compared: tuple[Path, str], study: StudyRecord) -> None:
    client = connect(f"sqlite:///{compared[0] / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamml/c")
    runs = {r.data.tags["adamml.id"]: r for r in client.search_runs([experiment.experiment_id])}
    parent = runs["c"]
    assert {f"{m}.accuracy" for m in METHODS} <= set(parent.data.metrics)
    assert "claim.adamml_over_matched_random.low" in parent.data.metrics
    assert "comparison.md" in [f.path for f in client.list_artifacts(parent.info.run_id)]
    for trial in study.trials:
        if trial.kind == "trial":
            metrics = runs[f"c/{trial.id}"].data.metrics
            assert metrics["test_map"] == pytest.approx(trial.test["test_map"])


def test_the_same_command_again_runs_nothing_again(
    compared: tuple[Path, str],
) -> None:
    home, first = compared
    trials = home / "studies/c/trials"
    before = {path: path.read_bytes() for path in trials.parent.rglob("journal.jsonl")}
    files = {path: path.stat().st_mtime_ns for path in trials.glob("*/test_videos.parquet")}
    code, output = sweep_process.sweep(home, *OPTIONS, job=JOB)
    assert code == 0, output
    assert "starting Ray" not in output
    assert {path: path.read_bytes() for path in trials.parent.rglob("journal.jsonl")} == before
    assert {p: p.stat().st_mtime_ns for p in trials.glob("*/test_videos.parquet")} == files
    assert [line for line in output.splitlines() if "│" in line] == [
        line for line in first.splitlines() if "│" in line
    ]


def test_a_method_that_fails_is_named_and_the_others_are_compared(
    tiny_home: Path, tmp_path: Path
) -> None:
    """AdaMML's policy leaves what is finite; nobody else has one."""
    shutil.copytree(tiny_home, tmp_path, symlinks=True, dirs_exist_ok=True)
    options = ["--recipe", "tiny", "--name", "c", "--seeds", "0", "--slots", "1"]
    options += ["--methods", "audio", "matched_random", "adamml"]
    code, output = sweep_process.sweep(
        tmp_path, *options, "--override", "policy_optimizer.lr=1e30", job=JOB
    )
    assert code == 1, output
    assert "adamml-seed-0 failed: FloatingPointError" in output
    assert "matched_random-seed-0 failed: it needs adamml at seed 0" in output
    assert "│ audio " in output
    assert "│ adamml " not in output
