"""Weights of the reference implementation (IBM/AdaMML), under the names of our modules."""

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

MODALITIES = {"sound": "audio"}
"""The reference's word -> ours, where they differ."""

_EXPANDED = ("conv.0.0", "conv.0.1", "", "conv.1.0", "conv.1.1", "", "conv.2", "conv.3")
_UNEXPANDED = ("conv.0.0", "conv.0.1", "", "conv.1", "conv.2")


def from_reference(
    state_dict: Mapping[str, Tensor], modalities: Sequence[str]
) -> dict[str, Tensor]:
    """Rename a reference state dict so that AdaMML.load_state_dict(..., strict=True) takes it.

    Args:
        state_dict: of the reference's adamml model, a ResNet per visual modality and MobileNetV2
            for sound.
        modalities: ours, in the reference's order (its nets are numbered).
    """
    return {_renamed(key, modalities): tensor for key, tensor in state_dict.items()}


def _renamed(key: str, modalities: Sequence[str]) -> str:
    network, _, rest = key.removeprefix("module.").partition(".")
    if network == "main_net":
        return _main(rest, modalities)
    if rest.startswith("joint_net.nets."):
        number, _, name = rest.removeprefix("joint_net.nets.").partition(".")
        return f"policy.backbones.{modalities[int(number)]}.{_policy_block(name)}"
    if rest.startswith("fcs."):
        _, number, name = rest.split(".")
        return f"policy.heads.{modalities[int(number)]}.{name}"
    return f"policy.{rest.removeprefix('joint_net.')}"


def _main(rest: str, modalities: Sequence[str]) -> str:
    if rest == "lf_weights":
        return "fusion.free"
    _, number, name = rest.split(".", maxsplit=2)
    name = re.sub(r"^(fc|classifier\.1)\.", "classifier.", name)
    if not name.startswith("classifier."):
        name = f"backbone.{re.sub(r'^features', 'blocks', name)}"
    return f"recognition.{modalities[int(number)]}.{name}"


def _policy_block(name: str) -> str:
    """The policy's MobileNetV2 numbers the layers of a block in one row; torchvision nests them."""
    last = re.fullmatch(r"conv\.(\d\..+)", name)
    if last:
        return f"blocks.18.{last[1]}"
    block = re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(.+)", name)
    if not block:
        return re.sub(r"^features", "blocks", name)
    layers = _UNEXPANDED if block[1] == "1" else _EXPANDED
    return f"blocks.{block[1]}.{layers[int(block[2])]}.{block[3]}"
