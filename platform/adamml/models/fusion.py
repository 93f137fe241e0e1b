"""Late fusion: the segment logits of the modalities that were computed become one.

A skipped modality contributes nothing and the others' weights are not raised in its place (paper.md
1.3). Logits whose decision is 0 may hold anything finite.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class WeightedFusion(nn.Module):
    """M - 1 learnable scalars that start at 1 / M; the last weight is 1 minus their sum."""

    def __init__(self, num_modalities: int) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.full((num_modalities - 1,), 1 / num_modalities))

    @property
    def weights(self) -> Tensor:
        """[M], summing to 1."""
        return torch.cat([self.free, 1 - self.free.sum().reshape(1)])

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """[N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        return (segment_logits * (self.weights * decisions)[..., None]).sum(dim=2)


class AverageFusion(nn.Module):
    """The mean over all M modalities, skipped ones counting as 0."""

    def __init__(self, num_modalities: int) -> None:
        super().__init__()

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """[N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        return (segment_logits * decisions[..., None]).mean(dim=2)


class MaxFusion(nn.Module):
    """The elementwise maximum over the selected modalities; 0 where none is selected.

    A decision gets a gradient only while it is 1 (through its modality's logits).
    """

    def __init__(self, num_modalities: int) -> None:
        super().__init__()

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """[N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        selected = (decisions > 0)[..., None]
        masked = (segment_logits * decisions[..., None]).masked_fill(~selected, -torch.inf)
        return torch.where(selected.any(dim=2), masked.amax(dim=2), 0.0)


FUSIONS: dict[str, Callable[[int], nn.Module]] = {
    "weighted": WeightedFusion,
    "average": AverageFusion,
    "max": MaxFusion,
}
"""name -> num_modalities -> module(logits [N, S, M, K], decisions [N, S, M]) -> [N, S, K]."""
