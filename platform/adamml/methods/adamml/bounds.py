"""Bounds on any policy over a model's networks: the relevance policy and the oracle front.

They exist only for data whose manifest says where the evidence is. Neither pays for a policy.
"""

import itertools
from typing import Any

import torch
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs
from adamml.data.dataset import batches
from adamml.data.relevance import relevance
from adamml.methods.adamml.costs import adamml_costs
from adamml.models.adamml import AdaMML
from adamml.objectives.quality import mean_average_precision, measures, multi_hot
from adamml.training.splits import Splits
from adamml.training.workers import Workers

EXHAUSTIVE = 12
"""Most decisions per video of which all 2 ** n combinations are tried; above, a greedy choice."""


def oracle_bounds(
    model: AdaMML, splits: Splits, config: Config, workers: Workers
) -> dict[str, Any]:
    """Return the bounds on validation.

    The relevance policy computes a modality exactly where its evidence is. The oracle front takes,
    for each budget per video, the decisions with the highest margin for the true class (of several
    classes, the one with the highest logit).

    Returns:
        {"relevance_policy": {quality, gflops}, "oracle_front": {quality, gflops}}: two numbers, and
        two lists of them.
    """
    segment_logits, labels = _all_segment_logits(model, splits, config, workers)
    costs = adamml_costs(config)
    relevant = relevance(splits.fixed("validation").manifest, config, config.data.test_segments)
    fusion = model.fusion.cpu()
    name = config.data.quality
    logits = fusion(segment_logits, relevant).mean(1)
    quality, gflops = oracle_front(fusion, segment_logits, labels, costs, name)
    return {
        "relevance_policy": {
            "quality": measures(name, logits, labels)["quality"],
            "gflops": float(costs.gflops(relevant).mean()),
        },
        "oracle_front": {"quality": quality, "gflops": gflops},
    }


@torch.no_grad()
def _all_segment_logits(
    model: AdaMML, splits: Splits, config: Config, workers: Workers
) -> tuple[Tensor, Tensor]:
    """Compute every modality of validation: [N, S, M, K], and the labels, [N] or [N, K]."""
    model.eval()
    logits, labels = [], []
    dataset = splits.fixed("validation")
    for batch in batches(dataset, batch_size=config.data.batch_size, shuffle_seed=None):
        clips = {m: batch[m].to(workers.device) for m in config.modalities}
        ones = torch.ones(*clips[config.modalities[0]].shape[:2], len(clips), device=workers.device)
        segment_logits = model.infer(clips, ones).segment_logits
        assert segment_logits is not None, "a fusion of features has no segment logits"
        logits.append(segment_logits.float().cpu())
        labels.append(batch["label"])
    return torch.cat(logits), torch.cat(labels)


@torch.no_grad()
def oracle_front(
    fusion: torch.nn.Module,
    segment_logits: Tensor,
    labels: Tensor,
    costs: Costs,
    name: str = "accuracy",
) -> tuple[list[float], list[float]]:
    """Return quality and mean GFLOPs for each budget per video, cheapest first.

    A budget that improves nothing is left out, so both lists rise.

    Args:
        fusion: of segment logits, on the CPU.
        segment_logits: [N, S, M, K].
        labels: [N] or [N, K].
        costs: of the modalities along M.
        name: kind of quality, accuracy or map.
    """
    segments, modalities = segment_logits.shape[1:3]
    if segments * modalities <= EXHAUSTIVE:
        choices = _every_choice(segments, modalities)
        margins = torch.stack(
            [_margin(_video(fusion, segment_logits, choice), labels) for choice in choices], dim=1
        )
        prices = costs.gflops(choices).expand_as(margins)
        choices = choices.expand(len(labels), *choices.shape)
    else:
        margins, choices = _greedy_path(fusion, segment_logits, labels)
        prices = costs.gflops(choices.flatten(0, 1)).reshape(margins.shape)
    front: list[tuple[float, float]] = []
    for budget in prices.unique().tolist():
        affordable = margins.masked_fill(prices > budget + 1e-12, -torch.inf)
        best = affordable.max(dim=1, keepdim=True)
        taken = choices[torch.arange(len(labels)), best.indices[:, 0]]
        # With nothing computed all logits are equal: no class is right, whichever argmax names.
        quality = (
            float((best.values > 0).double().mean())
            if name == "accuracy"
            else mean_average_precision(_video(fusion, segment_logits, taken), labels)
        )
        if not front or quality > front[-1][0]:
            front.append((quality, float(prices.gather(1, best.indices).mean())))
    return [q for q, _ in front], [g for _, g in front]


def _every_choice(segments: int, modalities: int) -> Tensor:
    """Return all decisions about a video: [2 ** (S * M), S, M]."""
    bits = itertools.product((0.0, 1.0), repeat=segments * modalities)
    return torch.tensor(list(bits)).reshape(-1, segments, modalities)


def _video(fusion: torch.nn.Module, logits: Tensor, choice: Tensor) -> Tensor:
    """Return the video logits [N, K] under decisions [S, M] or [N, S, M]."""
    video: Tensor = fusion(logits, choice.expand(len(logits), *choice.shape[-2:])).mean(1)
    return video


def _margin(video: Tensor, labels: Tensor) -> Tensor:
    """Return the highest video logit of a true class minus the highest of another class: [N]."""
    true = multi_hot(labels, video.shape[-1])
    best = video.masked_fill(~true, -torch.inf).amax(1)
    return best - video.masked_fill(true, -torch.inf).amax(1)


def _greedy_path(fusion: torch.nn.Module, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Add, one by one, the decision that helps most.

    Returns:
        Margins [N, S * M + 1], and the decisions [N, S * M + 1, S, M].
    """
    videos, segments, modalities = logits.shape[:3]
    chosen = torch.zeros(videos, segments, modalities)
    margins, path = [_margin(_video(fusion, logits, chosen), labels)], [chosen.clone()]
    for _ in range(segments * modalities):
        gains = torch.full((videos, segments * modalities), -torch.inf)
        for place in range(segments * modalities):
            tried = chosen.flatten(1).clone()
            free = tried[:, place] == 0
            tried[:, place] = 1
            margin = _margin(_video(fusion, logits, tried.reshape_as(chosen)), labels)
            gains[:, place] = margin.masked_fill(~free, -torch.inf)
        best = gains.argmax(1)
        chosen.flatten(1)[torch.arange(videos), best] = 1
        margins.append(_margin(_video(fusion, logits, chosen), labels))
        path.append(chosen.clone())
    return torch.stack(margins, 1), torch.stack(path, 1)
