"""A recognition network: the backbone of one modality and its classifier."""

from torch import Tensor, nn

from adamml.config import Config
from adamml.models.backbones import Backbone, build_backbone
from adamml.models.shapes import channels


class RecognitionNetwork(nn.Module):
    """Classifies each segment from one modality alone."""

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.features, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Segment logits [N, S, K] from clips [N, S, F, C, H, W]."""
        logits: Tensor = self.classifier(self.dropout(self.features(clips)))
        return logits

    def features(self, clips: Tensor) -> Tensor:
        """The backbone's [N, S, D], before the classifier."""
        features: Tensor = self.backbone(clips.flatten(0, 1))
        return features.reshape(*clips.shape[:2], -1)


def build_recognition(config: Config, modality: str, num_classes: int) -> RecognitionNetwork:
    """The recognition network that config.recognition names for a modality, with fresh weights."""
    backbone = build_backbone(config.recognition[modality], channels(config, modality))
    return RecognitionNetwork(backbone, num_classes, config.dropout)
