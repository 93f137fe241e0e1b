"""A Ray cluster that a test starts, with its own folder and ports, and what it joins it with."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import sweep_process

RAY = Path(sys.executable).with_name("ray")
CLIENT = {"RAY_AUTH_MODE": "disabled"}
"""Environment of whoever joins it."""


@dataclass(frozen=True)
class Head:
    address: str
    """For RAY_ADDRESS."""
    dashboard: str
    """Its URL, also that of `ray job submit`."""


@contextmanager
def head_node(folder: Path) -> Iterator[Head]:
    """A head node with two CPUs; its processes are those of the session that started it.

    Args:
        folder: for its log.
    """
    port, dashboard, client, agent = _free_ports(4)
    command = [str(RAY), "start", "--head", "--block", "--num-cpus=2", f"--port={port}"]
    command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command += [f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"]
    ray_folder = f"/tmp/ray-{port}"  # short: sockets lie in it
    command += [f"--temp-dir={ray_folder}", "--node-ip-address=127.0.0.1"]
    kept = sweep_process.environment(folder / "unused") | CLIENT
    with (folder / "head.log").open("w") as log:
        head = subprocess.Popen(command, env=kept, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{dashboard}"
        _wait_for(f"{url}/api/version", head)
        yield Head(f"127.0.0.1:{port}", url)
    finally:
        family = psutil.Process(head.pid).children(recursive=True)
        head.kill()  # asked to end, it waits half a minute for its family
        for process in family:
            if process.is_running():
                process.kill()
        head.wait(timeout=60)
        shutil.rmtree(ray_folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


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
