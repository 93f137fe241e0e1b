"""Late fusion: what the modalities of a segment say, those that were computed, becomes one.

A skipped modality contributes nothing and the others' weights are not raised in its place (paper.md
1.3). What stands where a decision is 0 may hold anything finite.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from adamml.config import Config


class Fusion(nn.Module):
    """forward(segment logits [N, S, M, K], decisions [N, S, M]) -> [N, S, K]."""

    from_features: ClassVar[bool] = False
    """True: it takes the backbones' features, [N, S, D] per modality, in place of segment logits.
    The recognition networks' classifiers are then not used, and not billed."""


class WeightedFusion(Fusion):
    """M - 1 learnable scalars that start at 1 / M; the last weight is 1 minus their sum."""

    def __init__(self, num_modalities: int) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.full((num_modalities - 1,), 1 / num_modalities))

    @property
    def weights(self) -> Tensor:
        """[M], summing to 1."""
        return torch.cat([self.free, 1 - self.free.sum().reshape(1)])

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        return (segment_logits * (self.weights * decisions)[..., None]).sum(dim=2)


class ClassWiseFusion(Fusion):
    """A weight for each modality and class: [M - 1, K] free ones that start at 1 / M."""

    def __init__(self, num_modalities: int, num_classes: int) -> None:
        super().__init__()
        start = torch.full((num_modalities - 1, num_classes), 1 / num_modalities)
        self.free = nn.Parameter(start)

    @property
    def weights(self) -> Tensor:
        """[M, K], each class's summing to 1."""
        return torch.cat([self.free, 1 - self.free.sum(dim=0, keepdim=True)])

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        return (segment_logits * self.weights * decisions[..., None]).sum(dim=2)


class AverageFusion(Fusion):
    """The mean over all M modalities, skipped ones counting as 0."""

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        return (segment_logits * decisions[..., None]).mean(dim=2)


class MaxFusion(Fusion):
    """The elementwise maximum over the selected modalities; 0 where none is selected.

    A decision gets a gradient only while it is 1 (through its modality's logits).
    """

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        selected = (decisions > 0)[..., None]
        masked = (segment_logits * decisions[..., None]).masked_fill(~selected, -torch.inf)
        return torch.where(selected.any(dim=2), masked.amax(dim=2), 0.0)


class Fc2Fusion(Fusion):
    """Two hidden layers over the concatenated features; a skipped modality's are zeros.

    The bias gives a segment logits even where nothing was selected: they are set to 0 there.
    """

    from_features = True

    def __init__(self, features: int, num_classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(width, num_classes),
        )

    def forward(self, features: Sequence[Tensor], decisions: Tensor) -> Tensor:
        chosen = zip(features, decisions.unbind(-1), strict=True)
        joined = torch.cat([part * decision[..., None] for part, decision in chosen], dim=-1)
        logits: Tensor = self.layers(joined)
        return logits * decisions.amax(dim=-1, keepdim=True)


Build = Callable[[Config, int, int], Fusion]
FUSIONS: dict[str, Build] = {
    "weighted": lambda config, classes, features: WeightedFusion(len(config.modalities)),
    "class_wise": lambda config, classes, features: ClassWiseFusion(
        len(config.modalities), classes
    ),
    "average": lambda config, classes, features: AverageFusion(),
    "max": lambda config, classes, features: MaxFusion(),
    "fc2": lambda config, classes, features: Fc2Fusion(
        features, classes, config.fc2.width, config.fc2.dropout
    ),
}
"""name -> (config, classes, features of all backbones together) -> Fusion."""
