"""Late fusion: the logits (or features) of a segment's modalities become the segment's logits.

A skipped modality contributes nothing, and the weights of the others are not raised in its place
(docs/paper.md 1.3). Where a decision is 0 the input may hold any finite number: masked training has
a logit there and routed inference a 0.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from adamml.config import Config


class Fusion(nn.Module):
    """Base class of all fusions.

    Its forward takes segment logits [N, S, M, K] and decisions [N, S, M] and returns fused segment
    logits [N, S, K].
    """

    from_features: ClassVar[bool] = False
    """Input of the fusion. True: a sequence of the backbones' features, [N, S, D] per modality, in
    place of segment logits; the recognition networks' classifiers are then neither run nor counted
    in the cost."""


class WeightedFusion(Fusion):
    """A learned weight per modality, the published fusion.

    M - 1 scalars are free and start at 1 / M. The last modality's weight is 1 minus their sum.
    """

    def __init__(self, num_modalities: int) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.full((num_modalities - 1,), 1 / num_modalities))

    @property
    def weights(self) -> Tensor:
        """Weights [M], which sum to 1. None is constrained to be positive."""
        return torch.cat([self.free, 1 - self.free.sum().reshape(1)])

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """Return sum_k w_k u_k z_k: [N, S, K] from [N, S, M, K] and decisions [N, S, M]."""
        return (segment_logits * (self.weights * decisions)[..., None]).sum(dim=2)


class ClassWiseFusion(Fusion):
    """A learned weight per modality and class (docs/paper.md 2).

    [M - 1, K] weights are free and start at 1 / M; the last modality's are 1 minus their sum.
    """

    def __init__(self, num_modalities: int, num_classes: int) -> None:
        super().__init__()
        start = torch.full((num_modalities - 1, num_classes), 1 / num_modalities)
        self.free = nn.Parameter(start)

    @property
    def weights(self) -> Tensor:
        """Weights [M, K], which sum to 1 over modalities."""
        return torch.cat([self.free, 1 - self.free.sum(dim=0, keepdim=True)])

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """Return [N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        return (segment_logits * self.weights * decisions[..., None]).sum(dim=2)


class AverageFusion(Fusion):
    """The mean over all M modalities, with skipped ones as 0."""

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """Return [N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        return (segment_logits * decisions[..., None]).mean(dim=2)


class MaxFusion(Fusion):
    """The elementwise maximum over the selected modalities; 0 where none is selected.

    A decision of 0 gets no gradient, as a skipped modality is in no maximum.
    """

    def forward(self, segment_logits: Tensor, decisions: Tensor) -> Tensor:
        """Return [N, S, K] from segment logits [N, S, M, K] and decisions [N, S, M]."""
        selected = (decisions > 0)[..., None]
        # The product is the logits themselves; it is what gives a decision of 1 its gradient.
        masked = (segment_logits * decisions[..., None]).masked_fill(~selected, -torch.inf)
        return torch.where(selected.any(dim=2), masked.amax(dim=2), 0.0)


class Fc2Fusion(Fusion):
    """Two hidden layers and a classifier over the concatenated features (docs/paper.md 2).

    The features of a skipped modality are zeros.
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
        """Return [N, S, K] from features, [N, S, D] per modality, and decisions [N, S, M]."""
        chosen = zip(features, decisions.unbind(-1), strict=True)
        joined = torch.cat([part * decision[..., None] for part, decision in chosen], dim=-1)
        logits: Tensor = self.layers(joined)
        # The biases give logits also to a segment that selects nothing. Its logits must be 0, as
        # with the other fusions.
        return logits * decisions.amax(dim=-1, keepdim=True)


Build = Callable[[Config, int, int], Fusion]
"""Type of an entry of FUSIONS: (config, classes K, features of all backbones together) -> fusion.
"""
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
"""Name -> the function that builds the fusion."""
