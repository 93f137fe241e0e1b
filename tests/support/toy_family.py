"""A family for tests: a classifier of the mean segment logits of frozen unimodal networks.

It shows what a method that trains on cached outputs needs: a model, a pass, and a Family.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from adamml.config import Config
from adamml.cost.flops import Costs, count_costs
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Split
from adamml.methods import FIDELITIES, Family, Method
from adamml.methods.metrics import trial_metrics
from adamml.models.recognition import build_recognition
from adamml.models.weight_files import load_weights
from adamml.objectives.losses import recognition_loss
from adamml.training.determinism import configure, seed_everything
from adamml.training.evaluation import Evaluation, collect, evaluation_batches
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, Task, plan
from adamml.training.passes import Batch, Pass
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from torch import Tensor, nn


class Toy(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        classes = config.data.num_classes
        networks = {m: build_recognition(config, m, classes) for m in config.modalities}
        self.recognition = nn.ModuleDict(networks)
        self.classifier = nn.Linear(len(networks) * classes, classes)

    def forward(self, segment_logits: Tensor) -> Tensor:
        """Return logits [N, K] from segment logits [N, S, M, K]."""
        logits: Tensor = self.classifier(segment_logits.mean(1).flatten(1))
        return logits

    def segment_logits(self, clips: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([net(clips[m]) for m, net in self.recognition.items()], dim=2)


class ToyPass(Pass):
    trained = ("classifier",)
    optimizer = "policy"
    source = "logits"

    def forward(self, batch: Batch, temperature: float) -> object:
        return recognition_loss(self.model(batch["segment_logits"]), batch["label"])


def build(config: Config, pretrained: Mapping[str, Path], workers: Workers) -> Toy:
    configure(config.execution)
    seed_everything(config.seed, "toy")
    model = Toy(config)
    for modality, path in pretrained.items():
        load_weights(model.recognition[modality], path)
    return model.to(workers.device)


@torch.no_grad()
def evaluate(
    model: Toy,
    dataset: SegmentDataset,
    config: Config,
    workers: Workers,
    *,
    decision_bias: Mapping[str, float] | None = None,
) -> Evaluation:
    if decision_bias:
        raise ValueError(f"decision_bias must be empty for toy, got {decision_bias}")
    model.eval()
    parts = []
    for batch in evaluation_batches(dataset, config, workers):
        segment_logits = model.segment_logits({m: batch[m] for m in config.modalities})
        ones = torch.ones(segment_logits.shape[:3])
        parts.append({"logits": model(segment_logits), "decisions": ones, "labels": batch["label"]})
    return collect(workers, parts)


def costs(config: Config) -> Costs:
    return count_costs(config, config.data.num_classes)


def task(
    config: Config,
    pretrained: Mapping[str, Path],
    splits: Splits,
    view: Callable[[Split], FixedView],
    workers: Workers,
    checkpoints: Path,
    fidelity: str,
) -> Task:
    model = build(config, pretrained, workers)

    def metrics(epoch: int) -> Metrics:
        evaluation = evaluate(model, splits.fixed("validation"), config, workers)
        return trial_metrics(config, evaluation, costs(config))

    return Task(
        config=config,
        model=model,
        plan=plan(config.stages, until=FIDELITIES[fidelity]),
        passes={"policy_only": (ToyPass,)},
        videos=splits.augmented(config.data.train_segments),
        view=lambda: view("train"),
        evaluate=metrics,
        score=lambda metrics: metrics["quality"],
        checkpoints=checkpoints,
    )


TOY: Family[Toy] = Family(name="toy", build=build, task=task, evaluate=evaluate, costs=costs)
TOY_METHOD = Method(
    family=TOY,
    overrides={
        "policy.kind": "always_on",
        "stages.warm_up": 0,
        "stages.alternating": 0,
        "stages.fine_tuning": 0,
    },
)
