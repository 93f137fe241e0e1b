"""Makes shards: each once per node, in the process that gets its lock first.

A shard for which the cache has no room is only inspected for bad and silent videos. This module
imports no torch: its worker processes would load it for nothing.
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
from pathlib import Path

from adamml.data.cache.decoding import Decoding
from adamml.data.cache.shards import Entry, Shard, build_shard, probe_shard, read_index
from adamml.files import locked
from adamml.home import cache_home, cache_limit_bytes

MOST_DEATHS = 10
"""Number of worker pools that may lose a process before decoding is given up."""
log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
"""Receives (videos ready, all videos)."""


def make_shards(
    shards: list[Shard], decoding: Decoding, threads: int, processes: int, progress: Progress
) -> list[dict[str, Entry]]:
    """Make the shards that do not exist yet, and return the index of every shard.

    Args:
        shards: all shards that are needed.
        decoding: choices that shape their content.
        threads: see cache.opening.open_frames, like the next two.
        processes: number of processes that decode.
        progress: called at the start and after each shard.

    Returns:
        For each shard, video id -> entry.

    Raises:
        ChildProcessError: processes that decode have died MOST_DEATHS times.
    """
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

    # A single shard is made here: a process for it alone would only add its start.
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
    """Make shards in a pool of processes.

    One dead process breaks the whole pool. A new pool makes the shards that are left, and finds the
    video that killed the process by its mark (reading_alone.py).
    """
    spawn, left = multiprocessing.get_context("spawn"), {shard.name: shard for shard in missing}
    for _ in range(MOST_DEATHS):
        with ProcessPoolExecutor(min(processes, len(left)), mp_context=spawn) as pool:
            tasks = {pool.submit(_ensure, s, decoding, threads): s for s in left.values()}
            try:
                # What is finished before the pool breaks leaves `left`; the next pool makes
                # the rest.
                for task in as_completed(tasks):
                    entries = task.result()
                    finished(left.pop(tasks[task].name), entries)
                return
            except BrokenProcessPool:
                log.warning("A process that decodes videos died. Trying again in new processes.")
            finally:
                # After an interrupt, only shards that a process has begun are waited for.
                pool.shutdown(wait=True, cancel_futures=True)
    raise ChildProcessError(
        f"processes that decode videos died {MOST_DEATHS} times; look for a lack of memory, or "
        "set aside the video files that were added last, and run the same command again"
    )


def _share(
    missing: list[Shard],
    decoding: Decoding,
    threads: int,
    finished: Callable[[Shard, dict[str, Entry]], None],
) -> None:
    """Make the shards that no other process is making, then wait for the others."""
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
    """Return the shard's index, making the shard if needed.

    Args:
        shard: the shard.
        decoding: choices that shape its content.
        threads: number of FFmpeg's threads.
        wait: True waits for a process that is making the shard; False returns None at once then.
    """
    with locked(lock_of(shard.folder, shard.name), wait=wait) as mine:
        if not mine:
            return None
        # Another process may have finished it while this one waited for the lock.
        if shard.index.is_file():
            return read_index(shard.index)
        try:
            if _make_room(shard):
                return build_shard(shard, decoding, threads)
        except OSError as error:
            # A disk that fills up on the way is one more way of having no room.
            if error.errno != errno.ENOSPC:
                raise
        log.warning(
            "no room for %d videos in %s: they are decoded on every read, which is slower. Free "
            "disk space, or raise the limit with ADAMML_CACHE_GIB",
            len(shard.sources),
            cache_home(),
        )
        return probe_shard(shard, decoding)


def _make_room(shard: Shard) -> bool:
    """Evict data folders that no process uses, least recently used first, until the shard fits.

    Returns:
        True if the shard fits.
    """
    needed = shard.estimated_bytes - cache_limit_bytes()
    if needed > 0:  # larger than the whole cache: evicting would not help
        return False
    # One process at a time counts and evicts: two might count the same bytes as free.
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
    """Remove a data folder unless a process has it open; return True if it was removed."""
    # Each process that has it open shares this lock (opening.py), so it cannot be had alone.
    with locked(lock_of(folder, "in-use"), wait=False) as unused:
        if unused:
            shutil.rmtree(folder)
        return unused


def _size(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    total = 0
    with os.scandir(folder) as files:
        for file in files:
            with suppress(FileNotFoundError):  # renamed by another process since it was listed
                total += file.stat().st_size
    return total


def lock_of(folder: Path, name: str) -> Path:
    """Return the path of a lock file; outside the data folder, so that it outlives an eviction."""
    return cache_home() / "locks" / f"{folder.name}-{name}"
