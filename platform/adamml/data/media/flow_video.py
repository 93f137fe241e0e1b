"""Flow stored as a grey video: x above y, one picture for each frame of the clip it belongs to."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from adamml.data.media.flow import quantise
from adamml.data.media.video import LIMITS, UnreadableVideo, opened, shown_at, timed_frames

STILL = int(quantise(np.zeros(1), 1.0)[0])
"""Quantised displacement of a pixel that does not move."""


@dataclass(frozen=True, kw_only=True)
class FlowEncoding:
    """Properties of a flow video; benchmarks/flow_storage.py compares others.

    Without CABAC, deblocking and B-frames it takes a fifth more bytes and little more than half the
    time to read.
    """

    codec: str = "libx264"
    crf: int = 8
    """x264's constant rate factor; lower is better and larger."""
    gop: int = 12
    """Frames from one key frame to the next."""

    @property
    def options(self) -> dict[str, str]:
        """Options of the encoder."""
        tune = {"tune": "psnr,fastdecode", "bf": "0"}
        return {"preset": "veryfast", "crf": str(self.crf)} | tune


def write_flow(
    path: Path,
    flows: Iterable[NDArray[np.uint8]],
    fps: Fraction,
    encoding: FlowEncoding | None = None,
) -> int:
    """Write a flow video and return its number of flows; without any flow no file is written.

    Args:
        path: file to write.
        flows: [2, h, w] of even h and w, x then y, quantised; one every 1 / fps seconds.
        fps: frame rate of the clip that the flow belongs to.
        encoding: properties of the file; None takes the defaults.
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
        # AVCOL_RANGE_JPEG, the full range: readers must not stretch 16..235 to 0..255.
        video.codec_context.color_range = 2
        for flow in itertools.chain([first], flows):
            pixels = np.ascontiguousarray(flow.reshape(2 * height, width))
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="gray")))
            count += 1
        container.mux(video.encode())  # the pictures that the encoder still holds
    return count


def read_flow(path: Path, *, fps: float, threads: int = 1) -> NDArray[np.uint8]:
    """Read all flow of a video: [T, 2, h, w], on the grid of times k / fps.

    Raises:
        UnreadableVideo: the file is missing, empty, no flow video, or beyond the limits.
    """
    times = (step / fps for step in itertools.count())
    flows: list[NDArray[np.uint8]] = []
    for flow in _shown(path, times, fps, threads):
        flows.append(flow)
        # Checked on the way, before too much is in memory.
        if flow.nbytes * len(flows) > LIMITS.stored_bytes:
            raise UnreadableVideo(path, f"more than {LIMITS.stored_bytes} bytes of flow")
    if not flows:
        raise UnreadableVideo(path, "no flow can be decoded")
    return np.stack(flows)


def read_flow_at(path: Path, steps: list[int], *, fps: float) -> NDArray[np.uint8]:
    """Read some of the flow that read_flow returns, by seeking: [len(steps), 2, h, w].

    Args:
        path: the flow video.
        steps: rising numbers of flows; past the end nothing moves.
        fps: frame rate of the clip that the flow belongs to.

    Raises:
        UnreadableVideo: as read_flow, but damage is met only in what these steps need.
    """
    times = (step / fps for step in steps)
    # Half a frame earlier, so that rounding does not make the seek land behind the first one.
    flows = list(_shown(path, times, fps, 1, from_s=max(0.0, (steps[0] - 0.5) / fps)))
    still = np.full(flows[0].shape if flows else _shape(path), STILL, np.uint8)
    return np.stack(flows + [still] * (len(steps) - len(flows)))


def _shape(path: Path) -> tuple[int, int, int]:
    """Return [2, h, w] of a flow video without decoding any of it."""
    with opened(path, LIMITS) as container:
        stream = container.streams.video[0]
        return 2, stream.height // 2, stream.width


def _shown(
    path: Path, times: Iterator[float], fps: float, threads: int, from_s: float = 0.0
) -> Iterator[NDArray[np.uint8]]:
    """Yield the flow, [2, h, w], that is shown at each of the rising times, up to the end."""
    convert, size = VideoReformatter(), None
    with opened(path, LIMITS) as container:
        timed = timed_frames(container, path, LIMITS, threads, from_s=from_s)
        for frame in shown_at(timed, times, 0.5 / fps):
            grey = np.asarray(
                convert.reformat(frame, format="gray", threads=1).to_ndarray(), np.uint8
            )
            size = size or grey.shape
            if len(grey) % 2 or grey.shape != size:
                raise UnreadableVideo(path, f"flow must be x above y, got {grey.shape} pixels")
            yield grey.reshape(2, -1, grey.shape[1])
