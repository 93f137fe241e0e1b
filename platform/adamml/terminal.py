"""Output of jobs: a console, and a live display of progress, on a terminal and in a job's log."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

import rich.progress
from rich.console import Console

LOG_COLUMNS = 110
"""Number of columns of text where there is no terminal to ask."""
BAR_EVERY_S = 1.0
"""Time between two updates of the bars on a terminal, in seconds."""
LINE_EVERY_S = 15.0
"""Time between two plain lines where there is no terminal, in seconds."""


def open_console(columns: int = LOG_COLUMNS) -> Console:
    """Open a console over standard output.

    Args:
        columns: its width where standard output is no terminal.
    """
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=columns)


@dataclass(frozen=True)
class Task:
    """State of one of the tasks that a Progress shows."""

    text: str
    """Sentence beside the bar, or in the log: what is being done, and how far it is."""
    fraction: float
    """Part of the task that is done, from 0 to 1."""


class Progress:
    """Live display of tasks: bars on a terminal, a plain line per task now and then elsewhere.

    Use it as a context manager around the work.

    Args:
        tasks: returns the tasks as they are now, always in the same order; tasks may be added at
            the end. A thread of its own calls it, every BAR_EVERY_S on a terminal and every
            LINE_EVERY_S elsewhere. It must not raise.
        console: where to show them; standard output by default.
        keep: whether the last state stays on the terminal, and is printed in a log, at the end.
    """

    def __init__(
        self,
        tasks: Callable[[], Sequence[Task]],
        *,
        console: Console | None = None,
        keep: bool = False,
    ) -> None:
        self._tasks, self._keep = tasks, keep
        self.console = console or open_console()
        """Console whose prints go above the bars."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._bars = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(bar_width=None),
            rich.progress.TaskProgressColumn(),
            rich.progress.TimeElapsedColumn(),
            console=self.console,
            transient=not keep,
            auto_refresh=False,  # the thread that asks for the tasks draws them too
        )

    def print_lines(self) -> None:
        """Print the plain lines now, as at the beginning of a phase. Nothing on a terminal."""
        if not self.console.is_terminal:
            now = time.strftime("%H:%M:%S")
            for task in self._tasks():
                print(f"[{now}] {task.text}", file=self.console.file, flush=True)

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self._bars.start()
            self._draw()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self.console.is_terminal:
            if self._keep:
                self._draw()
            self._bars.stop()
        elif self._keep:
            self.print_lines()

    def _follow(self) -> None:
        show, every_s = (
            (self._draw, BAR_EVERY_S)
            if self.console.is_terminal
            else (self.print_lines, LINE_EVERY_S)
        )
        while not self._ended.wait(every_s):
            show()

    def _draw(self) -> None:
        bars = self._bars
        for place, task in enumerate(self._tasks()):
            if place == len(bars.task_ids):
                bars.add_task("", total=1.0)
            bars.update(bars.task_ids[place], description=task.text, completed=task.fraction)
        bars.refresh()
