"""The live display of progress: bars on a terminal, plain lines in a job's log."""

import io
import re
import time
from collections.abc import Callable

import pytest
from adamml import terminal
from adamml.terminal import Progress, Task, open_console
from rich.console import Console


def console(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=80, highlight=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "BAR_EVERY_S", 0.02)
    monkeypatch.setattr(terminal, "LINE_EVERY_S", 0.02)


def test_a_log_gets_a_line_per_task_now_and_then(quick: None) -> None:
    log, tasks = console(False), [Task("clips 1/4", 0.25)]
    with Progress(lambda: tasks, console=log):
        wait_for(lambda: "clips 1/4" in text_of(log))
        tasks[:] = [Task("clips 2/4", 0.5), Task("fresh seeds [1/3]", 1 / 3)]
        wait_for(lambda: "fresh seeds [1/3]" in text_of(log))
    lines = text_of(log).splitlines()
    assert all(
        re.fullmatch(r"\[\d\d:\d\d:\d\d\] (clips \d/4|fresh seeds \[1/3\])", n) for n in lines
    )
    assert "\x1b" not in text_of(log)


def test_a_log_waits_but_for_the_lines_that_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tasks = [Task("starting Ray", 0.0)]
    with Progress(lambda: tasks) as progress:
        progress.print_lines()
        tasks[:] = [Task("decoding", 0.5)]
    assert re.fullmatch(r"\[[\d:]{8}\] starting Ray\n", capsys.readouterr().out)


def test_the_last_state_is_kept_in_a_log_where_wanted() -> None:
    log = console(False)
    with (
        pytest.raises(KeyboardInterrupt),
        Progress(lambda: [Task("4/4", 1.0)], console=log, keep=True),
    ):
        raise KeyboardInterrupt
    assert text_of(log).endswith("] 4/4\n")


def test_a_terminal_shows_bars_that_follow_the_tasks(quick: None) -> None:
    screen, tasks = console(True), [Task("clips [1/4]", 0.25)]
    with Progress(lambda: tasks, console=screen) as progress:
        wait_for(lambda: " 25%" in text_of(screen))
        assert "clips [1/4]" in text_of(screen)
        progress.print_lines()
        tasks[:] = [Task("clips 2/4", 0.5), Task("fresh seeds 1/3", 1 / 3)]
        wait_for(lambda: " 50%" in text_of(screen) and " 33%" in text_of(screen))
        progress.console.print("above the bars")
    assert "above the bars" in text_of(screen)
    assert "\n[" not in text_of(screen)
    assert text_of(screen).endswith("\x1b[2K")  # the bars are erased


def test_the_last_state_stays_on_a_terminal_where_wanted() -> None:
    screen, tasks = console(True), [Task("3/4", 0.75)]
    with Progress(lambda: tasks, console=screen, keep=True):
        tasks[:] = [Task("4/4", 1.0)]
    last = text_of(screen).split("\r")[-1]
    assert "4/4" in last
    assert "100%" in last


def test_no_thread_is_left(quick: None) -> None:
    progress = Progress(lambda: [Task("", 0.0)], console=console(False))
    with progress:
        pass
    assert not progress._thread.is_alive()


def test_a_job_prints_at_a_fixed_width() -> None:
    assert (open_console().width, open_console(90).width) == (110, 90)
