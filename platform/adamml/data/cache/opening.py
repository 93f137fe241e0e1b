"""Opens the videos of a manifest for reading, decoding first what is not in the node's cache.

A data folder's videos are cut into shards. A shard's name is a fingerprint of all that shapes its
content, the sizes and times of its media files included, so a changed file is decoded anew.
Processes that open the same data at the same time share the work: each decodes shards that no
other has locked, then waits for the rest. Videos for which the cache has no room are decoded on
every read.
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
"""Version of the shard files' layout; part of the cache's key."""
log = logging.getLogger(__name__)


def open_frames(
    manifest: Manifest,
    config: Config,
    *,
    threads: int = 1,
    processes: int = 1,
    progress: Progress = lambda done, total: None,
) -> FrameSource:
    """Decode the videos that are not in the cache yet, and open all of them.

    Args:
        manifest: the videos.
        config: how they are decoded, and how many of them may be unreadable.
        threads: number of FFmpeg's threads in each process.
        processes: number of processes that decode; with 1, the caller decodes. Other processes
            that open the same data share the work in any case.
        progress: called with (videos ready, all videos).

    Raises:
        ValueError: more than data.max_bad_fraction of the videos are unreadable; the message names
            their number and the first three.
    """
    if advice := unread(config, manifest.flow):
        warn_once(advice)
    decoding = Decoding.of(config, manifest.flow)
    # The real path, so that a link to a folder and the folder itself share their decoded files.
    key = fingerprint(
        {"root": os.path.realpath(manifest.root), "version": VERSION} | asdict(decoding)
    )
    folder = cache_home() / "frames" / key
    # Taken before anything is read or made: no other process evicts the folder from here on.
    hold = SharedHold(lock_of(folder, "in-use"))
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # folders are evicted in the order of these times
    shards = cut_into_shards(manifest, decoding, folder)
    entries = make_shards(shards, decoding, threads, processes, progress)
    source = FrameSource(shards, entries, decoding, hold)
    _refuse_if_bad(source, manifest, config.data.max_bad_fraction)
    return source


def _refuse_if_bad(source: FrameSource, manifest: Manifest, max_fraction: float) -> None:
    """Warn of each unreadable video; raise if there are too many.

    Raises:
        ValueError: their share is above max_fraction.
    """
    for name, reason in source.bad.items():
        log.warning("left out: %s: %s", name, reason)
    if len(source.bad) > max_fraction * len(manifest):
        paths = manifest.table.set_index("id")["path"]
        few = "; ".join(f"{paths[name]}: {why}" for name, why in list(source.bad.items())[:3])
        raise ValueError(
            f"at most data.max_bad_fraction = {max_fraction:.0%} of the videos must be unreadable, "
            f"got {len(source.bad)} of {len(manifest)} in {manifest.root} ({few}); "
            "repair or remove these files, or raise data.max_bad_fraction"
        )
