"""Our networks with weights from the state dicts of the released code (IBM/AdaMML, weights-v0.1).

An AdaMML state dict numbers its networks in the order of its command line. There as here the k-th
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
from adamml.models.weight_files import abbreviate
from adamml.recipes import kinetics_sounds

State = Mapping[str, Tensor]
Model = TypeVar("Model", bound=nn.Module)
OUR_NAMES = {"sound": "audio"}
"""The released code's name of a modality -> ours, where they differ."""
FUSION_KEY = "main_net.lf_weights"
"""Key of the free fusion weights in a state dict of AdaMML."""
KEYS_LISTED = 8
"""Number of keys that an error lists of each kind."""

# Layers of an inverted residual block: torchvision's name -> the released policy's. The first block
# does not expand its channels and so has one convolution less.
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
    """Contents of a released state dict: a unimodal network, or AdaMML."""

    recognition: tuple[str, ...]
    """Modalities of the recognition networks: our names, in the released code's order."""
    policy: tuple[str, ...] | None
    """Modalities that the policy looks at to decide about each of them; None for a unimodal
    network."""
    depth: int
    """Depth of the ResNets for visual modalities; audio has a MobileNetV2."""
    num_classes: int
    """Number of classes K."""
    fusion: str = "weighted"
    """Fusion: weighted (lf_weights is a vector), class_wise (a matrix) or average (there are no
    lf_weights)."""

    @property
    def config(self) -> Config:
        """Config of these networks: kinetics_sounds, changed where they differ.

        Raises:
            ValueError: modalities that a config does not take.
        """
        parent = kinetics_sounds(self.recognition)
        pairs = zip(self.recognition, self.policy or self.recognition, strict=True)
        resnets = {m: BackboneConfig(name=f"resnet{self.depth}") for m in self.recognition}
        sound = {m: net for m, net in parent.recognition.items() if m == "audio"}
        return replace(
            parent,
            data=replace(parent.data, num_classes=self.num_classes),
            recognition=resnets | sound,
            policy=replace(parent.policy, proxies={m: other for m, other in pairs if m != other}),
            fusion=self.fusion,
        )


def fusion_of(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return the fusion that the lf_weights of a state dict belong to.

    Args:
        shapes: key -> shape of the state dict.
    """
    if FUSION_KEY not in shapes:
        return "average"
    return "weighted" if len(shapes[FUSION_KEY]) == 1 else "class_wise"


def load_adamml(state: State, layout: Layout) -> AdaMML:
    """Build AdaMML with the weights of a released state dict, in eval mode.

    Args:
        state: its keys without the prefix "module.".
        layout: what it holds.

    Raises:
        ValueError: keys are missing or unexpected, or shapes differ; the message names them.
    """
    return _load(*_empty_adamml(layout), state)


def load_recognition(state: State, layout: Layout) -> RecognitionNetwork:
    """Build the one recognition network of a unimodal state dict, in eval mode.

    Args:
        state: its keys without the prefix "module.".
        layout: what it holds, with one modality.

    Raises:
        ValueError: keys are missing or unexpected, or shapes differ; the message names them.
    """
    (modality,) = layout.recognition
    with torch.device("meta"):
        network = build_recognition(layout.config, modality, layout.num_classes)
    names = {key: _recognition_name(key, modality) for key in network.state_dict()}
    return _load(network, names, state)


def check_adamml(shapes: Mapping[str, tuple[int, ...]], layout: Layout) -> None:
    """Raise the ValueError that load_adamml would raise for a state dict of these shapes."""
    _check_fit(*_empty_adamml(layout), shapes)


def without_prefix(keys: Iterable[str]) -> dict[str, str]:
    """Return each key -> the key without the prefix "module." of torch's data parallelism.

    Raises:
        ValueError: a key occurs with and without the prefix.
    """
    names = {key: key.removeprefix("module.") for key in keys}
    if twice := [key for key, name in names.items() if key != name and name in names]:
        raise ValueError(
            "keys must occur once, with or without the prefix module., "
            f"got {abbreviate(twice, KEYS_LISTED)}"
        )
    return names


def _empty_adamml(layout: Layout) -> tuple[AdaMML, dict[str, str]]:
    """Return a model without memory for its weights, and our key -> the released code's."""
    with torch.device("meta"):
        model = build_adamml(layout.config, layout.num_classes)
    return model, {key: _adamml_name(key, layout.recognition) for key in model.state_dict()}


def _load(model: Model, names: Mapping[str, str], state: State) -> Model:
    """Give a model on the meta device the tensors of a released state dict.

    Args:
        model: the model, which is also returned.
        names: our key -> the released code's.
        state: the released state dict.
    """
    _check_fit(model, names, {name: tuple(tensor.shape) for name, tensor in state.items()})
    ours = {key: state[names[key]].to(empty.dtype) for key, empty in model.state_dict().items()}
    model.load_state_dict(ours, assign=True)  # assign: meta tensors cannot be copied into
    return model.eval()


def _check_fit(
    model: nn.Module, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ValueError unless released keys and shapes are exactly those that a model needs."""
    wanted = {names[key]: tuple(empty.shape) for key, empty in model.state_dict().items()}
    differences = {
        "missing keys": [name for name in wanted if name not in shapes],
        "unexpected keys": sorted(set(shapes) - set(wanted)),
        "shapes that differ": [
            f"{name} {list(shapes[name])} in place of {list(shape)}"
            for name, shape in wanted.items()
            # A missing key counts as equal: it is listed above.
            if shapes.get(name, shape) != shape
        ],
    }
    parts = [
        f"{kind}: {abbreviate(keys, KEYS_LISTED)}" for kind, keys in differences.items() if keys
    ]
    if parts:
        raise ValueError(f"the state dict does not fit the model; {'; '.join(parts)}")


def _adamml_name(key: str, modalities: tuple[str, ...]) -> str:
    """Return the released code's name for a key of AdaMML."""
    part, _, rest = key.partition(".")
    if part == "fusion":
        return FUSION_KEY
    if part == "recognition":
        modality, _, name = rest.partition(".")
        number = modalities.index(modality)
        return f"main_net.nets.{number}.{_recognition_name(name, modality)}"
    # What is left belongs to the policy.
    module, _, name = rest.partition(".")
    if module == "lstm":
        return f"policy_net.lstm.{name}"
    if module == "joint":
        return f"policy_net.joint_net.joint.{name}"
    modality, _, name = name.partition(".")
    number = modalities.index(modality)
    if module == "heads":
        return f"policy_net.fcs.{number}.{name}"
    return f"policy_net.joint_net.nets.{number}.{_policy_block(name)}"


def _recognition_name(key: str, modality: str) -> str:
    """Return the released code's name for a key of a recognition network."""
    part, _, name = key.partition(".")
    if part == "classifier":
        return f"classifier.1.{name}" if modality == "audio" else f"fc.{name}"
    return re.sub(r"^blocks\.", "features.", name)


def _policy_block(name: str) -> str:
    """Return the released code's name for a key of a policy backbone.

    Its MobileNetV2 numbers the layers of a block in one row, while torchvision's, which ours is,
    nests them.
    """
    _, number, layer = name.split(".", maxsplit=2)
    layer, _, parameter = layer.rpartition(".")
    if number == "0":
        return f"features.0.{layer}.{parameter}"
    if number == "18":
        return f"conv.{layer}.{parameter}"
    layers = _UNEXPANDED if number == "1" else _EXPANDED
    return f"features.{number}.{layers[layer]}.{parameter}"
