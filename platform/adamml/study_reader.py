"""A reader of a running study that reads only the new lines of its journals."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from adamml.journal import Event, read_after
from adamml.records import StudyRecord, TrialRecord, study_record, summarise


@dataclass(slots=True)
class _Source:
    """A journal, and the events that were read from it so far."""

    path: Path
    offset: int = 0
    events: list[Event] = field(default_factory=list)

    def read(self) -> bool:
        """Read the new lines; return whether there were any."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return False
        if size <= self.offset:
            return False
        events, self.offset = read_after(self.path, self.offset)
        self.events += events
        return bool(events)


class StudyReader:
    """Reader of a study's folder for repeated use, in one thread at a time.

    Args:
        folder: of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._study = _Source(self.folder / "journal.jsonl")
        self._sources: dict[str, _Source] = {}
        self._trials: dict[str, TrialRecord] = {}

    def read(self) -> StudyRecord:
        """Return the current state of the study, equal to that of records.read_study.

        Raises:
            ValueError: the folder has no journal, or a journal is broken.
        """
        self._study.read()
        # First the study's journal: the trials that its events name then have a journal already.
        for folder in self.folder.glob("trials/*"):
            source = self._sources.setdefault(folder.name, _Source(folder / "journal.jsonl"))
            if source.read() or folder.name not in self._trials:
                self._trials[folder.name] = summarise(source.events, id=folder.name)
        # Copies, because study_record() adds to them and a caller may keep the result.
        trials = [
            replace(t, tags=dict(t.tags), test=dict(t.test), regret=dict(t.regret))
            for t in self._trials.values()
        ]
        return study_record(self.folder, self._study.events, trials)
