"""Opens a data folder in which reading one video ends the process, as a fault in FFmpeg would.

    python deadly_reads.py ROOT PROCESSES

Prints the videos that were left out, and why, as JSON. Importing it does the same to whoever does.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamml.data.cache import shard_cutting, shards
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import load_manifest
from adamml.recipes import tiny

DEADLY = "deadly.mp4"
read_video = shards.read_video


def read_or_die(path: Path, **options: Any) -> Any:
    if path.name == DEADLY:
        os.kill(os.getpid(), signal.SIGSEGV)
    return read_video(path, **options)


# Here, not in main(), so that the processes of a pool have it too.
shards.read_video = read_or_die
shard_cutting.SHARD_BYTES = 2**18


def main(root: Path, processes: int) -> None:
    config = replace(tiny(), data=replace(tiny().data, max_bad_fraction=0.5))
    print(json.dumps(open_frames(load_manifest(root), config, processes=processes).bad))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
