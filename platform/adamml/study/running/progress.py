"""Live display of a study: its phase, its finished trials, and an estimate of the time left."""

import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from adamml.records import StudyRecord
from adamml.study.options.plan import Plan
from adamml.study.running.expected import Expected, estimate
from adamml.study.running.phase import Phase
from adamml.study.selection import hypervolume
from adamml.study_reader import StudyReader
from adamml.terminal import Progress, Task

_STATUSES = ("completed", "running", "stopped", "failed")


class Display:
    """Display of a study on a terminal or in a job's log, for the time of a `with` block.

    Args:
        plan: of the study.
        reference: worst value of each objective, for the hypervolume; None for a study without a
            front.
    """

    def __init__(self, plan: Plan, reference: Sequence[float] | None) -> None:
        self._plan, self._reference = plan, reference
        self._reader, self._reading = StudyReader(plan.folder), threading.Lock()
        self._left: Callable[[StudyRecord], list[Phase]] | None = None
        self._slots = 1
        self._phase, self._fraction = "starting", 0.0
        self._progress = Progress(self._tasks)
        self.console = self._progress.console
        """Console whose prints go above the bars."""

    def phase(self, text: str) -> None:
        """Show from now on that this is being done."""
        self._phase = text
        self._progress.print_lines()

    def follow(self, left: Callable[[StudyRecord], list[Phase]], slots: int) -> None:
        """Show from now on how much of the study is left.

        Args:
            left: returns the phases that are left, from the study's records.
            slots: trials at the same time.
        """
        self._left, self._slots = left, slots

    def counter(self, text: str) -> Callable[[int, int], None]:
        """Return a progress callback (done, total) for the making of data."""

        def count(done: int, total: int) -> None:
            self._phase, self._fraction = f"{text} {done}/{total}", done / max(total, 1)

        return count

    def __enter__(self) -> "Display":
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def _tasks(self) -> list[Task]:
        """Return the study as a task, and its retraining as another once that is certain."""
        expected = self._expected()
        tasks = [Task(self._line(expected), self._fraction)]
        if expected.retrainings:
            share = expected.retrained / expected.retrainings
            text = f"retrained with fresh seeds: {expected.retrained}/{expected.retrainings}"
            tasks.append(Task(text, share))
        return tasks

    def _expected(self) -> Expected:
        with self._reading:  # phase() reads too, in another thread
            try:
                study = self._reader.read()
            except ValueError:  # the study has no journal yet
                return Expected()
            phases = self._left(study) if self._left else []
            return estimate(study, phases, self._plan.config, self._slots)

    def _line(self, expected: Expected) -> str:
        if expected.study is None:
            return self._phase
        self._fraction = expected.fraction
        trials = [t for t in expected.study.trials if t.kind == "trial"]
        count = {s: sum(t.status == s for t in trials) for s in _STATUSES}
        parts = [f"{count['completed']}/{self._plan.num_trials} trials done"]
        parts += [f"{n} {status}" for status, n in count.items() if n and status != "completed"]
        if self._reference is not None:
            volume = hypervolume(expected.study.trials, self._reference)
            parts.append(f"hypervolume {volume:.3f}")
        if expected.seconds_left is not None:
            parts.append(f"about {_duration(expected.seconds_left)} left")
        return f"{self._phase}: {', '.join(parts)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
