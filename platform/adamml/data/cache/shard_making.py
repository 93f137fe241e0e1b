"""Making shards: each once on a node, by whichever of its processes gets the lock first.

What finds no room under the cache's limit is only looked at. No torch here: the processes that
decode would import it for nothing.
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
"""Of processes that decode, before nobody tries any more."""
log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


def make_shards(
    shards: list[Shard], decoding: Decoding, threads: int, processes: int, progress: Progress
) -> list[dict[str, Entry]]:
    """What is in each shard; those that are not there yet are made, by whoever comes first.

    Args:
        threads, processes, progress: see cache.open_frames.
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
    with locked(lock_of(shard.folder, shard.name), wait=wait) as mine:
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
    with locked(lock_of(folder, "in-use"), wait=False) as unused:
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


def lock_of(folder: Path, name: str) -> Path:
    """Outside the folder, so that it outlives an eviction."""
    return cache_home() / "locks" / f"{folder.name}-{name}"
