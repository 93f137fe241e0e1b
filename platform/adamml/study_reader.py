"""Records of a study that is under way: each look reads only the lines that are new."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from adamml.journal import Event, read_after
from adamml.records import StudyRecord, TrialRecord, study_record, summarise


@dataclass(slots=True)
class _Source:
    """A journal as far as it was read."""

    path: Path
    offset: int = 0
    events: list[Event] = field(default_factory=list)

    def read(self) -> bool:
        """Read what was appended since; return whether there was anything."""
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
    """A study's folder, read again and again. Not for several threads: give each its own.

    Args:
        folder: of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._study = _Source(self.folder / "journal.jsonl")
        self._sources: dict[str, _Source] = {}
        self._trials: dict[str, TrialRecord] = {}

    def read(self) -> StudyRecord:
        """Return the study as its journals stand now; equal to records.read_study.

        Raises:
            ValueError: there is no journal in the folder, or one is broken.
        """
        self._study.read()
        # The study's journal comes first, so that the trials that it names are there too.
        for folder in self.folder.glob("trials/*"):
            source = self._sources.setdefault(folder.name, _Source(folder / "journal.jsonl"))
            if source.read() or folder.name not in self._trials:
                self._trials[folder.name] = summarise(source.events, id=folder.name)
        # Copies: the study's journal adds to them, and a caller may keep the record.
        trials = [
            replace(t, tags=dict(t.tags), test=dict(t.test), regret=dict(t.regret))
            for t in self._trials.values()
        ]
        return study_record(self.folder, self._study.events, trials)
