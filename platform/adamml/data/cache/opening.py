"""Decoded frames and sound on the node's own disk, memory-mapped and shared by its processes.

A data folder's videos are cut into shards, each named by everything that shaped it, its source
files' sizes and times included. Processes that open the same data at the same time share the work:
each decodes shards that nobody has locked, then waits for those that others make. What finds no
room under the limit is decoded anew on every read.
"""

import logging
import os
from dataclasses import asdict

from adamml.config import Config, fingerprint
from adamml.data.cache.decoding import Decoding
from adamml.data.cache.frames import FrameSource
from adamml.data.cache.shard_cutting import cut_into_shards
from adamml.data.cache.shard_making import Progress, lock_of, make_shards
from adamml.data.manifest import Manifest
from adamml.data.stored_flow import unread, warn_once
from adamml.files import SharedHold
from adamml.home import cache_home

__all__ = ["FrameSource", "open_frames"]

VERSION = 3
"""Of the files' layout."""
log = logging.getLogger(__name__)


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
    hold = SharedHold(lock_of(folder, "in-use"))
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    shards = cut_into_shards(manifest, decoding, folder)
    entries = make_shards(shards, decoding, threads, processes, progress)
    source = FrameSource(shards, entries, decoding, hold)
    _refuse_if_bad(source, manifest, config.data.max_bad_fraction)
    return source


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
