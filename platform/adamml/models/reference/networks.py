"""Networks from the state dicts of the reference implementation (IBM/AdaMML, weights-v0.1).

    PYTHONPATH=platform python -m adamml.models.reference check CASE.json
    PYTHONPATH=platform python -m adamml.models.reference load CHECKPOINT --out MODEL.safetensors

An AdaMML state dict numbers its networks in the order of its command line; there and here the k-th
decision belongs to the k-th recognition network, whatever the k-th policy backbone looks at.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from adamml.config import BackboneConfig, Config
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.recognition import RecognitionNetwork, build_recognition
from adamml.recipes import kinetics_sounds

State = Mapping[str, Tensor]
Model = TypeVar("Model", bound=nn.Module)
MODALITIES = {"sound": "audio"}
"""The reference's word -> ours, where they differ."""
FREE_WEIGHTS = "main_net.lf_weights"
NAMED = 8
"""Keys that an error names of each kind."""

_EXPANDED = {
    "conv.0.0": "conv.0",
    "conv.0.1": "conv.1",
    "conv.1.0": "conv.3",
    "conv.1.1": "conv.4",
    "conv.2": "conv.6",
    "conv.3": "conv.7",
}
_UNEXPANDED = {"conv.0.0": "conv.0", "conv.0.1": "conv.1", "conv.1": "conv.3", "conv.2": "conv.4"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a reference state dict holds: a unimodal network, or AdaMML."""

    recognition: tuple[str, ...]
    """Our names of the modalities, in the reference's order."""
    policy: tuple[str, ...] | None
    """What the policy looks at to decide about each of them; None: a unimodal network."""
    depth: int
    """Of the ResNets for visual modalities; audio has a MobileNetV2."""
    num_classes: int
    fusion: str = "weighted"
    """weighted; the released code also has average (no lf_weights) and class_wise (a matrix)."""

    @property
    def config(self) -> Config:
        """kinetics_sounds with these networks.

        Raises:
            ValueError: modalities that a config does not take.
        """
        parent = kinetics_sounds(self.recognition)
        seen = zip(self.recognition, self.policy or self.recognition, strict=True)
        resnets = {m: BackboneConfig(name=f"resnet{self.depth}") for m in self.recognition}
        sound = {m: net for m, net in parent.recognition.items() if m == "audio"}
        return replace(
            parent,
            data=replace(parent.data, num_classes=self.num_classes),
            recognition=resnets | sound,
            policy=replace(parent.policy, proxies={m: other for m, other in seen if m != other}),
            fusion=self.fusion,
        )


def fusion_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The fusion that a state dict's lf_weights belong to, from key -> shape."""
    if FREE_WEIGHTS not in shapes:
        return "average"
    return "weighted" if len(shapes[FREE_WEIGHTS]) == 1 else "class_wise"


def load_adamml(state: State, layout: Layout) -> AdaMML:
    """AdaMML in eval mode with the weights of a reference state dict, without prefixes.

    Raises:
        ValueError: keys that are missing or unexpected, or shapes that differ; they are named.
    """
    return _filled(*_empty_adamml(layout), state)


def load_recognition(state: State, layout: Layout) -> RecognitionNetwork:
    """The same for a unimodal state dict: the one recognition network of the layout."""
    (modality,) = layout.recognition
    with torch.device("meta"):
        network = build_recognition(layout.config, modality, layout.num_classes)
    names = {key: _recognition_name(key, modality) for key in network.state_dict()}
    return _filled(network, names, state)


def check_adamml(shapes: Mapping[str, tuple[int, ...]], layout: Layout) -> None:
    """Raise as load_adamml would of a state dict of these shapes."""
    _check(*_empty_adamml(layout), shapes)


def without_prefix(keys: Iterable[str]) -> dict[str, str]:
    """key -> the same without the "module." that data parallelism puts before it.

    Raises:
        ValueError: a key that is there with and without it.
    """
    names = {key: key.removeprefix("module.") for key in keys}
    if twice := [key for key, name in names.items() if key != name and name in names]:
        raise ValueError(f"keys must be there once, with or without module., got {_some(twice)}")
    return names


def _empty_adamml(layout: Layout) -> tuple[AdaMML, dict[str, str]]:
    """The model without memory for its weights; our key -> the reference's."""
    with torch.device("meta"):
        model = build_adamml(layout.config, layout.num_classes)
    return model, {key: _adamml_name(key, layout.recognition) for key in model.state_dict()}


def _filled(model: Model, names: Mapping[str, str], state: State) -> Model:
    _check(model, names, {name: tuple(tensor.shape) for name, tensor in state.items()})
    filled = {key: state[names[key]].to(empty.dtype) for key, empty in model.state_dict().items()}
    model.load_state_dict(filled, assign=True)
    return model.eval()


def _check(
    model: nn.Module, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    wanted = {names[key]: tuple(empty.shape) for key, empty in model.state_dict().items()}
    found = {
        "missing keys": [name for name in wanted if name not in shapes],
        "unexpected keys": sorted(set(shapes) - set(wanted)),
        "shapes that differ": [
            f"{name} {list(shapes[name])} in place of {list(shape)}"
            for name, shape in wanted.items()
            if shapes.get(name, shape) != shape
        ],
    }
    if any(found.values()):
        parts = [f"{what}: {_some(which)}" for what, which in found.items() if which]
        raise ValueError(f"the state dict does not fit the model; {'; '.join(parts)}")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _adamml_name(key: str, modalities: tuple[str, ...]) -> str:
    part, _, rest = key.partition(".")
    if part == "fusion":
        return FREE_WEIGHTS
    if part == "recognition":
        modality, _, name = rest.partition(".")
        number = modalities.index(modality)
        return f"main_net.nets.{number}.{_recognition_name(name, modality)}"
    what, _, name = rest.partition(".")
    if what == "lstm":
        return f"policy_net.lstm.{name}"
    if what == "joint":
        return f"policy_net.joint_net.joint.{name}"
    modality, _, name = name.partition(".")
    number = modalities.index(modality)
    if what == "heads":
        return f"policy_net.fcs.{number}.{name}"
    return f"policy_net.joint_net.nets.{number}.{_policy_block(name)}"


def _recognition_name(key: str, modality: str) -> str:
    part, _, name = key.partition(".")
    if part == "classifier":
        return f"classifier.1.{name}" if modality == "audio" else f"fc.{name}"
    return re.sub(r"^blocks\.", "features.", name)


def _policy_block(name: str) -> str:
    """The policy's MobileNetV2 numbers the layers of a block in one row; torchvision nests them."""
    _, number, layer = name.split(".", maxsplit=2)
    layer, _, parameter = layer.rpartition(".")
    if number == "0":
        return f"features.0.{layer}.{parameter}"
    if number == "18":
        return f"conv.{layer}.{parameter}"
    row = _UNEXPANDED if number == "1" else _EXPANDED
    return f"features.{number}.{row[layer]}.{parameter}"
