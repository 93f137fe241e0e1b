"""Maker of one clip of a folder of numbered JPEGs and a wav file, within transcode.py's limits."""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from adamml.data.media.encoding import Encoding
from adamml.data.media.pictures import Pictures, read_pictures, read_wav
from adamml.data.media.video import LIMITS, Limits, UnreadableVideo
from adamml.files import whole
from adamml.preparing.making.transcode import (
    Transcoded,
    blame_disk,
    blame_source,
    run_and_print,
)


def join_pictures(
    pictures: Pictures,
    target: Path,
    *,
    fps: float,
    sound: Path | None,
    encoding: Encoding,
    limits: Limits = LIMITS,
) -> Transcoded:
    """Write pictures, and their part of a wav file, to a clip, whole or not at all.

    Args:
        pictures: the pictures.
        target: the file to write.
        fps: frame rate of the pictures. Number 1 was taken when the sound began.
        sound: the wav file. The clip is silent without one, or where it ends before the first
            picture.
        encoding: size, codecs and rates of the clip.
        limits: limits on untrusted input.

    Raises:
        UnreadableVideo: a picture is missing, cannot be decoded or has another size, the sound
            cannot be decoded, or either is beyond the limits.
        CannotWrite: target's folder or disk refuses the file.
    """
    count = pictures.last - pictures.first + 1
    if count > limits.seconds * min(fps, limits.fps):
        raise UnreadableVideo(pictures.folder, f"more pictures than {limits.seconds:g} s can have")
    samples = None
    if sound is not None:
        begin = round(max(pictures.first - 1, 0) / fps * encoding.sample_rate)
        rest = read_wav(sound, pictures.roots, encoding.sample_rate, limits)[begin:]
        samples = rest if len(rest) else None
    rate = Fraction(fps).limit_denominator(1001)
    frames = blame_source(read_pictures(pictures, limits), pictures.folder)
    with whole(target) as part:
        blame_disk(part, frames, rate, samples, encoding)
    return Transcoded(duration_s=float(count / rate), fps=float(rate), silent=samples is None)


def main(argument: str) -> int:
    """Make one clip, and print the fields of Transcoded or why it cannot be made, as JSON.

    Args:
        argument: JSON with the arguments of Pictures and join_pictures, memory_bytes and cpu_s.
    """
    return run_and_print(argument, _make)


def _make(arguments: dict[str, Any]) -> dict[str, Any]:
    pictures = Pictures(
        folder=Path(arguments["source"]),
        first=arguments["first"],
        last=arguments["last"],
        roots=tuple(Path(root) for root in arguments["roots"]),
    )
    clip = join_pictures(
        pictures,
        Path(arguments["target"]),
        fps=arguments["fps"],
        sound=Path(arguments["sound"]) if arguments["sound"] else None,
        encoding=Encoding(**arguments["encoding"]),
    )
    return asdict(clip)
