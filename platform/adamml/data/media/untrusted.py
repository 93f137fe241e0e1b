"""Opens media files from unknown hands, within limits on what they may demand (PyAV)."""

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
"""Names of the containers that are opened. Playlists, which name other files or addresses, are
not among them."""

MOST_BOXES, INDEX_BYTES = 100, 2**26
"""Number of an MP4's boxes that are searched for its index, and bytes of the index that are
examined."""


class UnreadableVideo(OSError):  # noqa: N818 (read aloud, it says what is wrong)
    """Raised for a media file that cannot be used; `reason` says why, for a report."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        """Pickle both arguments: OSError would pickle the one that it was given."""
        return UnreadableVideo, (self.path, self.reason)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits on what one media file may demand."""

    seconds: float = 3600.0
    """Longest video."""
    pixels: int = 4096 * 2304
    """Most pixels per frame, as stored in the file. Decoders allocate no memory for more."""
    aspect: float = 10.0
    """Largest ratio of a frame's sides: training scales the shorter one to a fixed length, and the
    longer one grows with it."""
    fps: float = 240.0
    """Most frames per second, from the start to any frame, with 10 s of frames to spare."""
    sound_hz: tuple[int, int] = (1000, 768_000)
    """Lowest and highest rate of samples: at a few per second, one packet lasts hours."""
    stored_bytes: int = 4 * 2**30
    """Most bytes of decoded frames of one video."""
    wait_s: float = 30.0
    """Longest wait for the next packet, in seconds. FFmpeg searches a damaged file for one as far
    as the file goes."""


LIMITS = Limits()


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[Any]:
    """Open a media file and yield its container (av.container.InputContainer).

    Raises:
        UnreadableVideo: the file has no video that can be decoded within the limits, or FFmpeg
            raises an error in the block.
    """
    _require_file(path)
    reason = "not a readable video"
    try:
        _require_plain_index(path)
        with av.open(
            str(path),
            # Formats and protocols are listed, since some of FFmpeg's others open further files.
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            options={"max_pixels": str(limits.pixels)},
            metadata_errors="replace",
            timeout=limits.wait_s,
        ) as container:
            # Errors from here on are met while decoding, in the block of the with statement.
            reason = "cannot be decoded"
            if (stream := video_stream(container)) is None:
                raise UnreadableVideo(path, "no video stream")
            if stream.codec_context is None:
                raise UnreadableVideo(path, "no decoder for its video stream")
            require_size(stream.codec_context, path, limits)
            if (container.duration or 0) / av.time_base > limits.seconds:
                raise UnreadableVideo(path, f"longer than {limits.seconds:g} s")
            yield container
    except UnreadableVideo:
        raise
    except IndexError as error:
        # PyAV lists the streams when it opens a file. A stream that begins later is not in the
        # list, and its packets give this error.
        raise UnreadableVideo(path, "a stream begins in the middle of it") from error
    except (av.FFmpegError, OSError, ValueError, EOFError, ArithmeticError) as error:
        raise UnreadableVideo(path, f"{reason} ({first_line(error)})") from error


def _require_file(path: Path) -> None:
    """Raise unless path is a regular file with content; opening a FIFO or a device might block.

    Raises:
        UnreadableVideo: it is not, or cannot be examined.
    """
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
    """Raise if an MP4 has QuickTime's compressed index: 2 MB of it become 2 GiB of memory.

    Current programs do not write such an index.

    Raises:
        UnreadableVideo: the file has one.
    """
    at = 0
    with path.open("rb") as file:
        for _ in range(MOST_BOXES):
            file.seek(at)
            # A box begins with its size in 4 bytes and its name in 4; size 1 means that the real
            # size follows in 8 bytes.
            head = file.read(16)
            size, name = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if name in (b"moov", b"cmov") and b"cmvd" in file.read(INDEX_BYTES):
                raise UnreadableVideo(path, "its index is compressed")
            # No box is smaller than its head: this is the end of the file, or no MP4.
            if size < 8:
                return
            at += size


def video_stream(container: Any) -> Any:
    """Return the first video stream that is not a cover picture; None if there is none."""
    pictures = Disposition.attached_pic
    return next((s for s in container.streams.video if not s.disposition & pictures), None)


def first_line(error: Exception) -> str:
    """Return the first line of an exception's message, PyAV's or another's."""
    if isinstance(error, av.error.ExitError):  # raised after Limits.wait_s
        return "no packet is found in time"
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if text else type(error).__name__


def require_size(picture: Any, path: Path, limits: Limits) -> None:
    """Raise if a frame, or a stream's statement about its frames, is beyond the limits.

    Args:
        picture: object with width and height; a stream may state 0 for either.
        path: path of the file, for the message.
        limits: the limits.

    Raises:
        UnreadableVideo: there are too many pixels, or one side is too long for the other.
    """
    sides = picture.width, picture.height
    if sides[0] * sides[1] > limits.pixels:
        raise UnreadableVideo(path, f"more than {limits.pixels} pixels per frame")
    if min(sides) and max(sides) > limits.aspect * min(sides):
        raise UnreadableVideo(path, f"one side more than {limits.aspect:g} times the other")
