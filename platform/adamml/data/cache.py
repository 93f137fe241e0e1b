"""Decoded frames and sound on the node's own disk, memory-mapped and shared by its processes.

A data folder's videos are cut into shards, each named by everything that shaped it, its source
files' sizes and times included. Processes that open the same data at the same time share the work:
each decodes shards that nobody has locked, then waits for those that others make. What finds no
room under the limit is decoded anew on every read.
"""

import errno
import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from adamml.config import Config, fingerprint
from adamml.data.decoding import Decoding
from adamml.data.frames import FrameSource
from adamml.data.locks import SharedHold, locked
from adamml.data.manifest import Manifest
from adamml.data.shards import (
    Entry,
    Shard,
    build_shard,
    cut_into_shards,
    probe_shard,
    read_index,
)
from adamml.data.stored_flow import unread, warn_once
from adamml.home import cache_home, cache_limit_bytes

__all__ = ["FrameSource", "open_frames"]

VERSION = 3
"""Of the files' layout."""
MOST_DEATHS = 10
"""Of processes that decode, before nobody tries any more."""
log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


def open_frames(
    manifest: Manifest,
    config: Config,
    *,
    threads: int = 1,
    processes: int = 1,
    progress: Progress = lambda done, total: None,
) -> FrameSource:
    """Decode what is not in the cache yet, and open it.

    Args:
        threads: FFmpeg's, per process.
        processes: how many decode; 1 is this process. Others that open the same data help anyway.
        progress: called with (videos ready, all videos).

    Raises:
        ValueError: more than data.max_bad_fraction of the videos are unreadable; names their number
        and the first few.
    """
    if told := unread(config, manifest.flow):
        warn_once(told)
    decoding = Decoding.of(config, manifest.flow)
    key = fingerprint(
        {"root": os.path.realpath(manifest.root), "version": VERSION} | asdict(decoding)
    )
    folder = cache_home() / "frames" / key
    hold = SharedHold(_lock(folder, "in-use"))
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    shards = cut_into_shards(manifest, decoding, folder)
    entries = _all_entries(shards, decoding, threads, processes, progress)
    source = FrameSource(shards, entries, decoding, hold)
    _refuse_if_bad(source, manifest, config.data.max_bad_fraction)
    return source


def _all_entries(
    shards: list[Shard], decoding: Decoding, threads: int, processes: int, progress: Progress
) -> list[dict[str, Entry]]:
    missing = [shard for shard in shards if not shard.index.is_file()]
    total = sum(len(shard.sources) for shard in shards)
    done = total - sum(len(shard.sources) for shard in missing)
    progress(done, total)
    ready: dict[str, dict[str, Entry]] = {}

    def finished(shard: Shard, entries: dict[str, Entry]) -> None:
        nonlocal done
        ready[shard.name] = entries
        done += len(shard.sources)
        progress(done, total)

    if processes > 1 and len(missing) > 1:
        _in_processes(missing, decoding, threads, processes, finished)
    else:
        _share(missing, decoding, threads, finished)
    return [ready.get(s.name) or read_index(s.index) for s in shards]


def _in_processes(
    missing: list[Shard],
    decoding: Decoding,
    threads: int,
    processes: int,
    finished: Callable[[Shard, dict[str, Entry]], None],
) -> None:
    """A video that ends its process is found out by those that come after (reading_alone.py)."""
    spawn, left = multiprocessing.get_context("spawn"), {shard.name: shard for shard in missing}
    for _ in range(MOST_DEATHS):
        with ProcessPoolExecutor(min(processes, len(left)), mp_context=spawn) as pool:
            tasks = {pool.submit(_ensure, s, decoding, threads): s for s in left.values()}
            try:
                for task in as_completed(tasks):
                    entries = task.result()
                    finished(left.pop(tasks[task].name), entries)
                return
            except BrokenProcessPool:
                log.warning("a process that decoded videos died; others go on")
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    raise ChildProcessError(f"{MOST_DEATHS} times processes that decoded videos died")


def _share(
    missing: list[Shard],
    decoding: Decoding,
    threads: int,
    finished: Callable[[Shard, dict[str, Entry]], None],
) -> None:
    """First the shards that nobody else is making, then wait for the others."""
    busy = []
    for shard in missing:
        entries = _try(shard, decoding, threads, wait=False)
        if entries is None:
            busy.append(shard)
        else:
            finished(shard, entries)
    for shard in busy:
        finished(shard, _ensure(shard, decoding, threads))


def _ensure(shard: Shard, decoding: Decoding, threads: int) -> dict[str, Entry]:
    entries = _try(shard, decoding, threads, wait=True)
    assert entries is not None
    return entries


def _try(shard: Shard, decoding: Decoding, threads: int, *, wait: bool) -> dict[str, Entry] | None:
    """The shard's entries, made now if need be; None where it is being made and wait is off."""
    with locked(_lock(shard.folder, shard.name), wait=wait) as mine:
        if not mine:
            return None
        if shard.index.is_file():
            return read_index(shard.index)
        try:
            if _make_room(shard):
                return build_shard(shard, decoding, threads)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        log.warning(
            "no room for %d videos in %s (ADAMML_CACHE_GIB): they are decoded on every read",
            len(shard.sources),
            cache_home(),
        )
        return probe_shard(shard, decoding)


def _make_room(shard: Shard) -> bool:
    """Evict data folders that nobody uses, the least recently used first, until the shard fits."""
    needed = shard.estimated_bytes - cache_limit_bytes()
    if needed > 0:
        return False
    with locked(cache_home() / "locks" / "room"):
        folders = sorted(shard.folder.parent.iterdir(), key=lambda f: f.stat().st_mtime)
        sizes = {folder: _size(folder) for folder in folders}
        for folder in folders:
            if needed + sum(sizes.values()) <= 0:
                break
            if folder != shard.folder and _evict(folder):
                sizes[folder] = 0
        return needed + sum(sizes.values()) <= 0


def _evict(folder: Path) -> bool:
    with locked(_lock(folder, "in-use"), wait=False) as unused:
        if unused:
            shutil.rmtree(folder)
        return unused


def _size(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as files:
        for file in files:
            with suppress(FileNotFoundError):  # renamed by another process just now
                total += file.stat().st_size
    return total


def _lock(folder: Path, name: str) -> Path:
    """Outside the folder, so that it outlives an eviction."""
    return cache_home() / "locks" / f"{folder.name}-{name}"


def _refuse_if_bad(source: FrameSource, manifest: Manifest, max_fraction: float) -> None:
    for name, reason in source.bad.items():
        log.warning("left out: %s: %s", name, reason)
    if len(source.bad) > max_fraction * len(manifest):
        paths = manifest.table.set_index("id")["path"]
        few = "; ".join(f"{paths[name]}: {why}" for name, why in list(source.bad.items())[:3])
        raise ValueError(
            f"at most data.max_bad_fraction = {max_fraction:.0%} of the videos must be unreadable, "
            f"got {len(source.bad)} of {len(manifest)} in {manifest.root} ({few})"
        )
