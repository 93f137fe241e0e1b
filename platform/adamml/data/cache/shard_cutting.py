"""Which videos share a shard (not in shards.py: processes that only decode need no manifest)."""

import hashlib
import json
from pathlib import Path

from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.shards import Shard
from adamml.data.manifest import FLOW_PATH, Manifest

SHARD_BYTES = 64 * 2**20
"""About this much goes into a shard: few enough videos to share the work, few enough files."""


def cut_into_shards(manifest: Manifest, decoding: Decoding, folder: Path) -> list[Shard]:
    """The manifest's videos in its order, split by split."""
    shards, root = [], manifest.root.resolve()  # the same files by another name are decoded once
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
