"""Cuts a manifest into shards (apart from shards.py: decoding processes need no manifest)."""

import hashlib
import json
from pathlib import Path

from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.shards import Shard
from adamml.data.manifest import FLOW_PATH, Manifest

SHARD_BYTES = 64 * 2**20
"""Bytes at which a shard is full: small enough for processes to share the work, large enough to
keep the number of files low."""


def cut_into_shards(manifest: Manifest, decoding: Decoding, folder: Path) -> list[Shard]:
    """Cut each split into shards, in the manifest's order.

    Shards do not span splits, so a split that is opened alone has the same shards as in the whole.

    Args:
        manifest: the videos.
        decoding: choices that shape their decoded form.
        folder: where the shards lie or will lie.
    """
    # Resolved, since paths are part of a shard's name: one data folder by two names is one.
    shards, root = [], manifest.root.resolve()
    for split, rows in manifest.table.groupby("split", sort=False):
        batch: list[Source] = []
        size = 0
        for row in rows.to_dict("records"):
            source = Source(
                id=row["id"],
                path=root / row["path"],
                fps=row["fps"],
                duration_s=row["duration_s"],
                flow=root / row[FLOW_PATH] if decoding.flow_stored else None,
            )
            batch.append(source)
            # An estimate will do: the limit is a rough one.
            size += decoding.estimated_bytes(source.duration_s, source.fps)
            if size >= SHARD_BYTES:
                shards.append(_shard(folder, str(split), batch, size))
                batch, size = [], 0
        if batch:
            shards.append(_shard(folder, str(split), batch, size))
    return shards


def _shard(folder: Path, split: str, sources: list[Source], size: int) -> Shard:
    stamps = json.dumps([source.stamp() for source in sources])
    name = f"{split}-{hashlib.sha256(stamps.encode()).hexdigest()[:24]}"
    return Shard(folder=folder, name=name, sources=tuple(sources), estimated_bytes=size)
