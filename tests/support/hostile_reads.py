"""Reads videos as training does, in a process of its own, and says what came of each.

    python hostile_reads.py FILES CACHE < paths

Prints a line of JSON per path below FILES: what came of it where it was decoded into the cache, and
where there was no room; "" is a whole read. Dies of a file that takes longer than LIMIT_S.
"""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from adamml.config import Config
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest
from adamml.recipes import tiny

LIMIT_S = 20
CLAIMED = {"split": "test", "label": 0, "duration_s": 2.0, "fps": 25.0}
"""What a manifest may say of such a file."""


def config() -> Config:
    parent = tiny(("rgb", "audio", "rgbdiff"))
    return replace(parent, data=replace(parent.data, max_bad_fraction=1.0))


def manifest_of(root: Path, paths: list[str]) -> Manifest:
    rows = [{"id": f"{number}", "path": path} | CLAIMED for number, path in enumerate(paths)]
    return Manifest(root, pd.DataFrame(rows), ("a", "b"))


def main(root: Path, cache: Path) -> None:
    torch.set_num_threads(1)
    for path in sys.stdin.read().splitlines():
        manifest, row = manifest_of(root, [path]), {"path": path}
        peak_mib(reset=True)
        began, before = time.perf_counter(), peak_mib()
        for way, gib in (("cached", "1"), ("direct", "0")):
            os.environ |= {"ADAMML_CACHE_GIB": gib, "ADAMML_CACHE": str(cache / way)}
            signal.alarm(LIMIT_S)
            row[way] = _read(manifest)
            signal.alarm(0)
        row |= {"seconds": time.perf_counter() - began, "mebibytes": peak_mib() - before}
        print(json.dumps(row), flush=True)


def _read(manifest: Manifest) -> str:
    frames = open_frames(manifest, config())
    if not frames.bad:
        data = SegmentDataset(manifest, config(), num_segments=2, training=False, frames=frames)
        item = data[0]
        assert item["rgb"].shape == (2, 4, 3, 24, 24)
        assert all(item[name].isfinite().all() for name in ("rgb", "audio", "rgbdiff"))
    return frames.bad.get("0", "")


def peak_mib(*, reset: bool = False) -> float:
    """The most memory this process had since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
