"""Journals: append-only files of events, one JSON object per line.

Journals are the only state of a study; MLflow and the report are derived from them. A line counts
once its newline is on disk, so a last line that a crash cut off is ignored. A journal has one
writer at a time and any number of readers.
"""

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adamml.files import sync_folder

Event = dict[str, Any]
"""Line of a journal: "event" (its name), "time" (Unix seconds) and the event's own fields."""


class Journal:
    """Writer of one journal. It creates the file and its folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     journal = Journal(Path(folder) / "journal.jsonl", clock=lambda: 1.5)
    ...     journal.append("epoch", epoch=1, metrics={"quality": 0.5})
    ...     read_journal(journal.path)
    [{'event': 'epoch', 'time': 1.5, 'epoch': 1, 'metrics': {'quality': 0.5}}]

    Args:
        path: of the file. If its last line is incomplete, that line is cut off.
        clock: returns the time of an event in Unix seconds.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab+") as file:
            file.seek(0)
            file.truncate(_complete_bytes(file.read()))
        sync_folder(self.path.parent)

    def append(self, event: str, **fields: Any) -> None:
        """Write one event, and return when it is on disk.

        Args:
            event: name of the event.
            **fields: JSON values by name. "time" is added to them.

        Raises:
            ValueError: a number is NaN or infinite; the message names it.
            OSError: the disk did not take the whole line; then no part of it stays in the file.
        """
        _refuse_non_finite(fields, "")
        fields = {"event": event, "time": self._clock(), **fields}
        line = json.dumps(fields, allow_nan=False).encode() + b"\n"
        with open(self.path, "ab", buffering=0) as file:
            before = file.tell()
            try:
                while line:  # an almost full disk writes a part, and fails at the next call
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)  # else the next event would continue a half-written line
                raise


def read_journal(path: Path) -> list[Event]:
    """Return all events of a journal, in order; none if there is no file.

    Raises:
        ValueError: a line before the last is not a JSON object; the message names file and line.
    """
    return read_after(path, 0)[0]


def read_after(path: Path, offset: int) -> tuple[list[Event], int]:
    """Read the events from a byte offset on; return them and the offset behind the last whole line.

    Args:
        path: of the journal; without a file there are no events.
        offset: in bytes, from an earlier call; 0 to read all.

    Raises:
        ValueError: a line is not a JSON object; the message names file and line.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    end = _complete_bytes(data)
    lines = data[:end].split(b"\n")[:-1]
    return [_parse(line, path, offset, i) for i, line in enumerate(lines)], offset + end


def _complete_bytes(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _parse(line: bytes, path: Path, offset: int, before: int) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict) or "event" not in event:
        number = Path(path).read_bytes()[:offset].count(b"\n") + before + 1
        text = line[:80].decode(errors="replace")
        raise ValueError(f"{path} line {number} must be a JSON object with an event, got {text!r}")
    return event


def _refuse_non_finite(value: Any, name: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_non_finite(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_non_finite(item, f"{name}[{index}]")
