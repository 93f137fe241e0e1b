"""Makes the built-in dataset in a folder: H.264 and AAC in MP4 files, and their manifest."""

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
"""Version of what is drawn; part of the folder's name. It is raised with every change of the
drawing, so that files of an older version are not taken for it."""
CHUNK = 8
"""Number of videos per task of a worker process."""


def synthetic_name(config: SyntheticConfig) -> str:
    """Return the name of a config's folder: synthetic-<fingerprint>."""
    return f"synthetic-{fingerprint(_settings(config), 12)}"


def ensure_synthetic(
    root: Path,
    config: SyntheticConfig,
    *,
    processes: int,
    splits: Sequence[str] = SPLITS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Make the videos of a dataset that are missing or damaged, and return its manifest.

    Args:
        root: folder for this config alone (synthetic_name).
        config: the dataset.
        processes: number of processes that draw; with 1, the caller draws.
        splits: splits whose videos are made; the manifest lists all splits in any case.
        progress: called with (videos done, all videos of these splits), at least at the end.

    Raises:
        ValueError: root holds a dataset of another config, or a value of the config is not
            possible.
    """
    _check(config)
    with locked(root / ".lock"):
        _claim(root, config)
        # Parts left by a process that was killed: nothing else writes here, as we hold the lock.
        for part in root.glob("*/.*.part.mp4"):
            part.unlink()
        jobs = [job for job in _jobs(config) if job[0] in splits]
        # _intact adds to sizes what earlier runs left without noting it.
        sizes = _read_sizes(root)
        missing = [job for job in jobs if not _intact(root, job, sizes)]
        made_before = len(jobs) - len(missing)
        for done, made in _counted(made_before, _make(root, config, missing, processes)):
            sizes |= made
            progress(done, len(jobs))
        if missing:
            _write_json(root / "files.json", sizes)
        # Its rows follow from the config alone; it is written after the videos.
        if missing or not (root / FILE_NAME).is_file():
            write_manifest(_manifest(root, config))
        progress(len(jobs), len(jobs))
        return load_manifest(root)


def _counted(done: int, batches: Iterator[dict[str, int]]) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield (videos done so far, batch) for each batch, counting on from `done`."""
    for batch in batches:
        done += len(batch)
        yield done, batch


def _check(config: SyntheticConfig) -> None:
    """Check that a dataset can be made.

    Raises:
        ValueError: a value is not possible; the message names the field.
    """
    counts = (config.train_videos, config.validation_videos, config.test_videos)
    if min(counts) < 1:
        raise ValueError(f"data.synthetic must have at least 1 video per split, got {counts}")
    if not SEGMENT_S <= config.seconds <= 600:
        raise ValueError(
            f"data.synthetic.seconds must be in [{SEGMENT_S}, 600], got {config.seconds}"
        )
    # Even, since yuv420p stores colour for blocks of 2 x 2 pixels (rendering.py).
    if config.pixels % 2 or not 32 <= config.pixels <= 1024:
        raise ValueError(f"data.synthetic.pixels must be even, in [32, 1024], got {config.pixels}")
    if config.seed < 0:
        raise ValueError(f"data.synthetic.seed must not be negative, got {config.seed}")


def _settings(config: SyntheticConfig) -> dict[str, Any]:
    """Return all that the content of the files follows from."""
    return asdict(config) | {"version": VERSION}


def _claim(root: Path, config: SyntheticConfig) -> None:
    """Note in the folder which dataset it is for, before anything is put into it.

    Raises:
        ValueError: the folder is for another dataset, or holds other data.
    """
    file = root / "synthetic.json"
    if file.is_file():
        stored_settings = json.loads(file.read_text())
        if stored_settings != _settings(config):
            raise ValueError(
                f"{root} must hold the built-in dataset {_settings(config)}, got "
                f"{stored_settings}; choose another folder"
            )
        return
    if (root / FILE_NAME).exists():
        raise ValueError(
            f"{root} must be a folder for the built-in dataset, got one with other data; "
            "choose another folder"
        )
    _write_json(file, _settings(config))


def _jobs(config: SyntheticConfig) -> Iterator[Job]:
    """Yield all videos of a dataset, split by split."""
    counts = (config.train_videos, config.validation_videos, config.test_videos)
    for split, count in zip(SPLITS, counts, strict=True):
        for index in range(count):
            yield split, index


def _read_sizes(root: Path) -> dict[str, int]:
    """Return path -> bytes of the videos made so far; empty before the first run ends."""
    file = root / "files.json"
    return json.loads(file.read_text()) if file.is_file() else {}


def _intact(root: Path, job: Job, sizes: dict[str, int]) -> bool:
    """Return whether a video exists at the size that it was made with.

    A file without a noted size is taken as it is, and its size noted: files come into place whole,
    so a run that was killed before files.json was written leaves good files.
    """
    path = root / path_of(job)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    return size > 0 and size == sizes.setdefault(path_of(job), size)


def _make(
    root: Path, config: SyntheticConfig, jobs: list[Job], processes: int
) -> Iterator[dict[str, int]]:
    """Make videos; yield path -> bytes for each chunk of them that is finished."""
    chunks = [jobs[i : i + CHUNK] for i in range(0, len(jobs), CHUNK)]
    if processes == 1 or len(chunks) < 2:
        yield from (render_all(root, config, chunk) for chunk in chunks)
        return
    # Spawned, as this process may have threads that do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(chunks)), mp_context=spawn) as pool:
        tasks = [pool.submit(render_all, root, config, chunk) for chunk in chunks]
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            # On an interrupt or an error, chunks that have not begun are dropped.
            pool.shutdown(wait=True, cancel_futures=True)


def _manifest(root: Path, config: SyntheticConfig) -> Manifest:
    rows = [_row(config, job) for job in _jobs(config)]
    origin = json.dumps(_settings(config), sort_keys=True)
    return Manifest(root, pd.DataFrame(rows), CLASSES, f"synthetic {origin}")


def _row(config: SyntheticConfig, job: Job) -> dict[str, Any]:
    """Return a video's row of the manifest."""
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
    """Return a stretch as the manifest stores it."""
    state = stretch.scenes[modality].state
    return {"start_s": stretch.start / FPS, "end_s": stretch.end / FPS, "state": state}


def _write_json(file: Path, content: dict[str, Any]) -> None:
    with whole(file) as part:
        part.write_text(json.dumps(content, sort_keys=True))
