"""Golden cases: outputs of the released code for weights and inputs that follow from a rule.

tests/golden/README.md has the rule; case_file.py reads the files.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamml.models.reference.networks import Layout, without_prefix

CHANNELS = {"rgb": 3, "flow": 10, "rgbdiff": 15}
"""Visual modality -> channels of one frame in the released code."""
SOUND_PIXELS = 256
"""Frequency bins, and time steps, of a spectrogram."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One golden case; modalities have our names."""

    name: str
    """Name of the case, "" if it has none."""
    layout: Layout
    """Networks of the model."""
    inputs: tuple[str, ...]
    """Modalities of the input."""
    seed: int
    """Seed of the input."""
    num_videos: int
    """Number of videos N."""
    num_segments: int
    """Number of segments per video S."""
    frames: int
    """Number of frames per segment F. The released code runs with 1, 2, 4 and 8 only: its networks
    halve the count rounding down while their poolings round up. A case with another number checks
    the rule of models/temporal.py."""
    pixels: int
    """Height and width of a frame in pixels."""
    shapes: dict[str, tuple[int, ...]]
    """Key in the released code's state dict, "module." included -> shape."""
    decisions: Tensor
    """Decisions [N, S, M] of some outputs."""
    targets: Tensor
    """True classes [N]."""
    lambdas: dict[str, float]
    """Modality -> weight of its usage in the loss."""
    gamma: float
    """Weight of the penalty for being wrong."""
    expected: dict[str, Tensor]
    """Name of an output -> its values, float64, rounded to 6 decimals."""

    def weights(self) -> dict[str, Tensor]:
        """Return the state dict that the rule gives, keys without "module."."""
        named = without_prefix(self.shapes)
        return {named[key]: weight(key, shape) for key, shape in self.shapes.items()}

    def clips(self) -> dict[str, Tensor]:
        """Return the input that the rule gives: modality -> [N, S, F, C, H, W].

        Audio is [N, S, 1, 1, 256, 256].
        """
        return {m: self._clips(m) for m in self.inputs}

    def _clips(self, modality: str) -> Tensor:
        videos, pixels = (self.num_videos, self.num_segments), (self.pixels, self.pixels)
        if modality == "audio":
            draws = _rng(f"input/sound/{self.seed}").standard_normal((*videos, *[SOUND_PIXELS] * 2))
            return torch.from_numpy(draws.astype(np.float32))[:, :, None, None]
        draws = _rng(f"input/{modality}/{self.seed}").standard_normal(
            (*videos, self.frames, CHANNELS[modality], *pixels)
        )
        return torch.from_numpy(draws.astype(np.float32))


def weight(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return the tensor that the rule gives to a key of the released code's state dict."""
    # The first line of the rule that fits counts: lf_weights, too, may have one dimension.
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    z = np.asarray(_rng(key).standard_normal(shape))
    if key.endswith("running_var"):
        z = np.exp(0.1 * z)
    elif key.endswith(("running_mean", "bias")) or ".bias_" in key:
        z = 0.1 * z
    elif key.endswith("lf_weights"):
        z = 1 / (shape[0] + 1) + 0.05 * z
    elif len(shape) == 1:
        z = 1 + 0.1 * z
    else:
        z = z * math.sqrt(2 / math.prod(shape[1:]))
    return torch.from_numpy(z.astype(np.float32))


def _rng(name: str) -> np.random.Generator:
    """Return the generator that the rule names after a key or an input."""
    return np.random.default_rng(zlib.crc32(name.encode()))
