"""Calls that end well, badly and never, each in a process of its own, and what stays of them."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from adamml.preparing.making.fork_server import SOURCE_ROOT, ForkServer

CALLED = """
import os, signal, sys, time
STARTED = os.getpid()

def main(argument):
    if argument == "pids":
        print(STARTED, os.getpid(), os.getppid())
    elif argument == "raise":
        raise ValueError("of no use")
    elif argument == "flood":
        sys.stderr.write("x" * 1_000_000)
        print("y" * 1_000_000)
    elif argument == "read":
        print(repr(sys.stdin.read()))
    elif argument == "forever":
        print("begun", flush=True)
        time.sleep(1000)
    else:
        os.kill(os.getpid(), getattr(signal, argument))
    return 0
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    """One that finds a module `called` in the folder it is started in."""
    (tmp_path / "called.py").write_text(CALLED)
    monkeypatch.chdir(tmp_path)
    server = ForkServer()
    yield server
    del server


def test_every_call_has_a_process_of_its_own_and_the_imports_of_all(server: ForkServer) -> None:
    ended = [server.call("called", "pids", 30) for _ in range(3)]
    assert [e.code for e in ended] == [0, 0, 0]
    pids = [[int(pid) for pid in e.output.split()] for e in ended]
    assert [own for _, own, _ in pids] == [e.pid for e in ended]
    assert len({e.pid for e in ended}) == 3
    assert {started for started, _, _ in pids} == {parent for _, _, parent in pids}
    assert os.getpid() not in {parent for _, _, parent in pids}


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_a_signal_ends_one_call_only(server: ForkServer, name: str) -> None:
    assert server.call("called", name, 30).code == -getattr(signal, name)
    assert server.call("called", "pids", 30).code == 0


def test_what_it_says_is_kept_whole_and_apart(server: ForkServer) -> None:
    ended = server.call("called", "flood", 30)
    assert (ended.code, ended.output, ended.errors) == (0, "y" * 1_000_000 + "\n", "x" * 1_000_000)
    ended = server.call("called", "raise", 30)
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors.splitlines()[-1] == "ValueError: of no use"
    assert server.call("called", "read", 30).output == "''\n"


def test_what_takes_too_long_is_killed(server: ForkServer) -> None:
    ended = server.call("called", "forever", 1.5)
    assert (ended.code, ended.output) == (None, "begun\n")
    assert not psutil.pid_exists(ended.pid)
    assert server.call("called", "pids", 30).code == 0


def test_the_limit_may_be_months(server: ForkServer) -> None:
    assert server.call("called", "pids", 1e7).code == 0


def test_a_call_that_is_interrupted_leaves_no_answer_to_the_next(server: ForkServer) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            server.call("called", "forever", 1000)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not server.running


def test_nothing_outlives_who_asked(tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALLED)
    script = """
        from adamml.preparing.making.fork_server import ForkServer
        ForkServer().call("called", "forever", 1000)
    """
    asking = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCE_ROOT)},
    )
    try:
        below = wait_for_two_below(psutil.Process(asking.pid))
    finally:
        asking.kill()
        asking.wait()
    gone, alive = psutil.wait_procs(below, timeout=10)
    assert (len(gone), alive) == (2, [])


def wait_for_two_below(process: psutil.Process) -> list[psutil.Process]:
    """The server and the call."""
    deadline = time.monotonic() + 30
    while len(below := process.children(recursive=True)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return below


def test_a_server_that_is_killed_has_ended_the_call(server: ForkServer) -> None:
    pid = int(server.call("called", "pids", 30).output.split()[0])
    os.kill(pid, signal.SIGKILL)
    ended = server.call("called", "pids", 30)
    assert (ended.code, ended.pid) == (-signal.SIGKILL, 0)
    assert not server.running


def test_a_module_that_is_not_there_is_no_fault_of_the_call(
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = ForkServer()
    with pytest.raises(RuntimeError, match="it was to call nowhere"):
        server.call("nowhere", "", 30)
    assert "No module named 'nowhere'" in capfd.readouterr().err
    assert not server.running
