"""Flow as a video: x above y, grey, one flow per frame of the clip that it belongs to."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from adamml.data.media.flow import quantise
from adamml.data.media.video import LIMITS, UnreadableVideo, opened, shown_at, timed_frames

Array = np.ndarray[Any, Any]
STILL = int(quantise(np.zeros(1), 1.0)[0])
"""Where nothing moves."""


@dataclass(frozen=True, kw_only=True)
class FlowEncoding:
    """How flow is kept: benchmarks/flow_storage.py compares others.

    Without CABAC, deblocking and B-frames it takes a fifth more bytes and little more than half the
    time to read.
    """

    codec: str = "libx264"
    crf: int = 8
    """x264's quality; lower is better and larger."""
    gop: int = 12
    """Frames from one key frame to the next."""

    @property
    def options(self) -> dict[str, str]:
        tune = {"tune": "psnr,fastdecode", "bf": "0"}
        return {"preset": "veryfast", "crf": str(self.crf)} | tune


def write_flow(
    path: Path, flows: Iterable[Array], fps: Fraction, encoding: FlowEncoding | None = None
) -> int:
    """
    Args:
        flows: uint8 [2, h, w] of even h and w, x then y (flow.quantise), one every 1 / fps seconds.

    Returns:
        How many there were; without any no file is written.
    """
    encoding, flows = encoding or FlowEncoding(), iter(flows)
    first = next(flows, None)
    if first is None:
        return 0
    _, height, width = first.shape
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video: Any = container.add_stream(encoding.codec, rate=fps, options=encoding.options)
        video.width, video.height, video.pix_fmt = width, 2 * height, "gray"
        video.thread_count, video.gop_size = 1, encoding.gop
        video.codec_context.color_range = 2  # full: 0 to 255 stay what they are
        for flow in itertools.chain([first], flows):
            pixels = np.ascontiguousarray(flow.reshape(2 * height, width))
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="gray")))
            count += 1
        container.mux(video.encode())
    return count


def read_flow(path: Path, *, fps: float, threads: int = 1) -> Array:
    """All flow of a video: uint8 [T, 2, h, w], by place on the grid of times k / fps.

    Raises:
        UnreadableVideo: missing, empty, not a video of flow, or beyond the limits.
    """
    times = (step / fps for step in itertools.count())
    found: list[Array] = []
    for flow in _shown(path, times, fps, threads):
        found.append(flow)
        if flow.nbytes * len(found) > LIMITS.stored_bytes:
            raise UnreadableVideo(path, f"more than {LIMITS.stored_bytes} bytes of flow")
    if not found:
        raise UnreadableVideo(path, "no flow can be decoded")
    return np.stack(found)


def read_flow_at(path: Path, steps: list[int], *, fps: float) -> Array:
    """Some of the flow that read_flow gives, found by seeking: uint8 [len(steps), 2, h, w].

    Args:
        steps: rising; behind the end nothing moves.

    Raises:
        UnreadableVideo: as read_flow, but only what these need is read.
    """
    times = (step / fps for step in steps)
    found = list(_shown(path, times, fps, 1, from_s=max(0.0, (steps[0] - 0.5) / fps)))
    still = np.full(found[0].shape if found else _shape(path), STILL, np.uint8)
    return np.stack(found + [still] * (len(steps) - len(found)))


def _shape(path: Path) -> tuple[int, int, int]:
    with opened(path, LIMITS) as container:
        stream = container.streams.video[0]
        return 2, stream.height // 2, stream.width


def _shown(
    path: Path, times: Iterator[float], fps: float, threads: int, from_s: float = 0.0
) -> Iterator[Array]:
    """uint8 [2, h, w] at rising times, up to the end."""
    convert, size = VideoReformatter(), None
    with opened(path, LIMITS) as container:
        timed = timed_frames(container, path, LIMITS, threads, from_s=from_s)
        for frame in shown_at(timed, times, 0.5 / fps):
            grey = convert.reformat(frame, format="gray", threads=1).to_ndarray()
            size = size or grey.shape
            if len(grey) % 2 or grey.shape != size:
                raise UnreadableVideo(path, f"flow must be x above y, got {grey.shape} pixels")
            yield grey.reshape(2, -1, grey.shape[1])
