"""What a backbone starts from, where its config names weights: ImageNet's, or those in a file.

ImageNet weights are torchvision's IMAGENET1K_V1, those of the paper's time. They are kept in
ADAMML_HOME/weights under torchvision's file names: downloaded once for all nodes, or put there by
hand where nodes have no network. A backbone for other than 3 channels gets the mean of the first
convolution's kernels over its 3 channels, once per channel, as in the reference (paper.md 1.3). As
there it is not rescaled by 3 / C: the batch norm that follows divides the scale out.
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
from adamml.models.weight_files import IMAGENET, download, read_weights, some

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
"""Those that torchvision has ImageNet weights for."""


def load_pretrained(backbone: nn.Module, config: BackboneConfig, field: str) -> None:
    """Give a backbone the weights that config.weights names; with "" it stays as it is.

    A classifier among them (`fc` or `classifier`) is left out; every other name must fit.

    Args:
        field: the dotted path of config.weights, for messages.

    Raises:
        ValueError: there are no such weights, or they do not fit the backbone.
        OSError: the file cannot be read, or ImageNet weights cannot be downloaded.
    """
    path = _file_of(config, field)
    if path is not None:
        backbone.load_state_dict(_fitting(backbone, config, path, field))


def check_weights(config: Config) -> None:
    """Find what load_pretrained would refuse in a config, without downloading anything.

    Raises:
        ValueError, OSError: as load_pretrained.
    """
    for field, (backbone, depth) in _backbones(config).items():
        if backbone.weights == IMAGENET:
            _imagenet_url(backbone, field)
        elif path := _file_of(backbone, field):
            with torch.device("meta"):
                built = build_backbone(backbone, depth)
            _fitting(built, backbone, path, field)


def fetch_weights(config: Config) -> None:
    """Download the ImageNet weights that a config names, unless the home has them.

    Raises:
        ValueError, OSError: as load_pretrained.
    """
    for field, (backbone, _) in _backbones(config).items():
        _file_of(backbone, field)


def _backbones(config: Config) -> dict[str, tuple[BackboneConfig, int]]:
    """Dotted path of its weights -> each backbone's config, and the channels it is built for."""
    recognition = {
        f"recognition.{m}.weights": (config.recognition[m], channels(config, m))
        for m in config.modalities
    }
    policy = {
        f"policy.backbones.{m}.weights": (config.policy.backbones[m], channels(config, seen))
        for m, seen in config.seen.items()
    }
    return recognition | policy


def _file_of(config: BackboneConfig, field: str) -> Path | None:
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
    """A file's tensors under our names, without its classifier, for the backbone's channels."""
    wanted = backbone.state_dict()
    given = {
        re.sub(r"^features\.", "blocks.", name): tensor
        for name, tensor in read_weights(path, field).items()
        if not re.match(r"(fc|classifier)\.", name)
    }
    first = next(iter(wanted))  # the kernels of the first convolution
    if first in given:
        given[first] = _inflated(given[first], wanted[first].shape[1])
    if faults := _faults(wanted, given):
        raise ValueError(f"{field} must be weights of {config.name}, got {path}: {faults}")
    return given


def _inflated(kernels: Tensor, depth: int) -> Tensor:
    """[K, 3, H, W] -> [K, depth, H, W]; kernels for other than 3 channels stay as they are."""
    if kernels.dim() != 4 or kernels.shape[1] != 3 or depth == 3:
        return kernels
    return kernels.mean(dim=1, keepdim=True).repeat(1, depth, 1, 1)


def _faults(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    # Files from before PyTorch 0.4.1 do not count batches; torch sets the count to zero then.
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in given if k not in wanted]
    differing = [
        f"{k} is {list(given[k].shape)}, not {list(tensor.shape)}"
        for k, tensor in wanted.items()
        if k in given and given[k].shape != tensor.shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": differing}
    return "; ".join(f"{kind}: {some(names)}" for kind, names in kinds.items() if names)
