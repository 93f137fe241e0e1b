"""Numbered JPEGs of frames or flow, and wav files, prepared by the reference implementation.

They are read as untrusted files.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from adamml.data.media.video import LIMITS, Limits, UnreadableVideo

TEMPLATES = ("{:05d}.jpg", "image_{:05d}.jpg")
"""Names of the pictures: of Kinetics-Sounds and Mini-Sports1M, and of ActivityNet and FCVID."""
PICTURE_BYTES = 64 * 2**20
"""Most bytes of one JPEG."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The numbered pictures of one clip, in one folder."""

    folder: Path
    first: int
    """Number of the first picture, usually 1."""
    last: int
    """Number of the last picture."""
    roots: tuple[Path, ...]
    """Resolved folders that all files must lie in, after their links are followed."""


def read_pictures(pictures: Pictures, limits: Limits = LIMITS) -> Iterator[Any]:
    """Return the pictures as frames (av.VideoFrame), in order.

    Raises:
        UnreadableVideo: one is missing, cannot be decoded, has another size or is beyond the
            limits.
    """
    return _decoded(pictures, "", limits)


def read_flow(pictures: Pictures, limits: Limits = LIMITS) -> NDArray[np.uint8]:
    """Read flow as the reference stores it: [T, 2, h, w], of the numbers first to last.

    There is a grey JPEG of x and one of y per number: x_00001.jpg and y_00001.jpg, or
    x_image_00001.jpg and y_image_00001.jpg.

    Raises:
        UnreadableVideo: one is missing, cannot be decoded, has another size or is beyond the
            limits.
    """
    pairs: list[NDArray[np.uint8]] = []
    sides = (_decoded(pictures, side, limits) for side in ("x_", "y_"))
    for x, y in zip(*sides, strict=True):
        if (x.width, x.height) != (y.width, y.height):
            raise UnreadableVideo(pictures.folder, "its x and y differ in size")
        pairs.append(np.stack([side.to_ndarray(format="gray") for side in (x, y)]))
        # Checked on the way, before too much is in memory.
        if pairs[0].nbytes * len(pairs) > limits.stored_bytes:
            raise UnreadableVideo(pictures.folder, f"more than {limits.stored_bytes} bytes of flow")
    return np.stack(pairs)


def flow_by_frame(
    pictures: Pictures, size: tuple[int, int], limits: Limits = LIMITS
) -> Iterator[NDArray[np.uint8]]:
    """Yield the flow from each frame to the next, [2, h, w], at the size of the frames' clip.

    The last frame may have no flow; then nothing is yielded for it.

    Args:
        pictures: the flow's folder, and the frames' numbers.
        size: (h, w) of the clip. It equals the pictures' size but for rounding, since flow counts
            their pixels.
        limits: limits that the files must keep.

    Raises:
        UnreadableVideo: as read_flow, or the pictures have another size.
    """
    # n frames have n - 1 flows between them; some tools repeat the last one.
    *_, last = _files(pictures, "x_")
    if not last.is_file() and pictures.last > pictures.first:
        pictures = replace(pictures, last=pictures.last - 1)
    for pair in read_flow(pictures, limits):
        if any(abs(side - wanted) > 1 for side, wanted in zip(pair.shape[1:], size, strict=True)):
            raise UnreadableVideo(
                pictures.folder,
                f"flow must be of {size} pixels, as its frames, got {pair.shape[1:]}",
            )
        yield np.stack([np.asarray(cv2.resize(side, size[::-1]), np.uint8) for side in pair])


def read_wav(
    file: Path, roots: tuple[Path, ...], sample_rate: int, limits: Limits
) -> NDArray[np.int16]:
    """Read a wav file, mono: [samples].

    Args:
        file: path of the file.
        roots: resolved folders; the file must lie in one of them.
        sample_rate: samples per second of the result.
        limits: limits that the file must keep.

    Raises:
        UnreadableVideo: the file is missing, no wav file, or longer than the limits.
    """
    _check_place(file, roots)
    options = {"format_whitelist": "wav", "protocol_whitelist": "file"}
    resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
    parts: list[NDArray[np.int16]] = []
    total = 0
    try:
        with av.open(str(file), container_options=options) as container:
            # None at the end makes the resampler give out what it still holds.
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
    """Yield the paths of the pictures, named by the template that the first one has.

    Raises:
        UnreadableVideo: the first one does not exist by any template.
    """
    names = [prefix + template for template in TEMPLATES]
    # The first picture decides for all; where it exists by both templates, the first is taken.
    existing = [n for n in names if (pictures.folder / n.format(pictures.first)).is_file()]
    if not existing:
        expected = " or ".join(name.format(pictures.first) for name in names)
        raise UnreadableVideo(pictures.folder, f"its first picture is missing: {expected}")
    for number in range(pictures.first, pictures.last + 1):
        yield pictures.folder / existing[0].format(number)


def _decoded(pictures: Pictures, prefix: str, limits: Limits) -> Iterator[Any]:
    """Yield the decoded pictures, in order.

    Raises:
        UnreadableVideo: as read_pictures.
    """
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    # By default FFmpeg conceals damage; explode makes it an error.
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
    """Return a picture's bytes.

    Raises:
        UnreadableVideo: the file lies elsewhere, is empty, or is above PICTURE_BYTES.
    """
    _check_place(file, roots)
    with file.open("rb") as opened:
        # One byte more than allowed shows that the file is too large without reading all of it.
        content = opened.read(PICTURE_BYTES + 1)
    if not 0 < len(content) <= PICTURE_BYTES:
        raise UnreadableVideo(
            file.parent, f"a picture is empty or above {PICTURE_BYTES} bytes: {file.name}"
        )
    return content


def _check_place(file: Path, roots: tuple[Path, ...]) -> None:
    """Raise unless a file exists and lies in one of the folders, after its links are followed.

    Raises:
        UnreadableVideo: it does not.
    """
    if not file.is_file():
        raise UnreadableVideo(file.parent, f"a file is missing: {file.name}")
    if not any(file.resolve().is_relative_to(root) for root in roots):
        raise UnreadableVideo(file.parent, f"a link that leads out of the folder: {file.name}")
