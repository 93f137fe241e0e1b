"""How the reference implementation bills a video, for numbers beside the paper's tables.

Its rule: per segment the recognition networks that were selected and all of the policy's backbones,
and the LSTM without the logits that it also sees. Classifiers, the policy's joint layers and heads
are left out. Its constant for frame differences belongs to an input of 224 pixels, though its
policy looks at 160 (paper.md 1.2).
"""

from dataclasses import dataclass

from torch import Tensor

from adamml.config import Config
from adamml.models.shapes import Shape, policy_shape

BILLED_PIXELS = {"rgbdiff": 224}
"""What the policy looks at -> pixels that it is billed at, whatever policy.pixels says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """Multiply-accumulates per segment as the reference bills them."""

    recognition: dict[str, int]
    policy: dict[str, int]
    """By the modality that is decided about; 0 where the policy computes nothing (the reference
    would bill a random policy for networks that it does not run)."""
    lstm: int

    def gflops(self, decisions: Tensor) -> Tensor:
        """GMACs of each video: float64 [N] from decisions [N, S, M], fractions being rates."""
        selected = decisions.detach().double()
        prices = selected.new_tensor(list(self.recognition.values()))
        fixed = sum(self.policy.values()) + self.lstm
        return ((selected @ prices).sum(dim=1) + decisions.shape[1] * fixed) / 1e9


def billed_shape(config: Config, modality: str) -> Shape:
    """What the policy's backbone for a modality is billed on: [F, C, H, W]."""
    frames, channels, *size = policy_shape(config, modality)
    pixels = BILLED_PIXELS.get(config.seen[modality])
    height, width = (pixels, pixels) if pixels else size
    return frames, channels, height, width


def billed_lstm(config: Config) -> int:
    """4 * 256 * (2048 + 256) at the published sizes."""
    state, joint = config.policy.lstm_width, config.policy.joint_width
    return 4 * state * (joint + state)
