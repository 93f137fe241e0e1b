"""Weights that a backbone starts from, if its config names any: ImageNet's, or those in a file.

ImageNet weights are torchvision's IMAGENET1K_V1, those of the paper's time. They are kept in
ADAMML_HOME/weights under torchvision's file names: downloaded once for all nodes, or put there by
hand where nodes have no network.

In a backbone for other than 3 channels, every channel of the first convolution gets the mean of the
kernels over their 3 channels, as in the released code (docs/paper.md 1.3, "Policy"). As there, it
is not rescaled by 3 / C: the batch norm that follows divides the scale out.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from adamml.config import BackboneConfig, Config
from adamml.home import home
from adamml.models.backbones import build_backbone
from adamml.models.shapes import channels
from adamml.models.weight_files import IMAGENET, abbreviate, download, read_weights

IMAGENET_BACKBONES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
)
"""Names of the backbones that torchvision has ImageNet weights for."""


def load_pretrained(backbone: nn.Module, config: BackboneConfig, field: str) -> None:
    """Load the weights that config.weights names into a backbone; with "" it stays as it is.

    A classifier among the weights (`fc` or `classifier`) is left out. Every other name must fit.

    Args:
        backbone: built from the same config.
        config: the backbone's.
        field: dotted path of config.weights, for messages.

    Raises:
        ValueError: there are no such weights, or they do not fit the backbone.
        OSError: the file cannot be read, or ImageNet weights cannot be downloaded.
    """
    path = _file_of(config, field)
    if path is not None:
        backbone.load_state_dict(_fitting(backbone, config, path, field))


def check_weights(config: Config) -> None:
    """Raise what load_pretrained would raise for a config, without downloading anything.

    Raises:
        ValueError: there are no such weights, or they do not fit their backbone.
        OSError: a file cannot be read.
    """
    for field, (backbone, depth) in _backbones(config).items():
        if backbone.weights == IMAGENET:
            _imagenet_url(backbone, field)
        elif path := _file_of(backbone, field):
            with torch.device("meta"):  # names and shapes are enough
                built = build_backbone(backbone, depth)
            _fitting(built, backbone, path, field)


def fetch_weights(config: Config) -> None:
    """Download the ImageNet weights that a config names, unless ADAMML_HOME has them.

    Raises:
        ValueError: a backbone that has no ImageNet weights.
        OSError: they cannot be downloaded.
    """
    for field, (backbone, _) in _backbones(config).items():
        _file_of(backbone, field)


def _backbones(config: Config) -> dict[str, tuple[BackboneConfig, int]]:
    """Return dotted path of a backbone's weights -> its config and the channels of its input."""
    recognition = {
        f"recognition.{m}.weights": (config.recognition[m], channels(config, m))
        for m in config.modalities
    }
    policy = {
        f"policy.backbones.{m}.weights": (config.policy.backbones[m], channels(config, source))
        for m, source in config.policy_inputs.items()
    }
    return recognition | policy


def _file_of(config: BackboneConfig, field: str) -> Path | None:
    """Return the file of weights that a backbone starts from, downloaded if need be."""
    if not config.weights:
        return None
    if config.weights != IMAGENET:
        return Path(config.weights)
    url, folder = _imagenet_url(config, field), home() / "weights"
    try:
        return download(url, folder)
    except OSError as error:
        raise OSError(
            f"{field}={IMAGENET}: the weights of {config.name} could not be downloaded from {url} "
            f"({error}); put that file into {folder}, or give a local one: {field}=FILE "
            "(.safetensors or .pth)"
        ) from error


def _imagenet_url(config: BackboneConfig, field: str) -> str:
    if config.name not in IMAGENET_BACKBONES:
        raise ValueError(
            f'{field} must be "" or a file for {config.name}, which has no ImageNet weights '
            f"(only {', '.join(IMAGENET_BACKBONES)} have), got {IMAGENET!r}"
        )
    if config.name == "mobilenet_v2" and config.multiplier != 1:
        raise ValueError(
            f'{field} must be "" or a file for mobilenet_v2 with multiplier {config.multiplier:g} '
            f"(ImageNet weights are for multiplier 1), got {IMAGENET!r}"
        )
    from torchvision.models import get_model_weights

    return str(get_model_weights(config.name)["IMAGENET1K_V1"].url)


def _fitting(
    backbone: nn.Module, config: BackboneConfig, path: Path, field: str
) -> dict[str, Tensor]:
    """Return a file's tensors under our names, without a classifier, for the backbone's channels.

    Raises:
        ValueError: names or shapes differ from the backbone's.
    """
    wanted = backbone.state_dict()
    given = {
        re.sub(r"^features\.", "blocks.", name): tensor
        for name, tensor in read_weights(path, field).items()
        if not re.match(r"(fc|classifier)\.", name)
    }
    first = next(iter(wanted))  # the kernels of the first convolution
    if first in given:
        given[first] = _for_channels(given[first], wanted[first].shape[1])
    if differences := _differences(wanted, given):
        raise ValueError(f"{field} must be weights of {config.name}, got {path}: {differences}")
    return given


def _for_channels(kernels: Tensor, depth: int) -> Tensor:
    """Turn kernels [K, 3, H, W] into [K, depth, H, W]; others than for 3 channels stay."""
    if kernels.dim() != 4 or kernels.shape[1] != 3 or depth == 3:
        return kernels
    return kernels.mean(dim=1, keepdim=True).repeat(1, depth, 1, 1)


def _differences(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Return in words how the names and shapes of two state dicts differ; "" if they do not."""
    # Files from before PyTorch 0.4.1 do not count batches; torch sets the count to zero then.
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in given if k not in wanted]
    differing = [
        f"{k} is {list(given[k].shape)}, not {list(tensor.shape)}"
        for k, tensor in wanted.items()
        if k in given and given[k].shape != tensor.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": differing}
    return "; ".join(f"{kind}: {abbreviate(names)}" for kind, names in kinds.items() if names)
