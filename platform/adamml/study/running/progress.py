"""What a study is doing, live: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from adamml.records import StudyRecord, TrialRecord, read_study
from adamml.study.selection import hypervolume
from adamml.terminal import open_console

PLAIN_EVERY_S = 15.0
LOOK_EVERY_S = 1.0
RECOGNITION_STAGES = ("unimodal", "warm_up", "alternating", "fine_tuning")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Epochs that a complete study has, by stage."""

    epochs: dict[str, int]
    slots: int
    trials: int


class Display:
    """Use as a context manager around a study; `phase` says what is happening.

    Args:
        reference: of the hypervolume; None where the study looks for no front.
    """

    def __init__(self, folder: Path, expected: Expected, reference: Sequence[float] | None) -> None:
        self._folder, self._expected, self._reference = folder, expected, reference
        self._phase, self._fraction = "starting", 0.0
        self.console = open_console()
        """Prints above the bar where there is one."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def phase(self, text: str) -> None:
        self._phase = text
        if not self.console.is_terminal:
            self._say()

    def resize(self, slots: int) -> None:
        """So many trials run at the same time."""
        self._expected = replace(self._expected, slots=slots)

    def counter(self, text: str) -> Callable[[int, int], None]:
        """A progress callback (done, total) for the making of data."""

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
                study = self._study()
                bar.update(search, description=self._line(study), completed=self._fraction)
                done, total = confirmed(study)
                text = f"retrained with fresh seeds: {done}/{total}"
                share = done / max(total, 1)
                bar.update(confirm, description=text, completed=share, visible=bool(total))

    def _say(self) -> None:
        study, now = self._study(), f"[{time.strftime('%H:%M:%S')}]"
        lines = [self._line(study)]
        done, total = confirmed(study)
        lines += [f"retrained with fresh seeds: {done}/{total}"] if total else []
        print(*(f"{now} {line}" for line in lines), sep="\n", file=sys.stdout, flush=True)

    def _study(self) -> StudyRecord | None:
        try:
            return read_study(self._folder)
        except ValueError:
            return None

    def _line(self, study: StudyRecord | None) -> str:
        if study is None:
            return self._phase
        trials = [t for t in study.trials if t.kind == "trial"]
        count = {s: sum(t.status == s for t in trials) for s in _STATUSES}
        left, self._fraction = remaining(study, self._expected)
        shown = [f"{count['completed']}/{self._expected.trials} trials done"]
        shown += [f"{n} {status}" for status, n in count.items() if n and status != "completed"]
        if self._reference is not None:
            shown.append(f"hypervolume {hypervolume(study.trials, self._reference):.3f}")
        if left is not None:
            shown.append(f"about {_minutes(left)} left")
        return f"{self._phase}: {', '.join(shown)}"


_STATUSES = ("completed", "running", "stopped", "failed")


def confirmed(study: StudyRecord | None) -> tuple[int, int]:
    """Trainings with fresh seeds that are done, and all; (0, 0) before they are known."""
    trials = [t for t in study.trials if t.kind == "confirm"] if study else []
    return sum(t.status == "completed" for t in trials), study.retrainings if study else 0


def remaining(study: StudyRecord, expected: Expected) -> tuple[float | None, float]:
    """Seconds left (None before every unimodal network that has begun was timed), and the fraction
    of the work that is done.

    A stage that was not seen yet is taken to cost what an epoch of the dearest network or trial
    costs, or, where recognition does not train, a tenth of it.
    """
    seconds, done = _epoch_seconds(study.trials)
    untimed = any(t.kind == "unimodal" and t.starts and not t.epochs for t in study.trials)
    if not seconds or untimed:
        return None, 0.0
    dearest = max(max(_epoch_seconds([t])[0].values(), default=0.0) for t in study.trials)

    def price(stage: str) -> float:
        return seconds.get(stage, dearest if stage in RECOGNITION_STAGES else dearest / 10)

    total = sum(n * price(stage) for stage, n in expected.epochs.items())
    spent = sum(min(n, done[stage]) * price(stage) for stage, n in expected.epochs.items())
    return (total - spent) / expected.slots, (spent / total if total else 1.0)


def _epoch_seconds(trials: list[TrialRecord]) -> tuple[dict[str, float], dict[str, int]]:
    """Mean seconds of an epoch by stage, and how many epochs were done."""
    times: dict[str, list[float]] = defaultdict(list)
    done: dict[str, int] = defaultdict(int)
    for trial in trials:
        before: list[float] = []
        for epoch in trial.epochs:
            done[epoch.stage] += 1
            before += [start for start in trial.starts if start < epoch.time]
            if before:
                times[epoch.stage].append(epoch.time - max(before))
            before = [epoch.time]
    return {stage: sum(values) / len(values) for stage, values in times.items()}, done


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
