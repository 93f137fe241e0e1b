"""Unimodal networks, trained once for every trial, study and machine that reaches the home.

    pretrained/<key>/model.safetensors, network.json (written last)
    pretrained/<key>/segment_logits/<split>-<S>.safetensors

The key is a fingerprint of all that shaped the network. The first process that needs a missing
network trains it under a lock. If it dies it leaves its checkpoints, and the next one continues
from them.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from adamml.config import MOTION, Config, fingerprint, flatten
from adamml.data.manifest import Split
from adamml.files import locked, whole
from adamml.models.recognition import RecognitionNetwork
from adamml.models.weight_files import load_weights, save_weights, with_weight_digests
from adamml.objectives.table import OBJECTIVES
from adamml.training.loop import Metrics, fit
from adamml.training.splits import Splits
from adamml.training.unimodal import fresh_unimodal, segment_logits_of, unimodal_task
from adamml.training.workers import Workers

History = list[tuple[int, str, Metrics]]


def unimodal_key(config: Config, modality: str, data: str) -> str:
    """Return the content address of a unimodal network; a file of weights counts by its content.

    data is the manifest's fingerprint.

    Raises:
        OSError: a file of weights cannot be read.
    """
    paths = (
        "rgb.",  # It also places the segments of audio.
        "motion." if modality in MOTION else f"{modality}.",
        f"recognition.{modality}.",
        f"unimodal.{modality}.",
        "execution.",
        "data.num_classes",
        "data.quality",
        "data.batch_size",
        "data.test_segments",
        "dropout",
        "seed",
    )
    shaping = {k: v for k, v in flatten(config).items() if k.startswith(paths)}
    return fingerprint({"data": data, "modality": modality} | with_weight_digests(shaping))


@dataclass(frozen=True)
class Unimodal:
    """Place of one network in the home."""

    config: Config
    modality: str
    folder: Path

    @property
    def weights(self) -> Path:
        """Path of its safetensors."""
        return self.folder / "model.safetensors"

    @property
    def record(self) -> dict[str, Any] | None:
        """{"config", "history", "metrics", "seconds"} of a complete network; None before."""
        path = self.folder / "network.json"
        return json.loads(path.read_text()) if path.exists() else None

    def load(self, workers: Workers) -> RecognitionNetwork:
        """Return the trained network on its device."""
        network = fresh_unimodal(self.config, self.modality, workers)
        load_weights(network, self.weights)
        return network


def unimodal_at(home: Path, config: Config, modality: str, data: str) -> Unimodal:
    """Return the place of a unimodal network; data is the manifest's fingerprint."""
    return Unimodal(config, modality, home / "pretrained" / unimodal_key(config, modality, data))


def ensure_unimodal(
    unimodal: Unimodal,
    splits: Splits,
    workers: Workers,
    report: Callable[[int, str, Metrics], None],
) -> Metrics:
    """Train the network unless the home has it, and return its metrics.

    Every epoch is reported either way.
    """
    with _made_once(unimodal.folder, workers):
        if unimodal.record is None:
            _train(unimodal, splits, workers, report)
        else:
            for epoch, stage, metrics in unimodal.record["history"]:
                report(epoch, stage, metrics)
    record = unimodal.record
    assert record is not None
    return {**record["metrics"], "training_seconds": record["seconds"]}


def _train(
    unimodal: Unimodal,
    splits: Splits,
    workers: Workers,
    report: Callable[[int, str, Metrics], None],
) -> None:
    folder = unimodal.folder
    lines, clock = folder / "history.json", folder / "seconds.json"
    checkpoints = folder / "checkpoint"
    history: History = json.loads(lines.read_text()) if lines.exists() else []
    for epoch, stage, metrics in history:
        report(epoch, stage, metrics)

    spent, begun = json.loads(clock.read_text()) if clock.exists() else 0.0, time.monotonic()

    def keep(epoch: int, stage: str, metrics: Metrics) -> None:
        history.append((epoch, stage, metrics))
        if workers.rank == 0:
            # The time first: if the process dies between the two, the epoch is trained again, and
            # the time of both attempts was spent.
            _write(clock, json.dumps(spent + time.monotonic() - begun))
            _write(lines, json.dumps(history))
        report(epoch, stage, metrics)

    task = unimodal_task(unimodal.config, unimodal.modality, splits, workers, checkpoints)
    fit(task, workers, keep, done=len(history))
    if workers.rank == 0:
        save_weights(task.model, unimodal.weights)
        metrics = history[-1][2]
        final = {name: metrics[name] for name in OBJECTIVES if name in metrics}
        record = {"config": flatten(unimodal.config), "history": history, "metrics": final}
        record["seconds"] = round(json.loads(clock.read_text()), 3)
        # The network is complete from here on; what is removed served resuming only.
        _write(folder / "network.json", json.dumps(record))
        shutil.rmtree(checkpoints)
        lines.unlink()
        clock.unlink()
    workers.barrier()


def segment_logits(unimodal: Unimodal, splits: Splits, split: Split, workers: Workers) -> Tensor:
    """Return a split's segment logits [N, S, K], computed once and kept beside the network."""
    segments = unimodal.config.data.test_segments
    path = unimodal.folder / "segment_logits" / f"{split}-{segments}.safetensors"
    # Ranks must agree, and another slot may write the file between their looks: rank 0 decides.
    if workers.gather(not path.exists())[0]:
        with _made_once(path.with_suffix(""), workers):
            if workers.rank == 0 and not path.exists():
                network = unimodal.load(workers)
                logits = segment_logits_of(
                    network,
                    unimodal.modality,
                    splits.alone(unimodal.modality).fixed(split),
                    unimodal.config.data.batch_size,
                    workers.device,
                )
                with whole(path) as part:
                    save_file({"segment_logits": logits}, part)
            workers.barrier()
    return load_file(path)["segment_logits"]


@contextmanager
def _made_once(path: Path, workers: Workers) -> Iterator[None]:
    """Hold the lock beside this path on rank 0; the kernel frees it when the process dies."""
    with ExitStack() as stack:
        if workers.rank == 0:
            stack.enter_context(locked(path.parent / f".{path.name}.lock"))
        workers.barrier()
        yield


def _write(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text)
