"""Opening media files that nobody vouches for, and what they may ask of us (PyAV)."""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
"""Containers that are opened. Playlists, which name other files or addresses, are not."""

MOST_BOXES, INDEX_BYTES = 100, 2**26
"""Of an MP4, how far we look for its index and into it."""


class UnreadableVideo(OSError):  # noqa: N818 (read aloud, it says what is wrong)
    """A media file that cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return UnreadableVideo, (self.path, self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one file may ask of us."""

    seconds: float = 3600.0
    pixels: int = 4096 * 2304
    """Per frame, as stored in the file. A decoder makes no room for more."""
    aspect: float = 10.0
    """The longer side of a frame in shorter ones: training scales the shorter to a fixed length."""
    fps: float = 240.0
    """More frames than this in every second, counted from 10 s before the first, are refused."""
    sound_hz: tuple[int, int] = (1000, 768_000)
    """Samples a second; at a few, one packet is hours."""
    stored_bytes: int = 4 * 2**30
    """Of the frames that are kept."""
    wait_s: float = 30.0
    """For the next packet. In a damaged file FFmpeg looks for one as far as the file goes."""


LIMITS = Limits()


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Any]:
    """The open container; whatever FFmpeg says against the file becomes UnreadableVideo."""
    _require_file(path)
    reason = "not a readable video"
    try:
        _require_plain_index(path)
        with av.open(
            str(path),
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            options={"max_pixels": str(limits.pixels)},
            metadata_errors="replace",
            timeout=limits.wait_s,
        ) as container:
            reason = "cannot be decoded"
            if (stream := film(container)) is None:
                raise UnreadableVideo(path, "no video stream")
            if stream.codec_context is None:
                raise UnreadableVideo(path, "no decoder for its video stream")
            require_size(stream.codec_context, path, limits)
            if (container.duration or 0) / av.time_base > limits.seconds:
                raise UnreadableVideo(path, f"longer than {limits.seconds:g} s")
            yield container
    except UnreadableVideo:
        raise
    except IndexError as error:  # PyAV counts the streams when it opens a file, and once more
        raise UnreadableVideo(path, "a stream begins in the middle of it") from error
    except (av.FFmpegError, OSError, ValueError, EOFError, ArithmeticError) as error:
        raise UnreadableVideo(path, f"{reason} ({first_line(error)})") from error


def _require_file(path: Path) -> None:
    """A FIFO or a device would be waited for; nothing but a regular file is opened."""
    try:
        status = path.stat()
    except OSError as error:
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
        reason = "the file is missing" if missing else f"cannot be opened ({first_line(error)})"
        raise UnreadableVideo(path, reason) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableVideo(path, "not a regular file")
    if status.st_size == 0:
        raise UnreadableVideo(path, "the file is empty")


def _require_plain_index(path: Path) -> None:
    """QuickTime's compressed index becomes 2 GiB of memory from 2 MB; nobody writes it any more."""
    at = 0
    with path.open("rb") as file:
        for _ in range(MOST_BOXES):
            file.seek(at)
            head = file.read(16)
            size, name = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if name in (b"moov", b"cmov") and b"cmvd" in file.read(INDEX_BYTES):
                raise UnreadableVideo(path, "its index is compressed")
            if size < 8:
                return
            at += size


def film(container: Any) -> Any:
    """The first video stream that is no cover picture; None without one."""
    pictures = Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & pictures), None)


def first_line(error: Exception) -> str:
    """What an exception of PyAV, or another, says."""
    if isinstance(error, av.error.ExitError):  # Limits.wait_s
        return "no packet is found in time"
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if text else type(error).__name__


def require_size(shown: Any, path: Path, limits: Limits) -> None:
    """Of a frame; or of what a stream says about them, which may be nothing (0)."""
    sides = shown.width, shown.height
    if sides[0] * sides[1] > limits.pixels:
        raise UnreadableVideo(path, f"more than {limits.pixels} pixels per frame")
    if min(sides) and max(sides) > limits.aspect * min(sides):
        raise UnreadableVideo(path, f"one side more than {limits.aspect:g} times the other")
