"""One clip of a folder of numbered JPEGs and a wav file.

main() makes one and prints what came of it, as transcode.py does of a video and within the same
limits.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

from adamml.data.media.encoding import Encoding
from adamml.data.media.pictures import Pictures, read_pictures, read_wav
from adamml.data.media.video import LIMITS, Limits, UnreadableVideo
from adamml.files import whole
from adamml.preparing.making.transcode import Transcoded, readable, report, written


def join_pictures(
    pictures: Pictures,
    target: Path,
    *,
    fps: float,
    sound: Path | None,
    encoding: Encoding,
    limits: Limits = LIMITS,
) -> Transcoded:
    """Write pictures, and their part of a wav file, to target, which is not there before it is
    whole.

    Args:
        fps: how often the pictures were taken. Number 1 was taken when the sound began.
        sound: silent without one, or where it ends before the first picture.

    Raises:
        UnreadableVideo: a picture is missing, cannot be decoded or has another size, the sound
            cannot be decoded, or either is beyond the limits.
        CannotWrite: target's folder or disk will not have it.
    """
    count = pictures.last - pictures.first + 1
    if count > limits.seconds * min(fps, limits.fps):
        raise UnreadableVideo(pictures.folder, f"more pictures than {limits.seconds:g} s can have")
    heard = None
    if sound is not None:
        begin = round(max(pictures.first - 1, 0) / fps * encoding.sample_rate)
        rest = read_wav(sound, pictures.roots, encoding.sample_rate, limits)[begin:]
        heard = rest if len(rest) else None
    rate = Fraction(fps).limit_denominator(1001)
    frames = readable(read_pictures(pictures, limits), pictures.folder)
    with whole(target) as part:
        written(part, frames, rate, heard, encoding)
    return Transcoded(duration_s=float(count / rate), fps=float(rate), silent=heard is None)


def main(argument: str) -> int:
    """argument: JSON with the arguments of Pictures and join_pictures, memory_bytes and cpu_s."""
    return report(argument, _join)


def _join(asked: dict[str, Any]) -> Transcoded:
    pictures = Pictures(
        folder=Path(asked["source"]),
        first=asked["first"],
        last=asked["last"],
        roots=tuple(Path(root) for root in asked["roots"]),
    )
    return join_pictures(
        pictures,
        Path(asked["target"]),
        fps=asked["fps"],
        sound=Path(asked["sound"]) if asked["sound"] else None,
        encoding=Encoding(**asked["encoding"]),
    )
