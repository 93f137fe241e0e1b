"""What a decision costs: multiply-accumulates of one segment, counted on the modules that run.

Counted with torch's FlopCounterMode at the shapes of the config, so convolutions and matrix
products. As everywhere in the literature, elementwise work (norms, activations, pooling, the M x K
products of late fusion) and making the input (decoding, resizing, spectrograms) are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from adamml.config import Config, fingerprint, flatten, override
from adamml.cost.published import Bill, billed_lstm, billed_shape
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.policy import Policy, PolicyNetwork
from adamml.models.shapes import policy_shape, segment_shape

NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """Multiply-accumulates per segment, by part."""

    modalities: tuple[str, ...]
    recognition: dict[str, int]
    """The backbone of each modality's recognition network."""
    classifier: dict[str, int]
    policy: dict[str, int]
    """The policy's backbone per modality; 0 where the policy computes nothing."""
    joint: int
    lstm: int
    heads: int
    fusion: int
    """Of a fusion of features, whose networks have no classifiers of their own."""
    billed: Bill
    """The same segment as the reference bills it."""

    @property
    def segment_policy(self) -> int:
        """Everything of the policy, for a segment."""
        return sum(self.policy.values()) + self.joint + self.lstm + self.heads

    @property
    def segment_fixed(self) -> int:
        """What a segment costs whatever is decided: the policy, and a fusion of features."""
        return self.segment_policy + self.fusion

    def segment_selected(self, modality: str) -> int:
        """What a segment costs more when this modality is computed."""
        return self.recognition[modality] + self.classifier[modality]

    @property
    def policy_share(self) -> float:
        """Everything of the policy as a fraction of all recognition networks together."""
        return self.segment_policy / sum(map(self.segment_selected, self.modalities))

    def gflops(self, decisions: Tensor) -> Tensor:
        """GMACs of each video: float64 [N] from decisions [N, S, M], fractions being rates."""
        selected = decisions.detach().double()
        prices = selected.new_tensor([self.segment_selected(m) for m in self.modalities])
        return ((selected @ prices).sum(dim=1) + decisions.shape[1] * self.segment_fixed) / 1e9

    def all_on(self, num_segments: int) -> float:
        """GMACs of a video of which everything is computed, the policy included."""
        return float(self.gflops(torch.ones(1, num_segments, len(self.modalities))))


_COUNTED: dict[str, Costs] = {}


def count_costs(config: Config, num_classes: int) -> Costs:
    """Count one segment of the model of a config; cached by what the count depends on."""
    # Where weights come from costs nothing, and the meta device can't load them.
    config = override(config, {p: "" for p in flatten(config) if p.endswith(".weights")})
    parts = ("modalities", "rgb", "motion", "audio", "recognition", "policy", "fusion", "fc2")
    key = fingerprint({"classes": num_classes} | {part: getattr(config, part) for part in parts})
    if key not in _COUNTED:
        with torch.device("meta"):
            _COUNTED[key] = _count(config, build_adamml(config, num_classes))
    return _COUNTED[key]


def count_macs(module: nn.Module, *inputs: Tensor | Sequence[Tensor]) -> int:
    """Multiply-accumulates of one call of a module, in eval mode.

    Raises:
        ValueError: a module inside that has parameters and is no norm counted zero: it was not
            called as a module, or FlopCounterMode does not know its operation (nn.LSTM on a CPU).
    """
    # inference_mode would hide the operations from the counter
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(*inputs)
    counted, root = counter.get_flop_counts(), type(module).__name__
    for name, part in module.named_modules():
        owns_parameters = any(True for _ in part.parameters(recurse=False))
        path = f"{root}.{name}" if name else root
        if (
            owns_parameters
            and not isinstance(part, NORMS)
            and not sum(counted.get(path, {}).values())
        ):
            raise ValueError(f"every module with parameters must count above 0, got 0 for {path}")
    return int(counter.get_total_flops()) // 2


def _count(config: Config, model: AdaMML) -> Costs:
    recognition, classifier = {}, {}
    for modality, net in model.networks.items():
        clip, features = segment_shape(config, modality), net.backbone.features
        recognition[modality] = count_macs(net.backbone, torch.empty(1, *clip))
        own = not model.fusion.from_features
        classifier[modality] = count_macs(net.classifier, torch.empty(1, features)) if own else 0
    return Costs(
        modalities=config.modalities,
        recognition=recognition,
        classifier=classifier,
        **_count_policy(config, model.policy),
        fusion=_count_fusion(model),
        billed=_count_bill(config, model.policy, recognition),
    )


def _count_bill(config: Config, policy: Policy, recognition: dict[str, int]) -> Bill:
    if not isinstance(policy, PolicyNetwork):
        return Bill(recognition=recognition, policy=dict.fromkeys(config.modalities, 0), lstm=0)
    billed = {
        m: count_macs(backbone, torch.empty(1, *billed_shape(config, m)))
        for m, backbone in policy.backbones.items()
    }
    return Bill(recognition=recognition, policy=billed, lstm=billed_lstm(config))


def _count_fusion(model: AdaMML) -> int:
    if not model.fusion.from_features:
        return 0
    features = [torch.empty(1, 1, n.backbone.features) for n in model.networks.values()]
    return count_macs(model.fusion, features, torch.ones(1, 1, len(features)))


def _count_policy(config: Config, policy: Policy) -> dict[str, Any]:
    if not isinstance(policy, PolicyNetwork):
        return {"policy": dict.fromkeys(config.modalities, 0), "joint": 0, "lstm": 0, "heads": 0}
    state = torch.empty(1, config.policy.lstm_width)
    return {
        "policy": {
            m: count_macs(backbone, torch.empty(1, *policy_shape(config, m)))
            for m, backbone in policy.backbones.items()
        },
        "joint": count_macs(policy.joint, torch.empty(1, policy.features)),
        "lstm": count_macs(policy.lstm, torch.empty(1, policy.lstm.input_size), (state, state)),
        "heads": sum(count_macs(head, state) for head in policy.heads.values()),
    }
