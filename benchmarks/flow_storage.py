"""Bytes, error and reading speed of prepared flow, kept as video and as JPEGs.

    python benchmarks/flow_storage.py
    python benchmarks/flow_storage.py --algorithm tvl1 --videos 2 --seconds 4

Built-in videos are made at --pixels and prepared as jobs/prepare_videos.py does, and their flow is
written in every form. Random segments are read as the published recipes have them: all flows of 8
frames, 4 apart, with stacks of 5. The forms take turns, and processor time is measured, so that
other programs of the machine matter little. Errors are against the quantised flow, in pixels. The
last line is JSON.
"""

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "platform"))

import cv2
import numpy as np
import tyro
from adamml.config import MotionConfig, RgbConfig, SyntheticConfig
from adamml.data.media.encoding import Encoding
from adamml.data.media.flow import optical_flow
from adamml.data.media.flow_video import FlowEncoding, read_flow_at, write_flow
from adamml.data.media.video import read_video
from adamml.data.modalities.segments import clip_length
from adamml.data.synthetic.rendering import render
from adamml.data.synthetic.storyboard import FPS
from adamml.preparing.making.transcode import transcode

Array = np.ndarray[Any, Any]
BOUND = MotionConfig().bound
SEGMENT = clip_length(RgbConfig()) - RgbConfig().frame_stride + MotionConfig().stack
"""Number of flows from the first to the last of a segment."""


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    algorithm: str = "dis"
    """Algorithm of the flow: dis or tvl1, which takes about a minute per second of video at 256
    pixels."""
    videos: int = 4
    """Number of videos."""
    seconds: float = 10.0
    """Length of a video, in seconds."""
    pixels: int = 256
    """Short side of a video, in pixels."""
    segments: int = 40
    """Number of random segments that are read in each form."""
    seed: int = 0
    """Seed of the videos and of the segments."""


@dataclass(frozen=True)
class Form:
    """Way to keep the flow of a video."""

    write: Callable[[Path, Array], None]
    """Function (path without a suffix, uint8 [T, 2, h, w]) that writes the flow."""
    read: Callable[[Path, int, int], Array]
    """Function (path without a suffix, first, count) -> uint8 [count, 2, h, w]."""


def video(suffix: str, encoding: FlowEncoding) -> Form:
    def write(path: Path, flows: Array) -> None:
        write_flow(path.with_suffix(suffix), flows, Fraction(FPS), encoding)

    def read(path: Path, first: int, count: int) -> Array:
        steps = list(range(first, first + count))
        return read_flow_at(path.with_suffix(suffix), steps, fps=FPS)

    return Form(write, read)


def jpegs(quality: int) -> Form:
    """Return the form of one file per plane, which is common in the field."""

    def name(path: Path, axis: int, step: int) -> Path:
        return path / f"{'xy'[axis]}_{step:05d}.jpg"

    def write(path: Path, flows: Array) -> None:
        path.mkdir()
        for step, flow in enumerate(flows):
            for axis, plane in enumerate(flow):
                _, content = cv2.imencode(".jpg", plane, [cv2.IMWRITE_JPEG_QUALITY, quality])
                name(path, axis, step).write_bytes(content.tobytes())

    def read(path: Path, first: int, count: int) -> Array:
        files = [[name(path, a, s) for a in (0, 1)] for s in range(first, first + count)]
        return np.array(
            [[cv2.imread(str(f), cv2.IMREAD_GRAYSCALE) for f in pair] for pair in files]
        )

    return Form(write, read)


FORMS = {
    **{f"h264 crf {crf}": video(".mp4", FlowEncoding(crf=crf)) for crf in (4, 8, 12, 16, 20)},
    "h264 lossless": video(".mp4", FlowEncoding(crf=0)),
    "ffv1 lossless": video(".mkv", FlowEncoding(codec="ffv1", gop=1)),
    **{f"jpeg {quality}": jpegs(quality) for quality in (95, 90, 80)},
}


def flows_of(options: Options, folder: Path) -> tuple[list[Array], float]:
    """Return the quantised flow of each video, [T, 2, h, w], and processor seconds per flow."""
    config = SyntheticConfig(seed=options.seed, pixels=options.pixels, seconds=options.seconds)
    flows, took = [], []
    for index in range(options.videos):
        source, clip = folder / "source" / f"{index}.mp4", folder / f"{index}.mp4"
        render(source, config, "train", index)
        transcode(source, clip, encoding=Encoding())
        frames = read_video(clip, fps=FPS, every=1, short_side=options.pixels)
        begun = time.process_time()
        flow = optical_flow(frames[:-1], frames[1:], algorithm=options.algorithm, bound=BOUND)
        took.append((time.process_time() - begun) / len(flow))
        flows.append(flow)
    return flows, statistics.median(took)


def main(options: Options) -> None:
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        flows, flow_s = flows_of(options, Path(temporary))
        video_s = sum(len(flow) for flow in flows) / FPS
        rows = {}
        for name, form in FORMS.items():
            folder = Path(temporary) / name.replace(" ", "-")
            folder.mkdir()
            for index, flow in enumerate(flows):
                form.write(folder / str(index), flow)
            files = [file for file in folder.rglob("*") if file.is_file()]
            rows[name] = {
                "kb_per_video_s": sum(f.stat().st_size for f in files) / 1000 / video_s,
                "files_per_video": len(files) / len(flows),
            } | _errors(folder, form, flows)
        times = _segment_times(Path(temporary), flows, options.segments, rng)
        for name, seconds in times.items():
            rows[name]["cpu_ms_per_segment"] = 1000 * statistics.median(seconds)
    print(f"{'':15}" + "".join(f"{column:>20}" for column in rows["jpeg 95"]))
    for name, row in rows.items():
        print(f"{name:15}" + "".join(f"{value:20.3f}" for value in row.values()))
    result = {
        "algorithm": options.algorithm,
        "pixels": options.pixels,
        "video_s": round(video_s, 1),
        "cpu_s_per_flow": round(flow_s, 4),
        "mean_flow_pixels": round(float(np.mean([_pixels(f, 128).mean() for f in flows])), 3),
        "flows_per_segment": SEGMENT,
        "forms": {n: {k: round(v, 4) for k, v in row.items()} for n, row in rows.items()},
    }
    print(json.dumps(result), flush=True)


def _errors(folder: Path, form: Form, flows: list[Array]) -> dict[str, float]:
    errors = [
        _pixels(form.read(folder / str(index), 0, len(flow)), flow)
        for index, flow in enumerate(flows)
    ]
    return {
        "mean_error": float(np.mean([error.mean() for error in errors])),
        "p999_error": float(np.mean([np.quantile(error, 0.999) for error in errors])),
        "max_error": float(max(error.max() for error in errors)),
    }


def _pixels(flow: Array, other: Array | int) -> Array:
    return np.asarray(np.abs(flow.astype(np.int16) - other) * np.float32(2 * BOUND / 255))


def _segment_times(
    folder: Path, flows: list[Array], segments: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Return the processor seconds of reading each of the same random segments, by form."""
    times: dict[str, list[float]] = {name: [] for name in FORMS}
    for _ in range(segments):
        index = int(rng.integers(len(flows)))
        count = min(SEGMENT, len(flows[index]))
        first = int(rng.integers(max(1, len(flows[index]) - count + 1)))
        for name, form in FORMS.items():
            begun = time.process_time()
            read = form.read(folder / name.replace(" ", "-") / str(index), first, count)
            times[name].append(time.process_time() - begun)
            assert len(read) == count
    assert all(math.isfinite(t) for ts in times.values() for t in ts)
    return times


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main(tyro.cli(Options, description=__doc__))
