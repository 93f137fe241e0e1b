"""Maker of the flow of one prepared clip, computed or taken from pictures, as a file beside it."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.data.media.flow import optical_flow
from adamml.data.media.flow_video import STILL, FlowEncoding, write_flow
from adamml.data.media.pictures import Pictures, flow_by_frame
from adamml.data.media.video import LIMITS, UnreadableVideo, opened, timed_frames
from adamml.data.stored_flow import StoredFlow
from adamml.files import whole
from adamml.preparing.making.transcode import CannotWrite, run_and_print

Array = np.ndarray[Any, Any]


def flow_of_clip(
    source: Path,
    target: Path,
    *,
    fps: Fraction,
    flow: StoredFlow,
    encoding: FlowEncoding,
    pictures: Pictures | None = None,
) -> int:
    """Write the flow between the frames of a prepared clip, whole or not at all.

    After the last frame nothing moves.

    Args:
        source: the clip.
        target: the file to write.
        fps: frame rate of the clip.
        flow: algorithm and bound.
        encoding: codec and quality of the file.
        pictures: pictures of flow to take in place of computing it.

    Returns:
        Number of flows, which is that of the frames.

    Raises:
        UnreadableVideo: the clip or a picture cannot be read, or is too small for flow.
    """
    flows = _computed(source, flow) if pictures is None else _taken(source, pictures)
    with whole(target) as part:
        count = write_flow(part, flows, fps, encoding)
        if not count:
            raise UnreadableVideo(source, "no frame can be decoded")
    return count


def _computed(source: Path, flow: StoredFlow) -> Iterator[Array]:
    """Yield the flow from each frame to the next, uint8 [2, h, w], and a still one at the end."""
    before = None
    for after in _frames(source):
        if before is not None:
            try:
                flows = optical_flow(before, after, algorithm=flow.algorithm, bound=flow.bound)
            except ValueError as error:
                raise UnreadableVideo(source, str(error)) from error
            yield flows[0]
        before = after
    if before is not None:
        yield np.full((2, *before.shape[-2:]), STILL, np.uint8)


def _taken(source: Path, pictures: Pictures) -> Iterator[Array]:
    """Yield one flow, uint8 [2, h, w], for each of the pictures' numbers, still ones at the end."""
    shape = _frame_shape(source)
    still = itertools.repeat(np.full((2, *shape), STILL, np.uint8))
    flows = itertools.chain(flow_by_frame(pictures, shape), still)
    yield from itertools.islice(flows, pictures.last - pictures.first + 1)


def _frame_shape(source: Path) -> tuple[int, int]:
    with opened(source, LIMITS) as container:
        stream = container.streams.video[0]
        return stream.height, stream.width


def _frames(source: Path) -> Iterator[Array]:
    """Yield uint8 [1, 3, h, w], as read_video returns frames."""
    convert = VideoReformatter()
    with opened(source, LIMITS) as container:
        for _, frame in timed_frames(container, source, LIMITS, 1):
            rgb = convert.reformat(frame, format="rgb24", interpolation="BILINEAR", threads=1)
            yield rgb.to_ndarray().transpose(2, 0, 1)[None]


def main(argument: str) -> int:
    """Make the flow of one clip, and print {"flows": count} or why it cannot be made, as JSON.

    Args:
        argument: JSON with source, target, fps (as text), flow, encoding, memory_bytes, cpu_s, and
            pictures: the arguments of Pictures, or null.
    """
    return run_and_print(argument, _make)


def _make(arguments: dict[str, Any]) -> dict[str, Any]:
    pictures = arguments["pictures"] and Pictures(
        folder=Path(arguments["pictures"]["folder"]),
        first=arguments["pictures"]["first"],
        last=arguments["pictures"]["last"],
        roots=tuple(map(Path, arguments["pictures"]["roots"])),
    )
    try:
        count = flow_of_clip(
            Path(arguments["source"]),
            Path(arguments["target"]),
            fps=Fraction(arguments["fps"]),
            flow=StoredFlow(**arguments["flow"]),
            encoding=FlowEncoding(**arguments["encoding"]),
            pictures=pictures,
        )
    except MemoryError:  # one of av's errors is both
        raise
    except av.FFmpegError as error:
        raise CannotWrite(str(error)) from error
    return {"flows": count}
