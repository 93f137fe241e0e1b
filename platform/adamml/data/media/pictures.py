"""Numbered JPEGs, of frames or of flow, and wav files, as the reference implementation prepares
them; read as untrusted files."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from adamml.data.media.video import LIMITS, Limits, UnreadableVideo

Array = np.ndarray[Any, Any]
TEMPLATES = ("{:05d}.jpg", "image_{:05d}.jpg")
"""Names of pictures: of Kinetics-Sounds and Mini-Sports1M, and of ActivityNet and FCVID."""
PICTURE_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class Pictures:
    folder: Path
    first: int
    """The number of the first one, usually 1."""
    last: int
    roots: tuple[Path, ...]
    """Resolved folders: no file is read that lies, its links followed, in none of them."""


def read_pictures(pictures: Pictures, limits: Limits = LIMITS) -> Iterator[Any]:
    """Frames (av.VideoFrame), in order.

    Raises:
        UnreadableVideo: one is missing, cannot be decoded, has another size or is beyond the
            limits.
    """
    return _decoded(pictures, "", limits)


def read_flow(pictures: Pictures, limits: Limits = LIMITS) -> Array:
    """Flow as the reference keeps it: a grey JPEG of x and one of y per number, x_00001.jpg and
    y_00001.jpg, or x_image_00001.jpg and y_image_00001.jpg.

    Returns:
        uint8 [T, 2, h, w], as stored, of the numbers first to last.

    Raises:
        UnreadableVideo: one is missing, cannot be decoded, has another size or is beyond the
            limits.
    """
    pairs: list[Array] = []
    sides = (_decoded(pictures, side, limits) for side in ("x_", "y_"))
    for x, y in zip(*sides, strict=True):
        if (x.width, x.height) != (y.width, y.height):
            raise UnreadableVideo(pictures.folder, "its x and y differ in size")
        pairs.append(np.stack([side.to_ndarray(format="gray") for side in (x, y)]))
        if pairs[0].nbytes * len(pairs) > limits.stored_bytes:
            raise UnreadableVideo(pictures.folder, f"more than {limits.stored_bytes} bytes of flow")
    return np.stack(pairs)


def flow_by_frame(
    pictures: Pictures, size: tuple[int, int], limits: Limits = LIMITS
) -> Iterator[Array]:
    """Flow from each frame to the next: uint8 [2, h, w], as read_flow has it, at the size of the
    frames' clip. There may be none from the last frame on: then it is not here either.

    Args:
        size: (h, w), that of the pictures but for rounding: flow is counted in their pixels.

    Raises:
        UnreadableVideo: as read_flow, or another size.
    """
    *_, last = _files(pictures, "x_")
    if not last.is_file() and pictures.last > pictures.first:
        pictures = replace(pictures, last=pictures.last - 1)
    for pair in read_flow(pictures, limits):
        if any(abs(here - there) > 1 for here, there in zip(pair.shape[1:], size, strict=True)):
            raise UnreadableVideo(
                pictures.folder,
                f"flow must be of {size} pixels, as its frames, got {pair.shape[1:]}",
            )
        yield np.stack([cv2.resize(side, size[::-1]) for side in pair])


def read_wav(file: Path, roots: tuple[Path, ...], sample_rate: int, limits: Limits) -> Array:
    """int16 [samples], mono.

    Raises:
        UnreadableVideo: missing, no wav file, or longer than the limits.
    """
    _check_place(file, roots)
    options = {"format_whitelist": "wav", "protocol_whitelist": "file"}
    resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
    parts: list[Array] = []
    total = 0
    try:
        with av.open(str(file), container_options=options) as container:
            for frame in itertools.chain(container.decode(audio=0), [None]):
                for resampled in resampler.resample(frame):
                    parts.append(resampled.to_ndarray()[0])
                    total += len(parts[-1])
                if total > limits.seconds * sample_rate:
                    raise UnreadableVideo(
                        file.parent, f"the sound is longer than {limits.seconds:g} s"
                    )
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise UnreadableVideo(file.parent, f"not a readable wav file: {file.name}") from error
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _files(pictures: Pictures, prefix: str) -> Iterator[Path]:
    """By the template that the first one has."""
    names = [prefix + template for template in TEMPLATES]
    there = [n for n in names if (pictures.folder / n.format(pictures.first)).is_file()]
    if not there:
        wanted = " or ".join(name.format(pictures.first) for name in names)
        raise UnreadableVideo(pictures.folder, f"its first picture is missing: {wanted}")
    for number in range(pictures.first, pictures.last + 1):
        yield pictures.folder / there[0].format(number)


def _decoded(pictures: Pictures, prefix: str, limits: Limits) -> Iterator[Any]:
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode", "max_pixels": str(limits.pixels)}
    size = None
    for file in _files(pictures, prefix):
        try:
            frames = decoder.decode(av.Packet(_content(file, pictures.roots)))
        except av.FFmpegError as error:
            reason = f"a picture is damaged, no JPEG, or above {limits.pixels} pixels: {file.name}"
            raise UnreadableVideo(file.parent, reason) from error
        if len(frames) != 1:
            raise UnreadableVideo(file.parent, f"a picture is no JPEG: {file.name}")
        size = size or (frames[0].width, frames[0].height)
        if (frames[0].width, frames[0].height) != size:
            raise UnreadableVideo(file.parent, f"its pictures change their size: {file.name}")
        yield frames[0]


def _content(file: Path, roots: tuple[Path, ...]) -> bytes:
    _check_place(file, roots)
    with file.open("rb") as opened:
        content = opened.read(PICTURE_BYTES + 1)
    if not 0 < len(content) <= PICTURE_BYTES:
        raise UnreadableVideo(
            file.parent, f"a picture is empty or above {PICTURE_BYTES} bytes: {file.name}"
        )
    return content


def _check_place(file: Path, roots: tuple[Path, ...]) -> None:
    if not file.is_file():
        raise UnreadableVideo(file.parent, f"a file is missing: {file.name}")
    if not any(file.resolve().is_relative_to(root) for root in roots):
        raise UnreadableVideo(file.parent, f"a link that leads out of the folder: {file.name}")
