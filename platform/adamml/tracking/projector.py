"""Keeps a store of runs up to what a study's journals say; which store, the caller decides."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from adamml.journal import Event, read_after
from adamml.tracking.projection import Batch, study_batches, trial_batch

STUDY = ""
"""The id under which the study's own journal and run are kept."""


@dataclass(kw_only=True, slots=True)
class Run:
    """A run as the store has it."""

    run_id: str
    projected: int
    """Journal lines that are in it."""
    status: str
    end_ms: int | None
    """When it ended, where its status says that it has."""

    def ends_as(self, batch: Batch) -> bool:
        """Whether it says of its end what the batch does."""
        return batch.status == self.status and batch.end_ms in (self.end_ms, None)


class Store(Protocol):
    """Where runs are shown. Any exception means that it is away."""

    def open_study(self, name: str, start: Event) -> Run:
        """The study's run, found or created; from now on trial() means this study's trials."""

    def trial(self, id: str, start: Event) -> Run:
        """A trial's run, found or created."""

    def send(self, run: Run, batch: Batch, *, folder: Path, projected: int | None) -> list[str]:
        """Add a batch, then note the count of projected lines unless None. Returns problems."""


@dataclass(slots=True)
class _Source:
    """One journal and the run that shows it."""

    events: list[Event] = field(default_factory=list)
    offset: int = 0
    run: Run | None = None


class Projector:
    """Brings a store up to date with a study's folder, again and again."""

    def __init__(self, study_dir: Path, store: Store) -> None:
        self.folder, self._store = Path(study_dir), store
        self._sources = {STUDY: _Source()}

    def project(self) -> list[str]:
        """One pass over all journals.

        Returns:
            What did not work, a sentence each; empty if the store is up to date.
        """
        problems = self._read_all()
        if not self._sources[STUDY].events:
            return problems or [f"{self.folder} must have a journal.jsonl with a start event"]
        try:
            self._open_study()
            for id in self._sources:
                problems += self._project_trial(id) if id != STUDY else []
            problems += self._project_study()
        except Exception as error:  # whatever it is: training and later passes must not suffer
            problems.append(in_short(error))
        if problems:
            for source in self._sources.values():
                source.run = None  # ask the store anew what it has
        return problems

    def _read_all(self) -> list[str]:
        """The study's journal comes first, so that the trials which it names are there too."""
        problems = []
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
        """Its own batch goes last, for that one notes that all of them are in, if they are."""
        study = self._sources[STUDY]
        assert study.run is not None
        batches = study_batches(study.events, study.run.projected)
        own, problems = batches.pop(STUDY), []
        for id, batch in batches.items():
            source = self._sources.get(id)
            if source is not None and source.run is not None:
                problems += self._send(source.run, batch, None)
            elif source is not None:
                problems.append(f"{id} has no run yet, and the study says something about it")
        return problems + self._send(study.run, own, None if problems else len(study.events))

    def _send(self, run: Run, batch: Batch, projected: int | None) -> list[str]:
        if projected == run.projected and run.ends_as(batch):
            return []
        return self._store.send(run, batch, folder=self.folder, projected=projected)


def in_short(error: Exception) -> str:
    """One line, and of a failed request only the cause."""
    line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {line.rpartition('Caused by ')[2].strip('()')}"


def follow(
    project: Callable[[], list[str]], closed: threading.Event, *, interval: float = 1.0
) -> list[str]:
    """Pass after pass until closed, then one more; a problem is logged when it is new.

    Args:
        interval: seconds between passes; five times that while something is wrong.
    """
    known: list[str] = []
    while True:
        last = closed.is_set()
        problems = project()
        if problems != known:
            text = "; ".join(problems) or "up to date again"
            print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
        if last:
            return problems
        known = problems
        closed.wait(5 * interval if problems else interval)
