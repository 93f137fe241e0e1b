"""Costs as the released code bills them, for numbers beside the paper's tables.

Per segment it bills the recognition networks that were selected, all of the policy's backbones, and
the LSTM without the logits that it also sees. Classifiers and the policy's joint layers and heads
are left out. Its constant for frame differences belongs to an input of 224 pixels, though the
policy looks at 160. docs/paper.md 1.2 has the formula, its constants and their audit.
"""

from dataclasses import dataclass

from torch import Tensor

from adamml.config import Config
from adamml.models.shapes import Shape, policy_shape

BILLED_PIXELS = {"rgbdiff": 224}
"""Modality that the policy looks at -> pixels that it is billed at, whatever policy.pixels says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """Multiply-accumulates of one segment as the released code bills them."""

    recognition: dict[str, int]
    """Modality -> its recognition network, without classifier."""
    policy: dict[str, int]
    """Modality that is decided about -> the policy's backbone. 0 for a policy without networks,
    although the released code bills a random policy for some (docs/paper.md 1.3, quirk 7)."""
    lstm: int
    """LSTM of the policy, without the logits among its inputs."""

    def gflops(self, decisions: Tensor) -> Tensor:
        """Return the GFLOPs of each video: float64 [N] from decisions [N, S, M].

        A fraction in place of a decision counts as the rate at which the modality is computed.
        """
        selected = decisions.detach().double()
        prices = selected.new_tensor(list(self.recognition.values()))
        fixed = sum(self.policy.values()) + self.lstm
        return ((selected @ prices).sum(dim=1) + decisions.shape[1] * fixed) / 1e9


def billed_shape(config: Config, modality: str) -> Shape:
    """Return the input shape [F, C, H, W] at which a policy backbone is billed."""
    frames, channels, *size = policy_shape(config, modality)
    pixels = BILLED_PIXELS.get(config.policy_inputs[modality])
    height, width = (pixels, pixels) if pixels else size
    return frames, channels, height, width


def billed_lstm(config: Config) -> int:
    """Return the LSTM's multiply-accumulates as billed.

    At the published sizes they are 4 * 256 * (2048 + 256) = 2,359,296: four gates, and as inputs
    the joint features and the state, but not the logits.
    """
    state, joint = config.policy.lstm_width, config.policy.joint_width
    return 4 * state * (joint + state)
