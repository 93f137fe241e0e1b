"""Released checkpoint files of the reference implementation, and what is in them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamml.models.reference.networks import Layout, fusion_of, without_prefix

CHANNELS = {1: "audio", 3: "rgb", 10: "flow", 15: "rgbdiff"}
"""Input channels of a network -> the modality that has them in the reference."""
DEPTHS = {
    (False, (2, 2, 2, 2)): 18,
    (False, (3, 4, 6, 3)): 34,
    (True, (3, 4, 6, 3)): 50,
    (True, (3, 4, 23, 3)): 101,
}
"""Whether blocks have a third convolution, and how many blocks each layer has -> ResNet depth."""
NO_RESNET = 50
"""Stands where there is no ResNet; nothing is built of it."""
_number = np.float64(0).__reduce__()[0]
NUMPY_NUMBERS: list[Any] = [
    _number,
    (_number, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64)),
]
"""What weights_only must also take: training scripts keep scores as numbers of NumPy, under the
names of NumPy 1 or 2."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of torch.save, alone or under "state_dict", without "module.".

    Raises:
        ValueError: the file holds something else, or more than weights_only takes.
        OSError: it cannot be read.
    """
    try:
        with torch.serialization.safe_globals(NUMPY_NUMBERS):
            held = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files fail in as many ways as there are bytes
        refused = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it holds {refused[1]}" if refused else "it is damaged or of another kind"
        raise ValueError(
            f"{path} must be a checkpoint of tensors and plain values: {reason}"
        ) from error
    if isinstance(held, dict) and isinstance(held.get("state_dict"), Mapping):
        held = held["state_dict"]
    if not isinstance(held, Mapping) or not held:
        raise ValueError(f"{path} must hold a state dict, got {type(held).__name__}")
    other = [str(key) for key, value in held.items() if not isinstance(value, Tensor)]
    if other:
        raise ValueError(f"{path} must hold tensors by name, got others at {', '.join(other[:8])}")
    return {name: held[key] for key, name in without_prefix(held).items()}


def layout_of(
    state: Mapping[str, Tensor],
    *,
    recognition: tuple[str, ...] | None = None,
    policy: tuple[str, ...] | None = None,
    depth: int | None = None,
    num_classes: int | None = None,
) -> Layout:
    """What a state dict holds; what is given is taken as it is, the rest is read from the shapes.

    Raises:
        ValueError: neither AdaMML nor a unimodal network of the reference, or a part of it whose
            shapes say nothing known; the keys are named.
    """
    adamml = any(key.startswith(("main_net.", "policy_net.")) for key in state)
    nets = _networks(state, r"main_net\.nets\.(\d+)\.") if adamml else {0: dict(state)}
    seen = _networks(state, r"policy_net\.joint_net\.nets\.(\d+)\.")
    if not nets:
        raise ValueError("the state dict has no recognition network: no key main_net.nets.0.*")
    depths = {_depth(net) for net in nets.values() if "conv1.weight" in net}
    if len(depths) > 1 and depth is None:
        raise ValueError(f"the ResNets must have one depth, got {sorted(depths)}")
    recognition = recognition or tuple(_modality(net) for net in nets.values())
    policy = policy or tuple(_modality(net) for net in seen.values())
    if adamml and not len(recognition) == len(policy) == len(nets):
        raise ValueError(
            f"recognition and policy modalities must be as many as the {len(nets)} recognition "
            f"networks, got {'+'.join(recognition)} and {'+'.join(policy) or 'none'}"
        )
    return Layout(
        recognition=recognition,
        policy=policy if adamml else None,
        depth=depth or next(iter(depths), NO_RESNET),
        num_classes=num_classes or _num_classes(next(iter(nets.values()))),
        fusion=fusion_of({k: tuple(v.shape) for k, v in state.items()}) if adamml else "weighted",
    )


def _networks(state: Mapping[str, Tensor], prefix: str) -> dict[int, dict[str, Tensor]]:
    """Number -> the state dict of that network."""
    networks: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        if match := re.match(prefix, key):
            networks.setdefault(int(match[1]), {})[key[match.end() :]] = tensor
    return dict(sorted(networks.items()))


def _modality(net: Mapping[str, Tensor]) -> str:
    first = net.get("conv1.weight", net.get("features.0.0.weight"))
    if first is None or first.dim() != 4:
        raise ValueError(
            "a network must begin with the convolution conv1.weight (ResNet) or "
            f"features.0.0.weight (MobileNetV2), got {', '.join(list(net)[:4])} ..."
        )
    if first.shape[1] not in CHANNELS:
        raise ValueError(f"input channels must be one of {CHANNELS}, got {first.shape[1]}")
    return CHANNELS[first.shape[1]]


def _depth(net: Mapping[str, Tensor]) -> int:
    blocks = [re.match(r"layer(\d)\.(\d+)\.", key) for key in net]
    numbers = [(match[1], int(match[2])) for match in blocks if match]
    counts = tuple(1 + max((n for at, n in numbers if at == x), default=-1) for x in "1234")
    kind = (any(re.match(r"layer\d\.\d+\.conv3\.", key) for key in net), counts)
    if kind not in DEPTHS:
        raise ValueError(
            f"layers of {counts} blocks {'with' if kind[0] else 'without'} a third convolution are "
            f"no ResNet-{', '.join(str(d) for d in DEPTHS.values())}"
        )
    return DEPTHS[kind]


def _num_classes(net: Mapping[str, Tensor]) -> int:
    for key in ("fc.bias", "fc.weight", "classifier.1.bias", "classifier.1.weight"):
        if key in net:
            return int(net[key].shape[0])
    raise ValueError("the number of classes must be given: no fc.* and no classifier.1.*")
