"""Maker of one clip of an untrusted file, as a small, seekable MP4.

main() runs in a process of its own (fork_server.py) with limits on memory and processor time: a
hostile file harms that process alone.
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

LOWEST_FPS = 1.0
"""Average frame rate, per second, below which a file counts as giving none."""
HIGHEST_FPS = 60.0
"""Highest frame rate of a prepared clip, per second."""
USUAL_FPS = 25.0
"""Frame rate of clips of files that give none, per second."""


class CannotWrite(Exception):  # noqa: N818 (named like UnreadableVideo, its counterpart)
    """Fault of the disk that takes a clip, not of the video that it is made of."""


@dataclass(frozen=True, kw_only=True)
class Transcoded:
    """Properties of a clip that was written."""

    duration_s: float
    """Length of the film, in seconds."""
    fps: float
    """Frame rate, per second."""
    silent: bool
    """True where the clip has no sound track."""


def transcode(
    source: Path,
    target: Path,
    *,
    start_s: float = 0.0,
    end_s: float = math.inf,
    encoding: Encoding,
    limits: Limits = LIMITS,
) -> Transcoded:
    """Write the part of a video between two times to a clip, whole or not at all.

    Frames are taken on the grid of the file's average rate (25 fps where it gives none, 60 at most)
    and turned as the file says they are to be shown.

    Args:
        source: the video.
        target: the file to write.
        start_s: begin of the part, in seconds.
        end_s: end of the part, in seconds.
        encoding: size, codecs and rates of the clip.
        limits: limits on untrusted input.

    Raises:
        UnreadableVideo: source is missing, empty, truncated, no video, beyond the limits, or has no
            frame between these times.
        CannotWrite: target's folder or disk refuses the file.
    """
    with whole(target) as part:
        sound = read_audio(source, sample_rate=encoding.sample_rate, limits=limits)
        with opened(source, limits) as container:
            fps = _rate(video_stream(container))
            timed = timed_frames(container, source, limits, 1, from_s=start_s)
            # Without the small number, a product that is whole but for rounding would count up.
            count = math.ceil((min(end_s, limits.seconds) - start_s) * fps - 1e-6)
            grid = (start_s + step / fps for step in range(count))
            on_grid = shown_at(timed, grid, 0.5 / float(fps))
            expected_s = min(video_duration_s(container), end_s) - start_s
            begin = round(start_s * encoding.sample_rate)
            samples = None if sound is None else sound[begin:]
            frames = blame_disk(part, blame_source(on_grid, source), fps, samples, encoding)
        if not frames:
            raise UnreadableVideo(source, f"no frame from {start_s:g} s on can be decoded")
        duration_s = float(frames / fps)
        if duration_s < 0.9 * expected_s - 1:
            raise UnreadableVideo(
                source, f"truncated: {duration_s:.1f} of {expected_s:.1f} s can be decoded"
            )
    return Transcoded(duration_s=duration_s, fps=float(fps), silent=sound is None)


def blame_source(frames: Iterator[Any], source: Path) -> Iterator[Any]:
    """Yield the frames, and turn errors of reading them into faults of their source.

    Raises:
        UnreadableVideo: a frame cannot be read.
    """
    try:
        yield from frames
    except UnreadableVideo:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableVideo(source, f"cannot be decoded ({first_line(error)})") from error


def blame_disk(
    path: Path, frames: Iterator[Any], fps: Fraction, sound: Any, encoding: Encoding
) -> int:
    """Write a clip with write_clip(), and turn errors into faults of the disk.

    Args:
        path: the file to write.
        frames: frames of blame_source(), whose errors stay those of the source.
        fps: frame rate, per second.
        sound: int16 samples; None for a silent clip.
        encoding: size, codecs and rates of the clip.

    Returns:
        Number of frames that were written.

    Raises:
        UnreadableVideo: a frame cannot be read.
        CannotWrite: the folder or the disk refuses the file.
    """
    try:
        return write_clip(path, frames, fps, sound, encoding)
    except UnreadableVideo:
        raise
    except (av.FFmpegError, OSError) as error:
        raise CannotWrite(f"{path.parent} must take a clip, got: {error}") from error


def _rate(stream: Any) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate
    if not rate or rate < LOWEST_FPS:
        return Fraction(USUAL_FPS)
    return min(Fraction(rate), Fraction(HIGHEST_FPS)).limit_denominator(1001)


def run_and_print(argument: str, make: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Limit this process, and print what make() returns, or why it cannot, as JSON.

    Args:
        argument: JSON with the arguments of make, and limits for this process: memory_bytes, cpu_s.
        make: makes one file.

    Returns:
        0, the exit status: {"reason": ...} is the fault of the source, {"unwritable": ...} of the
        disk.
    """
    arguments = json.loads(argument)
    resource.setrlimit(resource.RLIMIT_AS, (arguments["memory_bytes"],) * 2)
    # A second after the soft limit, whose signal a decoder might catch, the kernel kills.
    resource.setrlimit(resource.RLIMIT_CPU, (arguments["cpu_s"], arguments["cpu_s"] + 1))
    try:
        values = make(arguments)
    except UnreadableVideo as error:
        values = {"reason": error.reason}
    except MemoryError:
        values = {"reason": f"needs more than {arguments['memory_bytes']} bytes of memory"}
    except (CannotWrite, OSError) as error:
        values = {"unwritable": str(error)}
    print(json.dumps(values))
    return 0


def main(argument: str) -> int:
    """Make one clip, and print the fields of Transcoded or why it cannot be made, as JSON.

    Args:
        argument: JSON with the arguments of transcode, memory_bytes and cpu_s.
    """
    return run_and_print(argument, _make)


def _make(arguments: dict[str, Any]) -> dict[str, Any]:
    clip = transcode(
        Path(arguments["source"]),
        Path(arguments["target"]),
        start_s=arguments["start_s"],
        end_s=math.inf if arguments["end_s"] is None else arguments["end_s"],
        encoding=Encoding(**arguments["encoding"]),
    )
    return asdict(clip)
