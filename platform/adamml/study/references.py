"""What a perfect policy could do with a model's networks: relevance policy and oracle front.

Only for data whose manifest says where the evidence is. Neither pays for a policy.
"""

import itertools
from typing import Any

import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs, count_costs
from adamml.data.dataset import batches
from adamml.data.relevance import relevance
from adamml.models.adamml import AdaMML
from adamml.training.splits import Splits
from adamml.training.workers import Workers

EXHAUSTIVE = 12
"""Up to 2 ** EXHAUSTIVE decisions per video are all tried; above that they are chosen greedily."""


def references(model: AdaMML, splits: Splits, config: Config, workers: Workers) -> dict[str, Any]:
    """On validation: {"relevance_policy": {accuracy, gflops}, "oracle_front": {accuracy, gflops}}.

    The relevance policy computes a modality exactly where its evidence is. The oracle front takes,
    for each budget per video, the decisions with the highest margin for the true class.
    """
    segment_logits, labels = all_segment_logits(model, splits, config, workers)
    costs = count_costs(config, config.data.num_classes)
    relevant = relevance(splits.fixed("validation").manifest, config, config.data.test_segments)
    fusion = model.fusion.cpu()
    correct = fusion(segment_logits, relevant).mean(1).argmax(-1) == labels
    accuracy, gflops = oracle_front(fusion, segment_logits, labels, costs)
    return {
        "relevance_policy": {
            "accuracy": float(correct.double().mean()),
            "gflops": float(costs.gflops(relevant).mean()),
        },
        "oracle_front": {"accuracy": accuracy, "gflops": gflops},
    }


@torch.no_grad()
def all_segment_logits(
    model: AdaMML, splits: Splits, config: Config, workers: Workers
) -> tuple[Tensor, Tensor]:
    """[N, S, M, K] with every modality computed, and labels [N], of the validation split."""
    model.eval()
    logits, labels = [], []
    dataset = splits.fixed("validation")
    for batch in batches(dataset, batch_size=config.data.batch_size, shuffle_seed=None):
        clips = {m: batch[m].to(workers.device) for m in config.modalities}
        ones = torch.ones(*clips[config.modalities[0]].shape[:2], len(clips), device=workers.device)
        said = model.infer(clips, ones).segment_logits
        assert said is not None, "a fusion of features has no segment logits"
        logits.append(said.float().cpu())
        labels.append(batch["label"])
    return torch.cat(logits), torch.cat(labels)


@torch.no_grad()
def oracle_front(
    fusion: torch.nn.Module, segment_logits: Tensor, labels: Tensor, costs: Costs
) -> tuple[list[float], list[float]]:
    """Accuracy and mean GFLOPs for each budget per video, cheapest first; only improvements.

    Args:
        segment_logits: [N, S, M, K]; labels: [N].
    """
    segments, modalities = segment_logits.shape[1:3]
    if segments * modalities <= EXHAUSTIVE:
        choices = _every_choice(segments, modalities)
        margins = torch.stack(
            [_margin(fusion, segment_logits, labels, choice) for choice in choices], dim=1
        )
        prices = costs.gflops(choices).expand(len(labels), -1)
    else:
        margins, prices = _greedy_path(fusion, segment_logits, labels, costs)
    front: list[tuple[float, float]] = []
    for budget in prices.unique().tolist():
        affordable = margins.masked_fill(prices > budget + 1e-12, -torch.inf)
        best = affordable.max(dim=1, keepdim=True)
        accuracy = float((best.values > 0).double().mean())
        spent = float(prices.gather(1, best.indices).mean())
        if not front or accuracy > front[-1][0]:
            front.append((accuracy, spent))
    return [a for a, _ in front], [g for _, g in front]


def _every_choice(segments: int, modalities: int) -> Tensor:
    """[2 ** (S * M), S, M]."""
    bits = itertools.product((0.0, 1.0), repeat=segments * modalities)
    return torch.tensor(list(bits)).reshape(-1, segments, modalities)


def _margin(fusion: torch.nn.Module, logits: Tensor, labels: Tensor, choice: Tensor) -> Tensor:
    """[N]: the true class's video logit minus the best other's; choice is [S, M] or [N, S, M]."""
    video: Tensor = fusion(logits, choice.expand(len(labels), *choice.shape[-2:])).mean(1)
    true = video.gather(1, labels[:, None]).squeeze(1)
    others = video.scatter(1, labels[:, None], -torch.inf)
    return true - others.amax(1)


def _greedy_path(
    fusion: torch.nn.Module, logits: Tensor, labels: Tensor, costs: Costs
) -> tuple[Tensor, Tensor]:
    """Margins and prices [N, S * M + 1] of adding, one by one, the decision that helps most."""
    videos, segments, modalities = logits.shape[:3]
    chosen = torch.zeros(videos, segments, modalities)
    margins, prices = [_margin(fusion, logits, labels, chosen)], [costs.gflops(chosen)]
    for _ in range(segments * modalities):
        gains = torch.full((videos, segments * modalities), -torch.inf)
        for place in range(segments * modalities):
            tried = chosen.flatten(1).clone()
            free = tried[:, place] == 0
            tried[:, place] = 1
            margin = _margin(fusion, logits, labels, tried.reshape_as(chosen))
            gains[:, place] = margin.masked_fill(~free, -torch.inf)
        best = gains.argmax(1)
        chosen.flatten(1)[torch.arange(videos), best] = 1
        margins.append(_margin(fusion, logits, labels, chosen))
        prices.append(costs.gflops(chosen))
    return torch.stack(margins, 1), torch.stack(prices, 1)
