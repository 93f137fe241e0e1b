"""Speed of reading videos, against plain PyAV and against training steps.

    python benchmarks/data_loading.py

Reading: 5 segments of 8 frames and their sound, of videos that are not in the decoded cache, once
as clips that jobs/prepare_videos.py makes (GOP 12) and once as larger originals with a GOP of 250.
`plain` is a script on PyAV alone that seeks to the same frames and sound, decodes and scales them.
`read` is the data package's reader, whose arrays are checked to be the same. `item` is the whole
item of a training epoch, which also resizes, crops, normalises and makes spectrograms. The three
take turns. Videos per second are per second of processor time of one thread; `ratio` is read
against plain.

Training: the share of the time of joint training steps (recognition pass, then policy pass) of the
demo's model that passes in waiting for the next batch, with videos in the decoded cache and
without, by data.decoder_threads. The last line is JSON.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "platform"))

import av
import cv2
import numpy as np
import pandas as pd
import torch
import tyro
from adamml.config import Config, SyntheticConfig
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset, batches
from adamml.data.manifest import Manifest, write_manifest
from adamml.data.media.encoding import Encoding, write_clip
from adamml.data.modalities.audio import window_length, window_places
from adamml.data.modalities.segments import audio_starts, frame_count, frame_indices, train_starts
from adamml.data.synthetic.generation import ensure_synthetic
from adamml.data.synthetic.rendering import storyboard
from adamml.data.synthetic.scene import draw_frames
from adamml.data.synthetic.sound import SAMPLE_RATE, make_sound
from adamml.data.synthetic.storyboard import CLASSES, FPS
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.passes import PolicyPass, RecognitionPass
from adamml.objectives.losses import total
from adamml.recipes import RECIPES
from adamml.training.optimizers import build_optimizer
from adamml.training.workers import Workers
from av.video.reformatter import VideoReformatter

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the benchmark."""

    recipe: str = "kinetics_sounds"
    """Recipe with the segments, frames and sizes to read."""
    videos: int = 12
    """Number of videos of each kind."""
    seconds: float = 10.0
    """Length of a video, in seconds."""
    prepared_pixels: int = 256
    """Short side of the prepared clips, in pixels."""
    original_pixels: int = 480
    """Short side of the originals, in pixels."""
    rounds: int = 7
    """Number of rounds, in each of which every way of reading takes its turn on every video."""
    training_recipe: str = "demo"
    """Recipe of the training steps."""
    training_videos: int = 256
    """Number of videos of an epoch of training."""
    training_rounds: int = 3
    """Number of epochs per kind of reading."""
    threads: tuple[int, ...] = (0, 1, 2, 4)
    """Values of data.decoder_threads for videos that are not in the decoded cache. For videos in
    the cache they are 0 and 1."""


def make_videos(root: Path, count: int, seconds: float, encoding: Encoding) -> Manifest:
    """Write built-in videos, drawn at their usual size and enlarged: moving pictures in noise."""
    config = SyntheticConfig(seconds=seconds)
    for index in range(count):
        rng, stretches = storyboard(config, "train", index)
        pictures = draw_frames(rng, stretches, config.pixels)
        size = (encoding.short_side, encoding.short_side)
        enlarged = (cv2.resize(p, size, interpolation=cv2.INTER_CUBIC) for p in pictures)
        frames = (av.VideoFrame.from_ndarray(p, format="rgb24") for p in enlarged)
        sound = (make_sound(rng, stretches) * (2**15 - 1)).astype(np.int16)
        write_clip(root / f"{index}.mp4", frames, Fraction(FPS), sound, encoding)
    rows = {
        "id": [str(i) for i in range(count)],
        "path": [f"{i}.mp4" for i in range(count)],
        "split": "train",
        "label": [i % len(CLASSES) for i in range(count)],
        "duration_s": seconds,
        "fps": float(FPS),
    }
    manifest = Manifest(root, pd.DataFrame(rows), CLASSES)
    write_manifest(manifest)
    return manifest


def read_plainly(
    path: Path, indices: Array, first: Array, length: int, short_side: int
) -> tuple[Array, Array]:
    """Read frames by number and sound by sample, as a script on PyAV alone would.

    It takes one pass over each stream, with a seek where a key frame lies before the next frame.

    Args:
        path: the video.
        indices: numbers of the frames, [S, F].
        first: first samples of the sound, [S].
        length: number of samples.
        short_side: of the frames, in pixels, at most.

    Returns:
        frames [S, F, h, w, 3] and sound [S, length].
    """
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        video.thread_type = "NONE"
        frames = plain_frames(container, video, indices, short_side)
        begin, end = int(first.min()), int(first.max()) + length
        container.seek(max(0, begin - 2048), stream=audio)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=audio.rate)
        parts, at = [], None
        for frame in container.decode(audio):
            at = frame.pts if at is None else at
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            if frame.pts + frame.samples >= end:
                break
    sound = np.concatenate(parts)
    return frames, np.stack([sound[f - at : f - at + length] for f in first.tolist()])


def plain_frames(container: Any, video: Any, indices: Array, short_side: int) -> Array:
    scaler = VideoReformatter()
    scale = min(1.0, short_side / min(video.width, video.height))
    size = {"width": round(video.width * scale), "height": round(video.height * scale)}
    tick = round(1 / (FPS * video.time_base))
    by_number: dict[int, Array] = {}
    decoded, last_pts = container.decode(video), 0
    for number in sorted(set(indices.ravel().tolist())):
        key = video.index_entries[video.index_entries.search_timestamp(number * tick)]
        if key.timestamp > last_pts + 8 * tick:
            container.seek(number * tick, stream=video)
            decoded = container.decode(video)
        for frame in decoded:
            last_pts = frame.pts
            if last_pts >= number * tick:
                small = scaler.reformat(
                    frame, **size, format="rgb24", interpolation="BILINEAR", threads=1
                )
                by_number[number] = small.to_ndarray()
                break
    return np.stack([by_number[number] for number in indices.ravel().tolist()]).reshape(
        *indices.shape, size["height"], size["width"], 3
    )


class Reading:
    """Three ways to read from one kind of videos what a training epoch reads."""

    def __init__(self, manifest: Manifest, config: Config) -> None:
        self.manifest, self.config = manifest, config
        self.frames = open_frames(manifest, config)
        segments = config.data.train_segments
        self.dataset = SegmentDataset(
            manifest, config, num_segments=segments, training=True, frames=self.frames
        )
        assert self.dataset.decodes

    def places(self, row: int) -> tuple[Array, Array]:
        """Draw frames [S, F] and beginnings [S] of the sound in seconds, as the dataset does."""
        table, rgb = self.manifest.table, self.config.rgb
        total = frame_count(table["duration_s"][row], table["fps"][row])
        rng = np.random.default_rng((self.config.seed, self.dataset.epoch, row))
        starts = train_starts(total, self.dataset.num_segments, rgb, rng)
        begin = audio_starts(starts, table["fps"][row], rgb, self.config.audio.seconds)
        return frame_indices(starts, total, rgb), begin

    def plain(self, row: int) -> tuple[Array, Array]:
        indices, begin = self.places(row)
        samples = round(self.manifest.table["duration_s"][row] * SAMPLE_RATE)
        audio, side = self.config.audio, self.config.rgb.stored_short_side
        first = window_places(begin, samples, audio)
        return read_plainly(self.manifest.path(row), indices, first, window_length(audio), side)

    def read(self, row: int) -> tuple[Array, Array]:
        (indices, begin), name = self.places(row), self.manifest.table["id"][row]
        sound = self.frames[name].windows(begin, self.config.audio)
        return self.frames[name].frames(indices), sound.numpy()

    def item(self, row: int) -> Any:
        return self.dataset[row]

    def check(self) -> None:
        """Raise unless `plain` and `read` give the same frames and sound.

        Raises:
            AssertionError: they differ, and to compare their speed would mean nothing.
        """
        for row in range(len(self.manifest)):
            (frames, sound), (plain, samples) = self.read(row), self.plain(row)
            np.testing.assert_array_equal(frames, plain.transpose(0, 1, 4, 2, 3))
            np.testing.assert_array_equal(sound, samples.astype(np.float32) / 2**15)

    def seconds(self, way: Callable[[int], Any]) -> float:
        """Return the mean processor time of one thread for a video."""
        begun = time.thread_time()
        for row in range(len(self.manifest)):
            way(row)
        return (time.thread_time() - begun) / len(self.manifest)

    def compare(self, rounds: int) -> dict[str, Any]:
        ways = {"plain": self.plain, "read": self.read, "item": self.item}
        spent: dict[str, list[float]] = {name: [] for name in ways}
        self.check()
        for number in range(rounds):
            self.dataset.set_epoch(number)
            for name in sorted(ways, reverse=number % 2 == 1):
                spent[name].append(self.seconds(ways[name]))
        result: dict[str, Any] = {
            f"{name}_videos_per_s": round(1 / statistics.median(rounds_s), 2)
            for name, rounds_s in spent.items()
        }
        files = [path.stat().st_size for path in self.manifest.root.glob("*.mp4")]
        seconds = float(self.manifest.table["duration_s"].sum())
        result["kbit_per_s"] = round(8e-3 * sum(files) / seconds)
        for name, label in (("read", "ratio"), ("item", "item_ratio")):
            ratios = [p / other for p, other in zip(spent["plain"], spent[name], strict=True)]
            result[label] = round(statistics.median(ratios), 3)
            result[f"{label}_range"] = [round(min(ratios), 3), round(max(ratios), 3)]
        return result


def timed(batches: Iterator[Any], waits: list[float]) -> Iterator[Any]:
    """Yield the batches, and append to `waits` how many seconds each took to come."""
    while True:
        begun = time.perf_counter()
        batch = next(batches, None)
        waits.append(time.perf_counter() - begun)
        if batch is None:
            return
        yield batch


def train(dataset: SegmentDataset, config: Config, epoch: int) -> tuple[float, float, int]:
    """Train one epoch jointly; return the seconds of waiting for data, all seconds, and steps."""
    model = fresh_adamml(config, {}, Workers(0, 1, torch.device("cpu")))
    waits: list[float] = []
    steps = 0
    begun = time.perf_counter()
    for kind in (RecognitionPass, PolicyPass):
        module = kind(model, config).train()
        optimizer = build_optimizer(config, kind.optimizer, module.parameters_trained(), None)
        dataset.set_epoch(epoch)
        loader = batches(dataset, batch_size=config.data.batch_size, shuffle_seed=config.seed)
        for batch in timed(loader, waits):
            terms = module(batch, config.gumbel.temperature)
            optimizer.zero_grad(set_to_none=True)
            total(terms).backward()
            optimizer.step()
            steps += 1
    return sum(waits), time.perf_counter() - begun, steps


def waiting(root: Path, options: Options) -> dict[str, Any]:
    """Measure the share of waiting in joint training, with the decoded cache and without."""
    synthetic = SyntheticConfig(
        train_videos=options.training_videos, validation_videos=1, test_videos=1
    )
    manifest = ensure_synthetic(root, synthetic, processes=os.cpu_count() or 1).split("train")
    parent = RECIPES[options.training_recipe]()
    config = replace(parent, data=replace(parent.data, synthetic=synthetic))

    def dataset(gib: str, threads: int) -> SegmentDataset:
        os.environ["ADAMML_CACHE_GIB"] = gib
        os.environ["ADAMML_CACHE"] = str(root / f"cache {gib}")
        threaded = replace(config, data=replace(config.data, decoder_threads=threads))
        segments = config.data.train_segments
        frames = open_frames(manifest, threaded)
        return SegmentDataset(
            manifest, threaded, num_segments=segments, training=True, frames=frames
        )

    kinds = {f"cached_{threads}_threads": dataset("20", threads) for threads in (0, 1)}
    kinds |= {f"decoded_{threads}_threads": dataset("0", threads) for threads in options.threads}
    shares: dict[str, list[float]] = {kind: [] for kind in kinds}
    steps_ms: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(options.training_rounds):
        for kind, videos in kinds.items():
            waited, spent, steps = train(videos, config, number)
            shares[kind].append(waited / spent)
            steps_ms[kind].append(1e3 * spent / steps)
    return {
        kind: {
            "waiting": round(statistics.median(rounds), 4),
            "waiting_range": [round(min(rounds), 4), round(max(rounds), 4)],
            "step_ms": round(statistics.median(steps_ms[kind]), 1),
        }
        for kind, rounds in shares.items()
    }


def main(options: Options) -> dict[str, Any]:
    torch.set_num_threads(1)
    config = RECIPES[options.recipe]()
    encodings = {
        "prepared": Encoding(short_side=options.prepared_pixels),
        "original": Encoding(short_side=options.original_pixels, gop=250),
    }
    result: dict[str, Any] = {"cpus": os.cpu_count(), "recipe": options.recipe}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADAMML_CACHE"], os.environ["ADAMML_CACHE_GIB"] = f"{folder}/cache", "0"
        for kind, encoding in encodings.items():
            root = Path(folder, kind)
            root.mkdir()
            manifest = make_videos(root, options.videos, options.seconds, encoding)
            result[kind] = Reading(manifest, config).compare(options.rounds)
            print(f"{kind}: {result[kind]}", flush=True)
        result["training"] = waiting(Path(folder, "demo"), options)
    print(json.dumps(result), flush=True)
    return result


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
