"""Golden cases: a model of the reference, its weights and inputs given by a rule, its outputs.

tests/golden/README.md has the rule; reference_case_file.py reads the files.
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from adamml.models.reference.networks import Layout, without_prefix

CHANNELS = {"rgb": 3, "flow": 10, "rgbdiff": 15}
"""Of one frame of a visual modality in the reference."""
SOUND_PIXELS = 256


@dataclass(frozen=True, kw_only=True)
class Case:
    """Modalities have our names."""

    name: str
    layout: Layout
    inputs: tuple[str, ...]
    """The modalities that there is input of."""
    seed: int
    num_videos: int
    num_segments: int
    frames: int
    """Of a segment. The released code runs with 1, 2, 4 and 8 only, as its networks halve the count
    rounding down while their poolings round up; with others the rule of temporal.py is checked."""
    pixels: int
    shapes: dict[str, tuple[int, ...]]
    """Of the weights, by their names in the reference, "module." included."""
    decisions: Tensor
    """[N, S, M]."""
    targets: Tensor
    """[N]."""
    lambdas: dict[str, float]
    gamma: float
    expected: dict[str, Tensor]
    """Output -> its values, float64, rounded to 6 decimals."""

    def weights(self) -> dict[str, Tensor]:
        """The state dict by the rule, without "module."."""
        named = without_prefix(self.shapes)
        return {named[key]: weight(key, shape) for key, shape in self.shapes.items()}

    def clips(self) -> dict[str, Tensor]:
        """Modality -> [N, S, F, C, H, W] by the rule; audio [N, S, 1, 1, 256, 256]."""
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
    """The weight that the rule gives to a key of the reference's state dict."""
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
    return np.random.default_rng(zlib.crc32(name.encode()))
