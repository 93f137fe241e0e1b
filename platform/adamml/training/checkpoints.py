"""Checkpoints: one folder per epoch, complete or absent. The journal says which epoch counts.

    checkpoint/epoch-0003/model.safetensors, best.safetensors, optimizers.pt, progress.json

A folder is renamed into place before its epoch's journal line is written, and the folder before it
is removed only afterwards. So whenever a worker dies, the epoch in the journal's last line has its
folder. States of random generators are not stored: every epoch seeds its own (determinism.py).
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
    """Progress of a trial at the end of an epoch."""

    epoch: int
    """Number of epochs done, over all stages."""
    stage: str
    """Stage of the last of them; empty before the first."""
    best_epoch: int = 0
    """Epoch, of the alternating stage, with the highest score (Task.score); 0 before the first."""
    best_score: float = float("-inf")
    """Score of that epoch."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields for progress.json."""
        score = None if self.best_epoch == 0 else self.best_score  # JSON has no infinity
        return asdict(self) | {"best_score": score}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Progress":
        """Return the progress that as_json() gave these fields for."""
        score = fields["best_score"]
        return cls(**(fields | {"best_score": float("-inf") if score is None else score}))


def folder(root: Path, epoch: int) -> Path:
    """Return the path of an epoch's checkpoint."""
    return root / f"epoch-{epoch:04d}"


def save_checkpoint(
    root: Path, model: nn.Module, optimizers: dict[str, Any], progress: Progress
) -> None:
    """Write the checkpoint of the epoch progress.epoch.

    It also holds the weights of the best epoch: this one's, or those of the checkpoint before it.
    """
    # An existing folder belongs to an epoch that never reached the journal; it is replaced.
    with whole_folder(folder(root, progress.epoch)) as part:
        save_weights(model, part / "model.safetensors")
        if progress.best_epoch == progress.epoch:
            # Hard links: the best weights take no space and survive the removal of older folders.
            os.link(part / "model.safetensors", part / "best.safetensors")
        elif progress.best_epoch:
            previous = folder(root, progress.epoch - 1) / "best.safetensors"
            os.link(previous, part / "best.safetensors")
        torch.save(optimizers, part / "optimizers.pt")
        (part / "progress.json").write_text(json.dumps(progress.as_json()))


def load_checkpoint(root: Path, epoch: int, model: nn.Module) -> tuple[dict[str, Any], Progress]:
    """Load an epoch's weights into the model.

    Returns:
        The optimisers' states by name, and the progress.
    """
    source = folder(root, epoch)
    load_weights(model, source / "model.safetensors")
    optimizers = torch.load(source / "optimizers.pt", weights_only=True, map_location="cpu")
    return optimizers, Progress.from_json(json.loads((source / "progress.json").read_text()))


def remove_older(root: Path, epoch: int) -> None:
    """Remove all checkpoints except this epoch's."""
    unfinished = root.glob(".epoch-*.part")  # left by a worker that died while it wrote
    for path in (*unfinished, *root.glob("epoch-*")):
        if path != folder(root, epoch):
            shutil.rmtree(path, ignore_errors=True)
