"""The flow of one prepared clip, computed or taken from pictures, into a file beside it.

main() makes one clip's and prints what came of it as JSON (preparing/flows.py asks for it).
"""

import itertools
import json
import resource
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
    """Write the flow between the frames of a prepared clip, which is not there before it is whole.

    After the last frame nothing moves.

    Args:
        pictures: of flow, to be taken in place of computing it.

    Returns:
        How many there are: as many as frames.

    Raises:
        UnreadableVideo: the clip or a picture cannot be read, or is too small for flow.
    """
    flows = _flows(source, flow) if pictures is None else _paired(source, pictures)
    with whole(target) as part:
        count = write_flow(part, flows, fps, encoding)
        if not count:
            raise UnreadableVideo(source, "no frame can be decoded")
    return count


def _flows(source: Path, flow: StoredFlow) -> Iterator[Array]:
    before = None
    for after in _frames(source):
        if before is not None:
            try:
                found = optical_flow(before, after, algorithm=flow.algorithm, bound=flow.bound)
            except ValueError as error:
                raise UnreadableVideo(source, str(error)) from error
            yield found[0]
        before = after
    if before is not None:
        yield np.full((2, *before.shape[-2:]), STILL, np.uint8)


def _paired(source: Path, pictures: Pictures) -> Iterator[Array]:
    """One flow for each of the numbers."""
    shape = _frame_shape(source)
    still = itertools.repeat(np.full((2, *shape), STILL, np.uint8))
    flows = itertools.chain(flow_by_frame(pictures, shape), still)
    yield from itertools.islice(flows, pictures.last - pictures.first + 1)


def _frame_shape(source: Path) -> tuple[int, int]:
    with opened(source, LIMITS) as container:
        stream = container.streams.video[0]
        return stream.height, stream.width


def _frames(source: Path) -> Iterator[Array]:
    """uint8 [1, 3, h, w], as read_video has them."""
    convert = VideoReformatter()
    with opened(source, LIMITS) as container:
        for _, frame in timed_frames(container, source, LIMITS, 1):
            rgb = convert.reformat(frame, format="rgb24", interpolation="BILINEAR", threads=1)
            yield rgb.to_ndarray().transpose(2, 0, 1)[None]


def main(argument: str) -> int:
    """argument: JSON with source, target, fps (as text), flow, encoding, memory_bytes, cpu_s, and
    pictures, the arguments of Pictures, or null."""
    asked = json.loads(argument)
    pictures = asked["pictures"] and Pictures(
        folder=Path(asked["pictures"]["folder"]),
        first=asked["pictures"]["first"],
        last=asked["pictures"]["last"],
        roots=tuple(map(Path, asked["pictures"]["roots"])),
    )
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu_s"], asked["cpu_s"] + 1))
    try:
        count = flow_of_clip(
            Path(asked["source"]),
            Path(asked["target"]),
            fps=Fraction(asked["fps"]),
            flow=StoredFlow(**asked["flow"]),
            encoding=FlowEncoding(**asked["encoding"]),
            pictures=pictures,
        )
    except UnreadableVideo as error:
        print(json.dumps({"reason": error.reason}))
    except MemoryError:
        print(json.dumps({"reason": f"needs more than {asked['memory_bytes']} bytes of memory"}))
    except (av.FFmpegError, OSError) as error:
        print(json.dumps({"unwritable": str(error)}))
    else:
        print(json.dumps({"flows": count}))
    return 0
