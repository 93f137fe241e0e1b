"""The built-in dataset: real H.264 and AAC in .mp4, with a known answer (storyboard.py)."""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from adamml.config import SyntheticConfig, fingerprint
from adamml.data.manifest import FILE_NAME, Manifest, load_manifest, write_manifest
from adamml.data.synthetic.rendering import SPLITS, Job, label_of, path_of, render_all, storyboard
from adamml.data.synthetic.storyboard import (
    CLASSES,
    FPS,
    MODALITIES,
    SEGMENT_S,
    Stretch,
    frame_count,
)
from adamml.files import locked, whole

VERSION = 2
"""Counts up with every change of what is drawn, so that older files are not taken for it."""
CHUNK = 8
"""Videos per task of a worker process."""


def synthetic_name(config: SyntheticConfig) -> str:
    """A folder name of its own for each config: synthetic-<fingerprint>."""
    return f"synthetic-{fingerprint(_settings(config), 12)}"


def ensure_synthetic(
    root: Path,
    config: SyntheticConfig,
    *,
    processes: int,
    splits: Sequence[str] = SPLITS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Make the dataset in root: only what is missing or damaged.

    Args:
        root: a folder for this config alone, see synthetic_name.
        splits: whose videos to make; the manifest has all rows at once.
        processes: how many draw at the same time; 1 draws in this process.
        progress: called with (videos done, all videos of these splits), at least at the end.

    Raises:
        ValueError: root holds a dataset of another config, or the config asks for the impossible.
    """
    _check(config)
    with locked(root / ".lock"):
        _claim(root, config)
        for torn in root.glob("*/.*.part.mp4"):  # of a maker that was killed; we hold the lock
            torn.unlink()
        jobs = [job for job in _jobs(config) if job[0] in splits]
        sizes = _read_sizes(root)
        wanted = [job for job in jobs if not _intact(root, job, sizes)]
        for done, made in _counted(len(jobs) - len(wanted), _make(root, config, wanted, processes)):
            sizes |= made
            progress(done, len(jobs))
        if wanted:
            _write_json(root / "files.json", sizes)
        if wanted or not (root / FILE_NAME).is_file():
            write_manifest(_manifest(root, config))
        progress(len(jobs), len(jobs))
        return load_manifest(root)


def _counted(done: int, batches: Iterator[dict[str, int]]) -> Iterator[tuple[int, dict[str, int]]]:
    for batch in batches:
        done += len(batch)
        yield done, batch


def _check(config: SyntheticConfig) -> None:
    counts = (config.train_videos, config.validation_videos, config.test_videos)
    if min(counts) < 1:
        raise ValueError(f"data.synthetic must have at least 1 video per split, got {counts}")
    if not SEGMENT_S <= config.seconds <= 600:
        raise ValueError(
            f"data.synthetic.seconds must be in [{SEGMENT_S}, 600], got {config.seconds}"
        )
    if config.pixels % 2 or not 32 <= config.pixels <= 1024:
        raise ValueError(f"data.synthetic.pixels must be even, in [32, 1024], got {config.pixels}")
    if config.seed < 0:
        raise ValueError(f"data.synthetic.seed must not be negative, got {config.seed}")


def _settings(config: SyntheticConfig) -> dict[str, Any]:
    return asdict(config) | {"version": VERSION}


def _claim(root: Path, config: SyntheticConfig) -> None:
    """Write what this folder holds, before anything is put into it."""
    file = root / "synthetic.json"
    if file.is_file():
        there = json.loads(file.read_text())
        if there != _settings(config):
            raise ValueError(
                f"{root} must hold the built-in dataset {_settings(config)}, got {there}; "
                "choose another folder"
            )
        return
    if (root / FILE_NAME).exists():
        raise ValueError(
            f"{root} must be a folder for the built-in dataset, got one with other data"
        )
    _write_json(file, _settings(config))


def _jobs(config: SyntheticConfig) -> Iterator[Job]:
    counts = (config.train_videos, config.validation_videos, config.test_videos)
    for split, count in zip(SPLITS, counts, strict=True):
        for index in range(count):
            yield split, index


def _read_sizes(root: Path) -> dict[str, int]:
    file = root / "files.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def _intact(root: Path, job: Job, sizes: dict[str, int]) -> bool:
    """There, at its size; at any, before files.json is written: files come into place whole."""
    path = root / path_of(job)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    return size > 0 and size == sizes.setdefault(path_of(job), size)


def _make(
    root: Path, config: SyntheticConfig, jobs: list[Job], processes: int
) -> Iterator[dict[str, int]]:
    """Yields path -> bytes of the videos of each finished chunk."""
    chunks = [jobs[i : i + CHUNK] for i in range(0, len(jobs), CHUNK)]
    if processes == 1 or len(chunks) < 2:
        yield from (render_all(root, config, chunk) for chunk in chunks)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(chunks)), mp_context=spawn) as pool:
        tasks = [pool.submit(render_all, root, config, chunk) for chunk in chunks]
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _manifest(root: Path, config: SyntheticConfig) -> Manifest:
    rows = [_row(config, job) for job in _jobs(config)]
    origin = json.dumps(_settings(config), sort_keys=True)
    return Manifest(root, pd.DataFrame(rows), CLASSES, f"synthetic {origin}")


def _row(config: SyntheticConfig, job: Job) -> dict[str, Any]:
    split, index = job
    _, stretches = storyboard(config, split, index)
    row = {
        "id": f"{split}-{index:06d}",
        "path": path_of(job),
        "split": split,
        "label": label_of(index),
        "duration_s": frame_count(config.seconds) / FPS,
        "fps": float(FPS),
    }
    return row | {f"{m}_stretches": [_span(s, m) for s in stretches] for m in MODALITIES}


def _span(stretch: Stretch, modality: str) -> dict[str, Any]:
    state = stretch.scenes[modality].state
    return {"start_s": stretch.start / FPS, "end_s": stretch.end / FPS, "state": state}


def _write_json(file: Path, content: dict[str, Any]) -> None:
    with whole(file) as part:
        part.write_text(json.dumps(content, sort_keys=True))
