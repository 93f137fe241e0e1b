"""Costs of a model: multiply-accumulates of one segment, counted on the modules that run.

torch's FlopCounterMode counts convolutions and matrix products at the shapes of the config. As
everywhere in the literature, two kinds of work are left out: elementwise operations (norms,
activations, pooling, the M x K products of late fusion) and making the input (decoding, resizing,
spectrograms, optical flow).
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
"""Modules that have parameters and yet no multiply-accumulates that are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """Multiply-accumulates of one segment, by part of the model."""

    modalities: tuple[str, ...]
    """Modalities in the order of the axis M of decisions."""
    recognition: dict[str, int]
    """Modality -> the backbone of its recognition network."""
    classifier: dict[str, int]
    """Modality -> the classifier of its recognition network; 0 with a fusion of features."""
    policy: dict[str, int]
    """Modality that is decided about -> the policy's backbone; 0 where the policy has none."""
    joint: int
    """Joint layers of the policy; 0 for a policy without networks, as lstm and heads."""
    lstm: int
    """LSTM of the policy."""
    heads: int
    """Heads of the policy, over all modalities."""
    fusion: int
    """Layers of a fusion of features; 0 for a fusion of logits."""
    billed: Bill
    """Bill of the released code for a segment."""

    @property
    def segment_policy(self) -> int:
        """Multiply-accumulates of the whole policy for a segment."""
        return sum(self.policy.values()) + self.joint + self.lstm + self.heads

    @property
    def segment_fixed(self) -> int:
        """Multiply-accumulates of a segment whatever is decided: policy, fusion of features."""
        return self.segment_policy + self.fusion

    def segment_selected(self, modality: str) -> int:
        """Return the multiply-accumulates that computing a modality adds to a segment."""
        return self.recognition[modality] + self.classifier[modality]

    def gflops(self, decisions: Tensor) -> Tensor:
        """Return the GFLOPs of each video: float64 [N] from decisions [N, S, M].

        A fraction in place of a decision counts as the rate at which the modality is computed.
        """
        selected = decisions.detach().double()
        prices = selected.new_tensor([self.segment_selected(m) for m in self.modalities])
        # [N, S, M] @ [M] is [N, S]; what does not depend on decisions is paid in every segment.
        return ((selected @ prices).sum(dim=1) + decisions.shape[1] * self.segment_fixed) / 1e9

    def by_video(self, decisions: Tensor) -> dict[str, Tensor]:
        """Return what each video costs: metric -> [N], from decisions [N, S, M].

        Evaluations report the means, tables of test videos have a column for each. To measure
        another cost, add a line.
        """
        return {"gflops": self.gflops(decisions)}

    def all_on(self, num_segments: int) -> float:
        """Return the GFLOPs of a video with everything computed, the policy included."""
        return float(self.gflops(torch.ones(1, num_segments, len(self.modalities))))


_COUNTED: dict[str, Costs] = {}


def count_costs(config: Config, num_classes: int) -> Costs:
    """Count one segment of the model of a config.

    >>> from adamml.recipes import tiny
    >>> costs = count_costs(tiny(), num_classes=8)
    >>> costs.recognition  # multiply-accumulates per segment
    {'rgb': 248832, 'audio': 184320}
    >>> decisions = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])  # rgb in a segment, audio in the next
    >>> round(float(costs.gflops(decisions)), 6)
    0.000852

    Nothing is computed: the model is built on the meta device, which has shapes only. Results are
    cached by all that a count depends on.

    Args:
        config: the trial's.
        num_classes: number of classes K.

    Raises:
        ValueError: an unknown backbone, policy or fusion.
        RuntimeError: sizes that a network cannot take.
    """
    # Where weights come from changes no count, and the meta device cannot load them.
    config = override(config, {p: "" for p in flatten(config) if p.endswith(".weights")})
    parts = ("modalities", "rgb", "motion", "audio", "recognition", "policy", "fusion", "fc2")
    key = fingerprint({"classes": num_classes} | {part: getattr(config, part) for part in parts})
    if key not in _COUNTED:
        with torch.device("meta"):
            _COUNTED[key] = _count(config, build_adamml(config, num_classes))
    return _COUNTED[key]


def count_macs(module: nn.Module, *inputs: Tensor | Sequence[Tensor]) -> int:
    """Count the multiply-accumulates of one call of a module, in eval mode.

    Args:
        module: any module; it is left in eval mode.
        inputs: positional arguments of the call.

    Raises:
        ValueError: a module inside that has parameters and is no norm counted zero. Either it was
            not called as a module, or FlopCounterMode does not know its operation (nn.LSTM on a
            CPU).
    """
    # torch.inference_mode would hide the operations from the counter, so no_grad.
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
            raise ValueError(
                f"every module with parameters must count above 0, got 0 for {path}: call it as a "
                "module, or use operations that torch's FlopCounterMode knows"
            )
    return int(counter.get_total_flops()) // 2  # torch counts a multiply and an add as two


def _count(config: Config, model: AdaMML) -> Costs:
    """Count every part of a model on the meta device, on one segment of one video."""
    recognition, classifier = {}, {}
    has_classifiers = not model.fusion.from_features
    for modality, net in model.networks.items():
        clip, features = segment_shape(config, modality), net.backbone.features
        recognition[modality] = count_macs(net.backbone, torch.empty(1, *clip))
        classifier[modality] = (
            count_macs(net.classifier, torch.empty(1, features)) if has_classifiers else 0
        )
    return Costs(
        modalities=config.modalities,
        recognition=recognition,
        classifier=classifier,
        **_count_policy(config, model.policy),
        fusion=_count_fusion(model),
        billed=_count_bill(config, model.policy, recognition),
    )


def _count_bill(config: Config, policy: Policy, recognition: dict[str, int]) -> Bill:
    """Return the released code's bill; a policy without networks is billed nothing (quirk 7)."""
    if not isinstance(policy, PolicyNetwork):
        return Bill(recognition=recognition, policy=dict.fromkeys(config.modalities, 0), lstm=0)
    billed = {
        m: count_macs(backbone, torch.empty(1, *billed_shape(config, m)))
        for m, backbone in policy.backbones.items()
    }
    return Bill(recognition=recognition, policy=billed, lstm=billed_lstm(config))


def _count_fusion(model: AdaMML) -> int:
    """Return the count of a fusion of features; one of logits is elementwise and counts 0."""
    if not model.fusion.from_features:
        return 0
    # Two axes before the features, N = S = 1.
    features = [torch.empty(1, 1, n.backbone.features) for n in model.networks.values()]
    return count_macs(model.fusion, features, torch.ones(1, 1, len(features)))


def _count_policy(config: Config, policy: Policy) -> dict[str, Any]:
    """Return the fields of Costs that concern the policy; all 0 for one without networks."""
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
