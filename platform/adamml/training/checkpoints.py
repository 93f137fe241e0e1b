"""Checkpoints: one folder an epoch, complete or absent; the journal says which epoch counts.

    checkpoint/epoch-0003/model.safetensors, best.safetensors, optimizers.pt, progress.json

The folder is renamed into place before the epoch's journal line is written, and the one before it
is removed only afterwards: whichever moment a worker dies at, the epoch in the journal's last line
has its folder. Generator states are not stored: every epoch seeds its own (determinism.py).
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from adamml.files import whole_folder
from adamml.models.weight_files import load_weights, save_weights


@dataclass(frozen=True)
class Progress:
    """Where a trial stands."""

    epoch: int
    """Epochs done, over all stages."""
    stage: str
    best_epoch: int = 0
    """The alternating epoch with the best score, 0 for none yet."""
    best_score: float = float("-inf")

    def as_json(self) -> dict[str, Any]:
        score = None if self.best_epoch == 0 else self.best_score  # JSON has no infinity
        return asdict(self) | {"best_score": score}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Progress":
        score = fields["best_score"]
        return cls(**(fields | {"best_score": float("-inf") if score is None else score}))


def folder(root: Path, epoch: int) -> Path:
    return root / f"epoch-{epoch:04d}"


def save_checkpoint(
    root: Path, model: nn.Module, optimizers: dict[str, Any], progress: Progress
) -> None:
    """Write the checkpoint of progress.epoch; best.safetensors is carried over or renewed."""
    # A folder that is there already is of an epoch that was never journalled: it is replaced.
    with whole_folder(folder(root, progress.epoch)) as part:
        save_weights(model, part / "model.safetensors")
        if progress.best_epoch == progress.epoch:
            os.link(part / "model.safetensors", part / "best.safetensors")
        elif progress.best_epoch:
            previous = folder(root, progress.epoch - 1) / "best.safetensors"
            os.link(previous, part / "best.safetensors")
        torch.save(optimizers, part / "optimizers.pt")
        (part / "progress.json").write_text(json.dumps(progress.as_json()))


def load_checkpoint(root: Path, epoch: int, model: nn.Module) -> tuple[dict[str, Any], Progress]:
    """Restore the weights of an epoch; returns the optimisers' states and the progress."""
    source = folder(root, epoch)
    load_weights(model, source / "model.safetensors")
    optimizers = torch.load(source / "optimizers.pt", weights_only=True, map_location="cpu")
    return optimizers, Progress.from_json(json.loads((source / "progress.json").read_text()))


def remove_older(root: Path, epoch: int) -> None:
    """Remove every checkpoint but this epoch's."""
    torn = root.glob(".epoch-*.part")  # of a worker that died
    for path in (*torn, *root.glob("epoch-*")):
        if path != folder(root, epoch):
            shutil.rmtree(path, ignore_errors=True)
