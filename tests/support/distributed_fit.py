"""One rank of a trial under torch.distributed alone; run by test_distributed.py.

python distributed_fit.py RANK WORLD_SIZE STORE VIDEOS OUT
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import SPLITS, load_manifest
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.task import adamml_task
from adamml.recipes import tiny
from adamml.training.loop import fit
from adamml.training.splits import Splits
from adamml.training.workers import Workers


def main(rank: int, world_size: int, store: str, videos: str, out: str) -> None:
    from tiny_videos import make_view

    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{store}", rank=rank, world_size=world_size)
    config, manifest = tiny(), load_manifest(Path(videos))
    frames = {split: open_frames(manifest.split(split), config) for split in SPLITS}
    splits = Splits(manifest, config, frames)
    views = {split: make_view(splits, split) for split in ("train", "validation")}
    workers = Workers.current()
    checkpoints = Path(out) / "checkpoint"
    task = adamml_task(config, {}, splits, views.__getitem__, workers, checkpoints, "joint")
    history: list[object] = []
    fit(task, workers, lambda *epoch: history.append(epoch))
    start = fresh_adamml(config, {}, workers).state_dict()
    weights = task.model.state_dict()
    moved = sum(float((weights[k] - start[k]).abs().sum()) for k in start if "weight" in k)
    total = sum(float(w.double().sum()) for k, w in weights.items() if "running" not in k)
    Path(out, f"rank{rank}.json").write_text(json.dumps([history, total, moved]))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
