"""`ray job submit` to a cluster that the test starts, with its own folder and ports."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import sweep_process
from adamml.records import read_study

pytestmark = pytest.mark.slow
RAY = Path(sys.executable).with_name("ray")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[str]:
    """The address of a head node; its processes are those of the session that started it."""
    port, dashboard, client, agent = free_ports(4)
    command = [str(RAY), "start", "--head", "--block", "--num-cpus=2", f"--port={port}"]
    command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command += [f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"]
    command += [f"--temp-dir=/tmp/ray-{port}", "--node-ip-address=127.0.0.1"]
    kept = sweep_process.environment(tmp_path / "unused") | {"RAY_AUTH_MODE": "disabled"}
    with (tmp_path / "head.log").open("w") as log:
        head = subprocess.Popen(command, env=kept, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        _wait_for(f"{address}/api/version", head)
        yield address
    finally:
        family = psutil.Process(head.pid).children(recursive=True)
        head.kill()  # asked to end, it waits half a minute for its family
        for process in family:
            if process.is_running():
                process.kill()
        head.wait(timeout=60)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, "the head node ended"
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_a_submitted_job_sweeps_on_the_cluster_with_two_workers_for_each_trial(
    dashboard: str, tmp_path: Path
) -> None:
    home, cache = tmp_path / "shared home", tmp_path / "cache"
    runtime = json.dumps({"env_vars": {"ADAMML_CACHE": str(cache)}})
    submitted = subprocess.run(
        [
            *[str(RAY), "job", "submit", "--address", dashboard, "--working-dir", "."],
            *["--runtime-env-json", runtime, "--", sys.executable, "jobs/sweep_ks.py"],
            *["--recipe", "tiny", "--home", str(home), "--name", "submitted"],
            *["--workers-per-slot", "2", "--no-confirm"],
        ],
        cwd=sweep_process.ROOT,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
        capture_output=True,
        text=True,
        timeout=sweep_process.LIMIT_S,
    )
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "Validation front of submitted" in submitted.stdout
    assert re.search(r"Job .* succeeded", submitted.stdout)
    assert (home / "studies/submitted/report.html").exists()
    assert cache.exists(), "the job's environment reached its workers"
    assert "On the test split" in submitted.stdout
    study = read_study(home / "studies/submitted")
    assert {t.status for t in study.trials} == {"completed"}
    epochs = sweep_process.epochs_of(study.folder)
    assert len(epochs) >= 8
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in epochs.values())
