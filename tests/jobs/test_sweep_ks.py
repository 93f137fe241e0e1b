"""`python jobs/sweep_ks.py --recipe tiny`, as its user runs it."""

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sweep_process
from adamml.journal import read_journal
from adamml.records import read_study
from adamml.tracking.projection import OPERATING_POINTS
from adamml.tracking.store import connect, read_artifact
from mlflow_stores import IGNORE_ITS_WARNINGS

from analysis.runs import from_mlflow, from_study_dir

STAGES = 2 + 1 + 1 + 1  # the tiny recipe's: policy only, warm-up, alternating, fine-tuning

OPTIONS = ("--recipe", "tiny", "--name", "first", "--confirm-seeds", "2")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    home = tmp_path_factory.mktemp("home")
    return home, *sweep_process.sweep(home, *OPTIONS)


def test_a_sweep_ends_with_its_front_and_where_to_look(swept: tuple[Path, int, str]) -> None:
    home, code, output = swept
    assert code == 0, output
    assert "Validation front of first" in output
    assert "On the test split" in output
    assert str(home / "studies/first/report.html") in output
    assert "mlflow ui --backend-store-uri" in output
    assert "ray job submit" in output
    assert "Traceback" not in output


def test_what_was_found_is_said_before_it_is_retrained(swept: tuple[Path, int, str]) -> None:
    _, _, output = swept
    before, retraining, after = output.partition("retraining with seeds")
    assert retraining
    assert before.count("On the test split: ") == 1
    assert "Report so far" in before
    assert after.count("On the test split: ") == 1


def test_progress_is_plain_lines_without_a_terminal(swept: tuple[Path, int, str]) -> None:
    _, _, output = swept
    lines = [line for line in output.splitlines() if re.match(r"\[\d\d:\d\d:\d\d\] ", line)]
    assert any("searching: " in line and "trials done, hypervolume" in line for line in lines)
    assert "\x1b" not in output


def test_nothing_outlives_a_sweep(swept: tuple[Path, int, str]) -> None:
    sweep_process.assert_nothing_is_left(swept[0])


def test_every_epoch_is_in_the_journal_once(swept: tuple[Path, int, str]) -> None:
    study = read_study(swept[0] / "studies/first")
    epochs = sweep_process.epochs_of(study.folder)
    trials = [t for t in study.trials if t.kind == "trial"]
    assert len(trials) == 4
    for trial in trials:
        expected = STAGES if trial.fidelity == "joint" else 2
        assert epochs[trial.id] == list(range(1, expected + 1))
    assert sum(t.fidelity == "joint" and t.method != "always_on" for t in trials) == 1
    assert {t.status for t in study.trials} == {"completed"}


def test_exactly_the_chosen_and_a_fusion_see_the_test_split(
    swept: tuple[Path, int, str],
) -> None:
    study = read_study(swept[0] / "studies/first")
    searched = [t for t in study.trials if not t.kind.startswith("confirm")]
    tested = [t for t in searched if t.test]
    chosen = [t for t in study.trials if t.tags.get("chosen") == "true"]
    assert len(tested) == 2
    assert len(chosen) == 1
    assert chosen[0] in tested
    for trial in study.trials:
        for epoch in trial.epochs:
            assert not any(name.startswith("test") for name in epoch.metrics)


def test_what_was_found_is_retrained_with_fresh_seeds_and_tested_once(
    swept: tuple[Path, int, str],
) -> None:
    """Tiny retrains its whole front: always-on, published, perhaps more, and each modality."""
    home, _, output = swept
    folder = home / "studies/first"
    study = read_study(folder)
    found = json.loads((folder / "confirm.json").read_text())
    front = {t.id for t in study.trials if "true" in (t.tags.get("on_front"), t.tags.get("chosen"))}
    assert {row["key"] for row in found["rows"]} == front | {
        "trial-000",
        "trial-001",
        "rgb",
        "audio",
    }
    retrained = [t for t in study.trials if t.kind == "confirm"]
    assert len(retrained) == 2 * len(found["rows"])
    assert {t.overrides["seed"] for t in retrained} == {1001, 1002}
    events = read_journal(folder / "journal.jsonl")
    tests = [e["id"] for e in events if e["event"] == "test" and e["id"].startswith("confirm-")]
    assert sorted(tests) == sorted(t.id for t in retrained)
    for row in found["rows"]:
        for seed, (accuracy, gflops) in zip(row["seeds"], row["by_seed"], strict=True):
            test = next(t for t in retrained if t.id == f"confirm-{row['key']}-seed-{seed}").test
            assert (accuracy, gflops) == pytest.approx((test["test_quality"], test["test_gflops"]))
    unimodal = {t.id for t in study.trials if t.kind == "confirm_unimodal"}
    assert len(unimodal) == 2 * 2, "of each seed and modality, shared by all"
    assert "Retrained with fresh seeds, on the test split" in output


def test_every_gumbel_trial_keeps_its_operating_points(swept: tuple[Path, int, str]) -> None:
    study = read_study(swept[0] / "studies/first")
    for trial in study.trials:
        adaptive = trial.method in ("adamml", "published")
        gumbel = trial.kind in ("trial", "confirm") and adaptive
        assert bool(trial.operating_points) == gumbel
        if gumbel:
            rest = {k: 0.0 for k in trial.operating_points[0] if k.startswith("bias.")}
            shown = {k: v for k, v in trial.final.items() if k in trial.operating_points[0]}
            assert shown | rest in trial.operating_points
    chosen = [t.tags["operating_point"] for t in study.trials if t.kind == "trial"]
    pointed = [json.loads(tag) for tag in chosen if tag != "none"]
    tested = [t for t in study.trials if t.tags.get("chosen") == "true" and t.test]
    used = [{m: t.test[f"test_bias.{m}"] for m in ("rgb", "audio")} for t in tested]
    assert used == (pointed or [{"rgb": 0.0, "audio": 0.0}])


def test_policies_are_measured_against_relevance_and_oracle(swept: tuple[Path, int, str]) -> None:
    study = read_study(swept[0] / "studies/first")
    for trial in study.trials:
        if trial.kind != "trial":
            continue
        for epoch in trial.epochs:
            assert {"precision.rgb", "recall.rgb", "precision.audio"} <= set(epoch.metrics)
        assert "recall.audio" in trial.final
        assert "quality_regret" in trial.regret


@IGNORE_ITS_WARNINGS
def test_mlflow_has_a_run_for_everything(swept: tuple[Path, int, str]) -> None:
    home = swept[0]
    study = read_study(home / "studies/first")
    client = connect(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("adamml/first")
    runs = {r.data.tags["adamml.id"]: r for r in client.search_runs([experiment.experiment_id])}
    assert len(runs) == len(study.trials) + 1
    for trial in study.trials:
        run = runs[f"first/{trial.id}"]
        assert run.data.tags["kind"] == trial.kind
        assert run.data.tags["status"] == "completed"
        for metric, key in (("accuracy", "quality"), ("gflops", "gflops")):
            assert run.data.metrics[metric] == pytest.approx(trial.final[key])
        if trial.kind == "trial":
            assert run.data.tags["on_front"] in ("true", "false")
            assert run.data.tags["fidelity"] == trial.fidelity
            assert run.data.params["gumbel.temperature"]
            assert run.data.metrics["accuracy_regret"] == trial.regret["quality_regret"]
            if trial.operating_points:
                kept = json.loads(read_artifact(client, run, OPERATING_POINTS))
                assert kept == trial.operating_points
    shown = from_mlflow(f"sqlite:///{home / 'mlflow.db'}", "first").confirmation
    assert shown == from_study_dir(study.folder).confirmation
    parent = runs["first"]
    assert parent.data.tags["kind"] == "study"
    assert "report.html" in [f.path for f in client.list_artifacts(parent.info.run_id)]


def test_the_study_says_what_its_hypervolume_is_measured_from(
    swept: tuple[Path, int, str],
) -> None:
    study = json.loads((swept[0] / "studies/first/study.json").read_text())
    assert study["quality"] == "accuracy"
    assert study["reference"][0] == 1 / 8


def test_the_same_command_again_runs_nothing_again(swept: tuple[Path, int, str]) -> None:
    home = swept[0]
    study = home / "studies/first"
    before = {path: path.read_bytes() for path in study.rglob("journal.jsonl")}
    code, output = sweep_process.sweep(home, *OPTIONS)
    assert code == 0, output
    assert "starting Ray" not in output
    assert "On the test split" in output
    assert "Report so far" not in output, "nothing is left to be retrained"
    assert {path: path.read_bytes() for path in study.rglob("journal.jsonl")} == before
    tests = [e["id"] for e in read_journal(study / "journal.jsonl") if e["event"] == "test"]
    assert (
        len(tests)
        == len(set(tests))
        == 2 + sum(t.kind == "confirm" for t in read_study(study).trials)
    )


def test_other_settings_under_an_old_name_are_refused(swept: tuple[Path, int, str]) -> None:
    options = ["--recipe", "tiny", "--name", "first", "--override", "loss.gamma=5"]
    code, output = sweep_process.sweep(swept[0], *options)
    assert code == 2, output
    assert "Traceback" not in output
    assert "error: study 'first' exists with other settings" in output
    assert "config.loss.gamma: in the study 2.0, here 5.0" in output


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The job's main in this process: what it refuses or shows, it does before anything starts."""
    for name, value in sweep_process.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(sweep_process.JOB.parent))
    main: Callable[[], int] = importlib.import_module("sweep_ks").main

    def run(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["sweep_ks.py", *options])
        return main()

    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--override", "gumbel.temprature=3"], "nearest valid path is 'gumbel.temperature'"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "."], "manifest.parquet"),
        (["--recipe", "dmeo"], "dmeo"),
        (["--recipe", "kinetics_sounds"], "needs --data"),
        (["--trials", "1"], "trials"),
        (["--tracking-uri", "./mlruns"], "tracking URI must be a server"),
        (["--name", "../elsewhere"], "name must be one a folder can have"),
    ],
)
def test_mistakes_are_refused_with_a_clear_error(
    job: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert job(*options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "studies").exists()


def test_a_dry_run_shows_everything_and_starts_nothing(
    job: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job("--recipe", "tiny", "--dry-run") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["trials"] == 4
    assert shown["config"]["gumbel.temperature"] == 5.0
    assert "FloatDistribution" in shown["searched"]["loss.lambdas.rgb"]
    assert not (tmp_path / "studies").exists()
