"""Recognition network: the backbone of one modality and a classifier."""

from torch import Tensor, nn

from adamml.config import Config
from adamml.models.backbones import Backbone, build_backbone
from adamml.models.shapes import channels


class RecognitionNetwork(nn.Module):
    """A backbone, dropout and a linear classifier; each segment is classified on its own."""

    def __init__(self, backbone: Backbone, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.features, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        """Classify each segment: clips [N, S, F, C, H, W] -> segment logits [N, S, K]."""
        logits: Tensor = self.classifier(self.dropout(self.features(clips)))
        return logits

    def features(self, clips: Tensor) -> Tensor:
        """Return the backbone's features [N, S, D] of clips [N, S, F, C, H, W]."""
        # All segments in one pass, so that batch norm sees them together in training mode; the
        # released code passes one segment of every video at a time (docs/paper.md 1.3, quirk 9).
        features: Tensor = self.backbone(clips.flatten(0, 1))
        return features.reshape(*clips.shape[:2], -1)


def build_recognition(config: Config, modality: str, num_classes: int) -> RecognitionNetwork:
    """Build the recognition network of a modality, with fresh weights.

    Raises:
        ValueError: an unknown backbone in config.recognition.
    """
    backbone = build_backbone(config.recognition[modality], channels(config, modality))
    return RecognitionNetwork(backbone, num_classes, config.dropout)
