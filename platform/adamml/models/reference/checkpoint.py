"""Checkpoint files of the released code: reading them, and telling what they hold."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamml.models.reference.networks import Layout, fusion_of, without_prefix

CHANNELS = {1: "audio", 3: "rgb", 10: "flow", 15: "rgbdiff"}
"""Input channels of a network -> the modality that has them in the released code."""
DEPTHS = {
    (False, (2, 2, 2, 2)): 18,
    (False, (3, 4, 6, 3)): 34,
    (True, (3, 4, 6, 3)): 50,
    (True, (3, 4, 23, 3)): 101,
}
"""(third convolution per block or not, number of blocks per layer) -> depth of the ResNet."""
UNUSED_DEPTH = 50
"""Depth in a layout without ResNets, where it is not used."""
# The function by which NumPy pickles a scalar; NumPy does not export it.
_number = np.float64(0).__reduce__()[0]
NUMPY_NUMBERS: list[Any] = [
    _number,
    (_number, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64)),
]
"""Globals that a checkpoint may name besides torch's own: training scripts store scores as NumPy
scalars, under the names of NumPy 1 or 2."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a file written by torch.save, keys without the prefix "module.".

    The file holds the state dict itself or a dict with it under "state_dict". Code in a pickle is
    not run (torch's weights_only).

    Raises:
        ValueError: the file is damaged, has no state dict, or holds objects other than tensors and
            plain values.
        OSError: it cannot be read.
    """
    try:
        with torch.serialization.safe_globals(NUMPY_NUMBERS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files fail in as many ways as there are bytes
        refused = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it holds {refused[1]}" if refused else "it is damaged or of another kind"
        raise ValueError(
            f"{path} must be a checkpoint of tensors and plain values: {reason}"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"{path} must hold a state dict, got {type(content).__name__}")
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise ValueError(f"{path} must hold tensors by name, got others at {', '.join(others[:8])}")
    return {name: content[key] for key, name in without_prefix(content).items()}


def layout_of(
    state: Mapping[str, Tensor],
    *,
    recognition: tuple[str, ...] | None = None,
    policy: tuple[str, ...] | None = None,
    depth: int | None = None,
    num_classes: int | None = None,
) -> Layout:
    """Return what a state dict holds, read from its keys and shapes.

    Args:
        state: keys without the prefix "module.".
        recognition: modalities of the recognition networks, in place of those that input channels
            tell.
        policy: modalities that the policy looks at, likewise.
        depth: depth of the ResNets, in place of what their blocks tell.
        num_classes: number of classes, in place of what the classifier tells.

    Raises:
        ValueError: it is neither AdaMML nor a unimodal network of the released code, or its shapes
            do not tell a part that was not given; the message names keys.
    """
    adamml = any(key.startswith(("main_net.", "policy_net.")) for key in state)
    # A unimodal checkpoint is one network, whose keys have no prefix.
    nets = _networks(state, r"main_net\.nets\.(\d+)\.") if adamml else {0: dict(state)}
    policy_nets = _networks(state, r"policy_net\.joint_net\.nets\.(\d+)\.")
    if not nets:
        raise ValueError("the state dict has no recognition network: no key main_net.nets.0.*")
    # MobileNetV2 has no conv1.weight, and only one depth.
    depths = {_depth(net) for net in nets.values() if "conv1.weight" in net}
    if len(depths) > 1 and depth is None:
        raise ValueError(f"the ResNets must have one depth, got {sorted(depths)}")
    # Channels are looked at only where modalities are not given: others than ours raise.
    recognition = recognition or tuple(_modality(net) for net in nets.values())
    policy = policy or tuple(_modality(net) for net in policy_nets.values())
    if adamml and not len(recognition) == len(policy) == len(nets):
        raise ValueError(
            f"recognition and policy modalities must be as many as the {len(nets)} recognition "
            f"networks, got {'+'.join(recognition)} and {'+'.join(policy) or 'none'}"
        )
    return Layout(
        recognition=recognition,
        policy=policy if adamml else None,
        depth=depth or next(iter(depths), UNUSED_DEPTH),
        num_classes=num_classes or _num_classes(next(iter(nets.values()))),
        fusion=fusion_of({k: tuple(v.shape) for k, v in state.items()}) if adamml else "weighted",
    )


def _networks(state: Mapping[str, Tensor], prefix: str) -> dict[int, dict[str, Tensor]]:
    """Return number -> the state dict of that network, for keys that match prefix."""
    networks: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        if match := re.match(prefix, key):
            networks.setdefault(int(match[1]), {})[key[match.end() :]] = tensor
    return dict(sorted(networks.items()))


def _modality(net: Mapping[str, Tensor]) -> str:
    """Return the modality that the input channels of a network belong to."""
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
    """Return the depth of a ResNet, from the numbers of its blocks."""
    blocks = [re.match(r"layer(\d)\.(\d+)\.", key) for key in net]
    numbers = [(match[1], int(match[2])) for match in blocks if match]
    # The highest block number of each layer, plus 1; 0 where a layer has none.
    counts = tuple(1 + max((n for layer, n in numbers if layer == x), default=-1) for x in "1234")
    kind = (any(re.match(r"layer\d\.\d+\.conv3\.", key) for key in net), counts)
    if kind not in DEPTHS:
        raise ValueError(
            f"layers of {counts} blocks {'with' if kind[0] else 'without'} a third convolution are "
            f"no ResNet-{', '.join(str(d) for d in DEPTHS.values())}"
        )
    return DEPTHS[kind]


def _num_classes(net: Mapping[str, Tensor]) -> int:
    """Return the number of classes of a network, from the shape of its classifier."""
    for key in ("fc.bias", "fc.weight", "classifier.1.bias", "classifier.1.weight"):
        if key in net:
            return int(net[key].shape[0])
    raise ValueError(
        "the number of classes must be given (--classes): there is no fc.* and no classifier.1.*"
    )
