"""One clip of an untrusted file as a small, seekable MP4.

main() does one clip and prints what came of it as JSON, in a process of its own
(preparing/making/fork_server.py), with limits on memory and processor time: a hostile file harms
that process alone.
"""

import json
import math
import resource
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from adamml.data.media.encoding import Encoding, write_clip
from adamml.data.media.sound import read_audio
from adamml.data.media.untrusted import (
    LIMITS,
    Limits,
    UnreadableVideo,
    first_line,
    opened,
    video_stream,
)
from adamml.data.media.video import shown_at, timed_frames, video_duration_s
from adamml.files import whole

LOWEST_FPS, HIGHEST_FPS, USUAL_FPS = 1.0, 60.0, 25.0


class CannotWrite(Exception):  # noqa: N818 (read aloud, it says what is wrong)
    """The fault of the disk, not of a video."""


@dataclass(frozen=True, kw_only=True)
class Transcoded:
    duration_s: float
    fps: float
    silent: bool


def transcode(
    source: Path,
    target: Path,
    *,
    start_s: float = 0.0,
    end_s: float = math.inf,
    encoding: Encoding,
    limits: Limits = LIMITS,
) -> Transcoded:
    """Write the part of source between two times to target, which is not there before it is whole.

    Frames are taken on the grid of the file's average rate (25 fps where it says none, 60 at most),
    turned as the file says they are to be shown.

    Raises:
        UnreadableVideo: source is missing, empty, truncated, no video, beyond the limits, or has no
            frame between these times.
        CannotWrite: target's folder or disk will not have it.
    """
    with whole(target) as part:
        sound = read_audio(source, sample_rate=encoding.sample_rate, limits=limits)
        with opened(source, limits) as container:
            fps = _rate(video_stream(container))
            timed = timed_frames(container, source, limits, 1, from_s=start_s)
            count = math.ceil((min(end_s, limits.seconds) - start_s) * fps - 1e-6)
            grid = (start_s + step / fps for step in range(count))
            shown = shown_at(timed, grid, 0.5 / float(fps))
            expected_s = min(video_duration_s(container), end_s) - start_s
            begin = round(start_s * encoding.sample_rate)
            heard = None if sound is None else sound[begin:]
            frames = written(part, readable(shown, source), fps, heard, encoding)
        if not frames:
            raise UnreadableVideo(source, f"no frame from {start_s:g} s on can be decoded")
        duration_s = float(frames / fps)
        if duration_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(
                source, f"truncated: {duration_s:.1f} of {expected_s:.1f} s can be decoded"
            )
    return Transcoded(duration_s=duration_s, fps=float(fps), silent=sound is None)


def readable(frames: Iterator[Any], source: Path) -> Iterator[Any]:
    """The same frames; what goes wrong in here is the source's fault, and nothing else is."""
    try:
        yield from frames
    except UnreadableVideo:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableVideo(source, f"cannot be decoded ({first_line(error)})") from error


def written(
    path: Path, frames: Iterator[Any], fps: Fraction, sound: Any, encoding: Encoding
) -> int:
    """write_clip, where what goes wrong is the disk's fault unless readable() says otherwise."""
    try:
        return write_clip(path, frames, fps, sound, encoding)
    except UnreadableVideo:
        raise
    except (av.FFmpegError, OSError) as error:
        raise CannotWrite(f"{path.parent} must take a clip, got: {error}") from error


def _rate(stream: Any) -> Fraction:
    found = stream.average_rate or stream.guessed_rate
    if not found or found < LOWEST_FPS:
        return Fraction(USUAL_FPS)
    return min(Fraction(found), Fraction(HIGHEST_FPS)).limit_denominator(1001)


def report(argument: str, make: Callable[[dict[str, Any]], Transcoded]) -> int:
    """Print what make(argument) gives, or why it cannot, as JSON.

    Args:
        argument: JSON with what make takes, and limits for this process: memory_bytes, cpu_s.
    """
    asked = json.loads(argument)
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"] + 1))
    try:
        found = make(asked)
    except UnreadableVideo as error:
        print(json.dumps({"reason": error.reason}))
    except MemoryError:
        print(json.dumps({"reason": f"needs more than {asked['memory_bytes']} bytes of memory"}))
    except (CannotWrite, OSError) as error:
        print(json.dumps({"unwritable": str(error)}))
    else:
        print(json.dumps(asdict(found)))
    return 0


def main(argument: str) -> int:
    """argument: JSON with the arguments of transcode, memory_bytes and cpu_s."""
    return report(
        argument,
        lambda asked: transcode(
            Path(asked["source"]),
            Path(asked["target"]),
            start_s=asked["start_s"],
            end_s=math.inf if asked["end_s"] is None else asked["end_s"],
            encoding=Encoding(**asked["encoding"]),
        ),
    )
