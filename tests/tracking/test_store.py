"""Against real databases and a real server."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from adamml.journal import Journal, read_journal
from adamml.tracking.follower import Follower
from adamml.tracking.projector import Projector
from adamml.tracking.store import MlflowStore, connect, search
from adamml.tracking.sync import project
from fabricated_study import HOSTILE, front, write_study
from mlflow_stores import IGNORE_ITS_WARNINGS, dump, fresh_database

pytestmark = IGNORE_ITS_WARNINGS
EXPERIMENT = "adamml/ks"


@pytest.fixture
def uri(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path / "home"))
    return fresh_database(empty_database, tmp_path)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "home" / "studies" / "ks")


def test_a_study_becomes_one_parent_with_a_run_for_each_thing_trained(
    uri: str, study: Path
) -> None:
    assert project(study, uri) == []
    runs = dump(uri, EXPERIMENT)
    assert runs["ks"]["tags"]["kind"] == "study"
    assert runs["ks"]["params"] == {"seed": "0", "trials": "18", "recipe": "demo"}
    children = {id: run for id, run in runs.items() if run["parent"] == "ks"}
    assert len(children) == len(runs) - 1 == 2 + 3 + 18
    tagged = {id for id, run in children.items() if run["tags"].get("on_front") == "true"}
    assert tagged == {f"ks/{id}" for id in front(study)}
    assert sum(run["tags"].get("on_front") == "false" for run in children.values()) == 18 - 7


def test_a_trial_shows_its_epochs_and_its_final_values_last(uri: str, study: Path) -> None:
    project(study, uri)
    run = dump(uri, EXPERIMENT)["ks/adamml-14"]
    assert run["name"] == "adamml 14"
    assert [step for step, _, _ in run["history"]["loss"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    final = max(run["history"]["accuracy"], key=lambda point: point[1])
    assert run["latest"]["accuracy"] == final[2]
    assert run["params"]["rgb.train_short_side"] == "[50, 58]"
    tags = run["tags"]
    assert (tags["fidelity"], tags["status"], tags["on_front"]) == ("joint", "completed", "true")
    status, start, end = run["status"]
    assert status == "FINISHED"
    assert 1.7e12 < start < end < 1.7e12 + 1e6


def test_more_than_mlflow_takes_at_once_goes_in_all_the_same(uri: str, study: Path) -> None:
    journal = Journal(study / "trials" / "large" / "journal.jsonl")
    params = {f"p{n}": n for n in range(250)}
    journal.append("start", id="large", kind="trial", method="adamml", name="large", params=params)
    for epoch in range(1, 12):
        journal.append("epoch", epoch=epoch, metrics={f"m{n}": float(n) for n in range(100)})
    assert project(study, uri) == []
    run = dump(uri, EXPERIMENT)["ks/large"]
    assert len(run["params"]) == 250
    assert [len(points) for points in run["history"].values()] == [11] * 100


def test_a_failed_trial_shows_its_traceback(uri: str, study: Path) -> None:
    project(study, uri)
    run = dump(uri, EXPERIMENT)["ks/adamml-07"]
    assert run["status"][0] == "FAILED"
    assert run["name"] == HOSTILE
    assert run["tags"]["error"] == f"ValueError: loss is NaN {HOSTILE}"
    (text,) = (study.parents[1] / "mlartifacts").rglob("error.txt")
    assert text.read_text().startswith("Traceback")


def test_replaying_twice_changes_nothing(uri: str, study: Path) -> None:
    project(study, uri)
    before = dump(uri, EXPERIMENT)
    assert project(study, uri) == []
    assert dump(uri, EXPERIMENT) == before


def test_artifacts_that_find_no_place_hold_back_no_metrics(uri: str, study: Path) -> None:
    """They come as soon as there is one; until then each pass says so."""
    folder = study.parents[1] / "mlartifacts"
    folder.write_text("a file where the folder should be")
    problems = project(study, uri)
    assert any("artifact operating_points.json" in problem for problem in problems)
    run = dump(uri, EXPERIMENT)["ks/adamml-14"]
    assert run["status"][0] == "FINISHED"
    assert len(run["history"]["loss"]) == 8
    assert "adamml.projected" not in run["tags"]
    folder.unlink()
    assert project(study, uri) == []
    assert len(list(folder.rglob("operating_points.json"))) == 15
    assert dump(uri, EXPERIMENT)["ks/adamml-14"]["history"] == run["history"]


def test_a_kill_before_the_count_was_noted_doubles_nothing(uri: str, study: Path) -> None:
    project(study, uri)
    before = dump(uri, EXPERIMENT)
    client = connect(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    for number, run in enumerate(search(client, experiment.experiment_id, "")):
        client.set_tag(run.info.run_id, "adamml.projected", str(number % 4))
    assert project(study, uri) == []
    assert dump(uri, EXPERIMENT) == before


def test_pass_by_pass_shows_the_same_as_all_at_once(
    empty_database: Path, uri: str, study: Path, tmp_path: Path
) -> None:
    project(study, uri)
    growing = tmp_path / "growing" / "ks"
    (tmp_path / "growing").mkdir()
    other = fresh_database(empty_database, tmp_path / "growing")
    projector = Projector(growing, MlflowStore(other))
    assert projector.project() == [f"{growing} must have a journal.jsonl with a start event"]
    journals = sorted(study.rglob("journal.jsonl"), key=lambda path: len(path.parts))
    for share in (0.1, 0.45, 0.8, 1.0):
        for path in journals:
            data = path.read_bytes()
            copy = growing / path.relative_to(study)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data[: max(int(share * len(data)), data.index(b"\n") + 1)])
        assert projector.project() == []
    assert dump(other, EXPERIMENT) == dump(uri, EXPERIMENT)


def test_a_trial_that_goes_on_is_running_again(uri: str, study: Path) -> None:
    projector = Projector(study, MlflowStore(uri))
    projector.project()
    journal = Journal(study / "trials" / "adamml-03" / "journal.jsonl")
    journal.append("start", id="adamml-03", kind="trial", method="adamml", attempt=2)
    projector.project()
    assert dump(uri, EXPERIMENT)["ks/adamml-03"]["status"][0] == "RUNNING"
    journal.append("end", status="stopped", error=None)
    projector.project()
    assert dump(uri, EXPERIMENT)["ks/adamml-03"]["status"][0] == "KILLED"


def test_a_trial_that_went_on_between_two_passes_ends_when_it_did(uri: str, study: Path) -> None:
    project(study, uri)
    _, start, before = dump(uri, EXPERIMENT)["ks/adamml-03"]["status"]
    journal = Journal(study / "trials" / "adamml-03" / "journal.jsonl")
    journal.append("start", id="adamml-03", kind="trial", method="adamml", attempt=2)
    journal.append("end", status="completed", error=None)
    ended = read_journal(journal.path)[-1]["time"]
    for _ in range(2):
        assert project(study, uri) == []
        shown = dump(uri, EXPERIMENT)["ks/adamml-03"]["status"]
        assert shown == ("FINISHED", start, int(ended * 1000))
    assert shown[2] != before


def test_a_new_study_under_an_old_name_stays_apart(uri: str, study: Path) -> None:
    project(study, uri)
    shutil.rmtree(study)
    write_study(study, trials=3, began=1.8e9)
    assert project(study, uri) == []
    client = connect(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    parents = search(client, experiment, "tags.kind = 'study'")
    children = [f"tags.`mlflow.parentRunId` = '{run.info.run_id}'" for run in parents]
    assert [len(search(client, experiment, condition)) for condition in children] == [23, 8]


def test_a_broken_journal_is_named_and_the_others_go_in(uri: str, study: Path) -> None:
    path = study / "trials" / "adamml-03" / "journal.jsonl"
    path.write_text("{oops\n" + path.read_text())
    (problem,) = project(study, uri)
    assert "adamml-03/journal.jsonl line 1 must be a JSON object" in problem
    assert len(dump(uri, EXPERIMENT)) == 23


def test_a_run_deleted_in_mlflow_comes_back_whole(uri: str, study: Path) -> None:
    projector = Projector(study, MlflowStore(uri))
    projector.project()
    before = dump(uri, EXPERIMENT)
    client = connect(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    (run,) = search(client, experiment.experiment_id, "tags.`adamml.id` = 'ks/adamml-03'")
    client.delete_run(run.info.run_id)
    assert project(study, uri) == []
    assert dump(uri, EXPERIMENT) == before


def test_a_report_is_kept_and_a_path_out_of_the_study_is_not(uri: str, study: Path) -> None:
    (study / "report.html").write_text("<p>front</p>")
    (study.parent / "secret.txt").write_text("s")
    journal = Journal(study / "journal.jsonl")
    journal.append("artifact", path="../secret.txt")
    journal.append("artifact", path="report.html")
    project(study, uri)
    kept = {path.name for path in (study.parents[1] / "mlartifacts").rglob("*.*")}
    assert kept == {"report.html", "error.txt", "bad_files.json", "operating_points.json"}


@pytest.mark.slow
def test_a_server_that_was_away_is_caught_up_with_by_the_replay_command(
    empty_database: Path, uri: str, tmp_path: Path
) -> None:
    study, port = write_study(tmp_path / "small" / "ks", trials=3), _free_port()
    behind = Follower(study, f"http://127.0.0.1:{port}").finish()
    assert behind is not None
    assert "MLflow is behind" in behind
    assert len((study / "tracking.log").read_text().splitlines()) <= 2
    (tmp_path / "server").mkdir()
    with _server(fresh_database(empty_database, tmp_path / "server"), tmp_path, port) as server:
        replay = shlex.split(behind.rpartition("\n")[2].strip())
        subprocess.run(["env", *replay], check=True, cwd=tmp_path)
        assert project(study, server) == []
        assert project(study, uri) == []
        assert dump(server, EXPERIMENT) == dump(uri, EXPERIMENT)


@pytest.mark.slow
def test_a_server_that_hangs_holds_nobody_up_for_long(study: Path) -> None:
    """It takes connections and never answers."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        follower = Follower(study, f"http://127.0.0.1:{mute.getsockname()[1]}")
        time.sleep(10)
        began = time.monotonic()
        assert "MLflow is behind" in (follower.finish() or "")
        assert time.monotonic() - began < 60


def test_the_follower_keeps_up_and_ends_when_its_driver_is_gone(uri: str, tmp_path: Path) -> None:
    """The driver is killed with a study half done; what it wrote reaches MLflow all the same."""
    study = tmp_path / "home" / "studies" / "ks"
    code = (
        "import os, signal, sys, pathlib\n"
        "from adamml.tracking.follower import Follower\n"
        "from fabricated_study import write_study\n"
        f"study = write_study(pathlib.Path({str(study)!r}), ended=False)\n"
        f"print(Follower(study, {uri!r}).pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    tests = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": f"{tests.parent / 'platform'}:{tests / 'support'}"}
    run = [sys.executable, "-c", code]
    pid = int(subprocess.run(run, env=env, capture_output=True, check=False).stdout)
    deadline = time.monotonic() + 120
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(pid)
    runs = dump(uri, EXPERIMENT)
    assert len(runs) == 24
    assert runs["ks"]["status"][0] == "RUNNING"


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _server(database: str, folder: Path, port: int) -> Iterator[str]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1", "--backend-store-uri", database]
    command += ["--artifacts-destination", str(folder / "served")]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with suppress(URLError, ConnectionError), urlopen(f"http://127.0.0.1:{port}/health"):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)
