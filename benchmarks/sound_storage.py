"""Bytes, error and reading speed of prepared sound, as AAC and FLAC, in the clip and beside it.

    python benchmarks/sound_storage.py

Built-in videos are prepared as jobs/prepare_videos.py does, once with each codec, and their sound
is also written to files of its own. Whole tracks are read, as by the decoded cache, and random
windows of 1.28 s. The forms take turns, and processor time is measured, so that other programs of
the machine matter little. Errors are those of the 16-bit samples, as a share of the root mean
square of the sound, and those of a network's input: the log power spectrogram, whose standard
deviation is given as well. The last line is JSON.
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

import av
import numpy as np
import torch
import tyro
from adamml.config import AudioConfig, SyntheticConfig
from adamml.data.media.encoding import Encoding, write_clip, write_sound
from adamml.data.modalities.audio import log_spectrogram, windows
from adamml.data.synthetic.rendering import render
from adamml.data.synthetic.storyboard import FPS

Array = np.ndarray[Any, Any]
AUDIO = AudioConfig()
WINDOW = round(AUDIO.seconds * AUDIO.sample_rate)
RATE = AUDIO.sample_rate


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    videos: int = 8
    """Number of videos."""
    seconds: float = 10.0
    """Length of a video, in seconds."""
    pixels: int = 256
    """Short side of a video, in pixels."""
    reads: int = 200
    """Number of random windows, and of whole tracks, that are read in each form."""
    seed: int = 0
    """Seed of the videos and of the windows."""


def in_clip(path: Path, source: Path, sound: Array | None, codec: str) -> int:
    with av.open(str(source)) as container:
        encoding = Encoding(sound=codec)
        write_clip(path, container.decode(video=0), Fraction(FPS), sound, encoding)
    return path.stat().st_size


def beside(path: Path, sound: Array, codec: str) -> int:
    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=RATE, layout="mono")
        write_sound(container, track, sound, RATE)
    return path.stat().st_size


def write(folder: Path, source: Path, sound: Array) -> dict[str, tuple[Path, int]]:
    """Write the sound in every form; return each form's file, and the bytes of its sound."""
    folder.mkdir()
    silent = in_clip(folder / "silent.mp4", source, None, "aac")
    files = {}
    for codec in ("aac", "flac"):
        file = folder / f"{codec}.mp4"
        files[f"{codec} in the clip"] = (file, in_clip(file, source, sound, codec) - silent)
    for codec, name in (("flac", "flac.mka"), ("pcm_s16le", "pcm.wav")):
        files[f"{codec} beside"] = (folder / name, beside(folder / name, sound, codec))
    return files


def window(path: Path, begin: int, count: int) -> Array:
    """Read int16 [count] from sample `begin` on, decoding no more than needed."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        track.codec_context.thread_count = 1
        if begin:
            at = math.floor(begin / RATE / track.time_base)
            container.seek(at, stream=track, backward=True)
        parts: list[Array] = []
        start, end = 0, -1
        for frame in container.decode(track):
            samples = frame.to_ndarray().reshape(-1)
            if not parts:
                start = end = round(float(frame.pts * frame.time_base) * RATE)
            parts.append(samples)
            end += len(samples)
            if end >= begin + count:
                break
    sound = np.concatenate(parts)[max(0, begin - start) :][:count]
    whole = sound if sound.dtype == np.int16 else np.clip(np.rint(sound * 32768), -32768, 32767)
    return np.asarray(whole, np.int16)


def whole(path: Path) -> Array:
    return window(path, 0, 2**40)


def spectrograms(sound: Array) -> torch.Tensor:
    """Return the spectrograms of a track's successive windows."""
    starts = np.arange(0, len(sound) - WINDOW + 1, WINDOW) / RATE
    return log_spectrogram(windows(sound, starts, AUDIO), AUDIO)


def errors(file: Path, sound: Array) -> dict[str, float]:
    samples = whole(file)[: len(sound)]
    assert len(samples) == len(sound), (file, len(samples), len(sound))
    noise = samples.astype(np.float64) - sound
    return {
        "rms_error": float(np.sqrt(np.mean(noise**2) / np.mean(sound.astype(np.float64) ** 2))),
        "spectrogram_error": float((spectrograms(samples) - spectrograms(sound)).abs().mean()),
        "spectrogram_spread": float(spectrograms(sound).std()),
    }


def main(options: Options) -> None:
    rng = np.random.default_rng(options.seed)
    config = SyntheticConfig(seed=options.seed, pixels=options.pixels, seconds=options.seconds)
    with tempfile.TemporaryDirectory() as temporary:
        clips: list[dict[str, tuple[Path, int]]] = []
        errors_of: list[dict[str, dict[str, float]]] = []
        for index in range(options.videos):
            source = Path(temporary) / "source" / f"{index}.mp4"
            render(source, config, "train", index)
            sound = whole(source)[: int(options.seconds * RATE)]
            clips.append(write(Path(temporary) / str(index), source, sound))
            errors_of.append({name: errors(file, sound) for name, (file, _) in clips[-1].items()})
        rows = {
            name: {
                "kb_per_s": sum(c[name][1] for c in clips) / 1000 / options.videos / options.seconds
            }
            | {key: statistics.mean(e[name][key] for e in errors_of) for key in errors_of[0][name]}
            for name in clips[0]
        }
        reads: dict[str, Callable[[Path], Array]] = {
            "cpu_ms_per_track": whole,
            "cpu_ms_per_window": lambda path: window(path, begin, WINDOW),
        }
        times: dict[tuple[str, str], list[float]] = {(n, what): [] for n in rows for what in reads}
        for _ in range(options.reads):
            clip = clips[int(rng.integers(options.videos))]
            begin = int(rng.integers(int(options.seconds * RATE) - WINDOW))
            for what, read in reads.items():
                for name in rows:
                    begun = time.process_time()
                    read(clip[name][0])
                    times[name, what].append(time.process_time() - begun)
    for (name, what), seconds in times.items():
        rows[name][what] = 1000 * statistics.median(seconds)
    print(f"{'':20}" + "".join(f"{column:>20}" for column in rows["aac in the clip"]))
    for name, row in rows.items():
        print(f"{name:20}" + "".join(f"{value:20.4f}" for value in row.values()))
    forms = {n: {k: round(v, 4) for k, v in row.items()} for n, row in rows.items()}
    print(json.dumps({"window_s": AUDIO.seconds, "forms": forms}), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(tyro.cli(Options, description=__doc__))
