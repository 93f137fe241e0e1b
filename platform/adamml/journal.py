"""What happened, one JSON object per line: the truth. MLflow and the report are views of it.

A line counts once its newline is on disk, so a torn last line (a crash while writing) never was.
A journal has one writer at a time; anybody may read at any time.
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


class Journal:
    """Appends events to one file, creating it and its folder; a torn last line is cut off first."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab+") as file:
            file.seek(0)
            file.truncate(_complete_bytes(file.read()))
        sync_folder(self.path.parent)

    def append(self, event: str, **fields: Any) -> None:
        """Write one event and return when it is on disk; "time" (unix seconds) is added.

        Raises:
            ValueError: a number is NaN or infinite; the message names it.
        """
        _refuse_non_finite(fields, "")
        fields = {"event": event, "time": self._clock(), **fields}
        line = json.dumps(fields, allow_nan=False).encode() + b"\n"
        with open(self.path, "ab", buffering=0) as file:
            before = file.tell()
            try:
                while line:  # an almost full disk takes a part, and says so at the next
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)  # half a line must not end up in front of the next one
                raise


def read_journal(path: Path) -> list[Event]:
    """All events of a journal, in order; none where there is no file.

    Raises:
        ValueError: a line before the last is not a JSON object; the message names file and line.
    """
    return read_after(path, 0)[0]


def read_after(path: Path, offset: int) -> tuple[list[Event], int]:
    """Read the events from a byte offset on; return them and the offset behind the last whole line.

    Args:
        path: of the journal; no events where there is no file.
        offset: in bytes, as an earlier call returned it; 0 for all.

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
