"""The live display of a study: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from adamml.records import StudyRecord
from adamml.study.options.plan import Plan
from adamml.study.running.expected import Look, looked
from adamml.study.running.phase import Phase
from adamml.study.selection import hypervolume
from adamml.study_reader import StudyReader
from adamml.terminal import open_console

PLAIN_EVERY_S = 15.0
"""Seconds between two plain lines."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks at the journals, for the bar."""


class Display:
    """A display for the time of a `with` block; phase() says what is happening.

    Args:
        plan: of the study.
        reference: corner of the hypervolume; None where the study looks for no front.
    """

    def __init__(self, plan: Plan, reference: Sequence[float] | None) -> None:
        self._plan, self._reference = plan, reference
        self._reader, self._reading = StudyReader(plan.folder), threading.Lock()
        self._left: Callable[[StudyRecord], list[Phase]] | None = None
        self._slots = 1
        self._phase, self._fraction = "starting", 0.0
        self.console = open_console()
        """Prints above the bar where there is one."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def phase(self, text: str) -> None:
        """Show what is happening from now on."""
        self._phase = text
        if not self.console.is_terminal:
            self._say()

    def follow(self, left: Callable[[StudyRecord], list[Phase]], slots: int) -> None:
        """Show from now on how much of the study is left.

        Args:
            left: records -> phases that are left.
            slots: trials at the same time.
        """
        self._left, self._slots = left, slots

    def counter(self, text: str) -> Callable[[int, int], None]:
        """Return a progress callback (done, total) for the making of data."""

        def count(done: int, total: int) -> None:
            self._phase, self._fraction = f"{text} {done}/{total}", done / max(total, 1)

        return count

    def __enter__(self) -> "Display":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        if not self.console.is_terminal:
            while not self._over.wait(PLAIN_EVERY_S):
                self._say()
            return
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        with bar:
            search = bar.add_task(self._phase, total=1.0)
            confirm = bar.add_task("", total=1.0, visible=False)
            while not self._over.wait(LOOK_EVERY_S):
                look = self._look()
                bar.update(search, description=self._line(look), completed=self._fraction)
                text = f"retrained with fresh seeds: {look.retrained}/{look.retrainings}"
                share = look.retrained / max(look.retrainings, 1)
                visible = bool(look.retrainings)
                bar.update(confirm, description=text, completed=share, visible=visible)

    def _say(self) -> None:
        look, now = self._look(), f"[{time.strftime('%H:%M:%S')}]"
        lines = [self._line(look)]
        if look.retrainings:
            lines.append(f"retrained with fresh seeds: {look.retrained}/{look.retrainings}")
        print(*(f"{now} {line}" for line in lines), sep="\n", file=sys.stdout, flush=True)

    def _look(self) -> Look:
        with self._reading:  # phase() looks too, from another thread
            try:
                study = self._reader.read()
            except ValueError:  # no journal yet
                return Look()
            phases = self._left(study) if self._left else []
            return looked(study, phases, self._plan.config, self._slots)

    def _line(self, look: Look) -> str:
        if look.study is None:
            return self._phase
        trials = [t for t in look.study.trials if t.kind == "trial"]
        count = {s: sum(t.status == s for t in trials) for s in _STATUSES}
        self._fraction = look.fraction
        parts = [f"{count['completed']}/{self._plan.num_trials} trials done"]
        parts += [f"{n} {status}" for status, n in count.items() if n and status != "completed"]
        if self._reference is not None:
            volume = hypervolume(look.study.trials, self._reference)
            parts.append(f"hypervolume {volume:.3f}")
        if look.seconds_left is not None:
            parts.append(f"about {_minutes(look.seconds_left)} left")
        return f"{self._phase}: {', '.join(parts)}"


_STATUSES = ("completed", "running", "stopped", "failed")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
