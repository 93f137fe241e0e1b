"""A projector that brings a store of runs up to date with a study's journals."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from adamml.journal import Event, read_after
from adamml.tracking.projection import Batch, study_batches, trial_batch

STUDY = ""
"""Id of the study's own journal and run, beside the ids of its trials."""


@dataclass(kw_only=True, slots=True)
class Run:
    """State of a run in the store."""

    run_id: str
    """Name of the run in the store."""
    projected: int
    """Number of journal lines that the run has."""
    status: str
    """MLflow's status: RUNNING, FINISHED, FAILED or KILLED."""
    end_ms: int | None
    """End of the run in Unix milliseconds; None while it runs."""

    def ends_as(self, batch: Batch) -> bool:
        """Return whether the run has the status and the end of the batch already."""
        return batch.status == self.status and batch.end_ms in (self.end_ms, None)


class Store(Protocol):
    """Interface of a store of runs. An exception means that the store cannot be reached."""

    def open_study(self, name: str, start: Event) -> Run:
        """Find or create the study's run. Later calls of trial() mean trials of this study."""

    def trial(self, id: str, start: Event) -> Run:
        """Find or create a trial's run."""

    def send(self, run: Run, batch: Batch, *, folder: Path, projected: int | None) -> list[str]:
        """Add a batch to a run, then the number of projected lines.

        Args:
            run: to add to.
            batch: additions.
            folder: of the study, from which files are read.
            projected: journal lines that the run has after this batch; None to leave the number.

        Returns:
            Problems, a sentence each.
        """


@dataclass(slots=True)
class _Source:
    """A journal, the events read so far, and the run that shows them."""

    events: list[Event] = field(default_factory=list)
    offset: int = 0
    run: Run | None = None


class Projector:
    """Projection of a study's folder into a store, for repeated passes.

    Args:
        study_dir: folder of the study.
        store: of runs.
    """

    def __init__(self, study_dir: Path, store: Store) -> None:
        self.folder, self._store = Path(study_dir), store
        self._sources = {STUDY: _Source()}

    def project(self) -> list[str]:
        """Bring the store up to date in one pass over all journals.

        Returns:
            Problems, a sentence each; empty if the store is up to date.
        """
        problems = self._read_all()
        if not self._sources[STUDY].events:
            return problems or [f"{self.folder} must have a journal.jsonl with a start event"]
        try:
            self._open_study()
            for id in self._sources:
                problems += self._project_trial(id) if id != STUDY else []
            problems += self._project_study()
        except Exception as error:  # of any type: it must not end training or later passes
            problems.append(one_line(error))
        if problems:
            for source in self._sources.values():
                source.run = None  # the next pass asks the store what it has
        return problems

    def _read_all(self) -> list[str]:
        """Read the new lines of all journals; return problems."""
        problems = []
        # First the study's journal: the trials that its events name then have a journal already.
        trials = sorted(path.name for path in self.folder.glob("trials/*"))
        for id in [STUDY, *trials]:
            try:
                self._read(self._sources.setdefault(id, _Source()), id)
            except (ValueError, OSError) as error:
                problems.append(str(error))
        return problems

    def _read(self, source: _Source, id: str) -> None:
        path = (self.folder / "trials" / id if id else self.folder) / "journal.jsonl"
        if path.exists() and path.stat().st_size > source.offset:
            events, source.offset = read_after(path, source.offset)
            source.events += events

    def _open_study(self) -> None:
        study = self._sources[STUDY]
        if study.run is None:
            start = study.events[0]
            study.run = self._store.open_study(start.get("name", self.folder.name), start)

    def _project_trial(self, id: str) -> list[str]:
        source = self._sources[id]
        if not source.events:
            return []
        source.run = source.run or self._store.trial(id, source.events[0])
        batch = trial_batch(source.events, source.run.projected)
        return self._send(source.run, batch, len(source.events))

    def _project_study(self) -> list[str]:
        """Send what the study's journal adds to its trials' runs, then to its own."""
        study = self._sources[STUDY]
        assert study.run is not None
        batches = study_batches(study.events, study.run.projected)
        study_batch, problems = batches.pop(STUDY), []
        for id, batch in batches.items():
            source = self._sources.get(id)
            if source is not None and source.run is not None:
                problems += self._send(source.run, batch, None)
            elif source is not None:
                problems.append(f"{id} has no run yet, but the study's journal has events about it")
        # Last, because the number of projected lines says that the trials have their part too.
        projected = None if problems else len(study.events)
        return problems + self._send(study.run, study_batch, projected)

    def _send(self, run: Run, batch: Batch, projected: int | None) -> list[str]:
        if projected == run.projected and run.ends_as(batch):
            return []
        return self._store.send(run, batch, folder=self.folder, projected=projected)


def one_line(error: Exception) -> str:
    """Return an error as one line; of a failed request only the cause."""
    line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {line.rpartition('Caused by ')[2].strip('()')}"


def follow(
    project: Callable[[], list[str]], closed: threading.Event, *, interval: float = 1.0
) -> list[str]:
    """Repeat passes until closed, then do a last one. Problems are printed when they change.

    Args:
        project: does one pass and returns its problems.
        closed: set when the study has ended.
        interval: seconds between passes; five times that after a pass with problems.

    Returns:
        The problems of the last pass.
    """
    printed: list[str] = []
    while True:
        last = closed.is_set()
        problems = project()
        if problems != printed:
            text = "; ".join(problems) or "up to date again"
            print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
        if last:
            return problems
        printed = problems
        closed.wait(5 * interval if problems else interval)
