"""Optical flow of known displacements, and its 8 bits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from adamml.data.media.flow import ALGORITHMS, optical_flow, quantise

BOUND = 20.0
SHIFT = (3, -2)
"""Pixels to the right, and up."""


def dequantise(flow: np.ndarray) -> np.ndarray:
    """Map 0..255 back to pixels, as networks' inputs are described (flow.quantise)."""
    return flow.astype(np.float32) * (2 * BOUND / 255) - BOUND


def shifted_pair() -> tuple[np.ndarray, np.ndarray]:
    """Smooth noise, and the same noise shifted by SHIFT: uint8 [1, 3, 60, 72]."""
    torch.manual_seed(0)
    noise = F.interpolate(torch.rand(1, 3, 10, 12), size=(80, 96), mode="bicubic").clamp(0, 1)
    frames = (noise * 255).to(torch.uint8).numpy()
    x, y = SHIFT
    return frames[..., 10:70, 12:84], frames[..., 10 - y : 70 - y, 12 - x : 84 - x]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_known_shift_is_found(algorithm: str) -> None:
    before, after = shifted_pair()
    flow = optical_flow(before, after, algorithm=algorithm, bound=BOUND)
    assert (flow.dtype, flow.shape) == (np.uint8, (1, 2, 60, 72))
    inner = dequantise(flow)[0, :, 12:-12, 12:-12]
    assert np.median(inner, axis=(1, 2)) == pytest.approx(SHIFT, abs=0.3)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_nothing_moves_between_equal_frames(algorithm: str) -> None:
    before, _ = shifted_pair()
    assert np.abs(
        dequantise(optical_flow(before, before, algorithm=algorithm, bound=BOUND))
    ).max() == pytest.approx(0, abs=0.2)


def test_quantising_loses_half_a_step_and_clips() -> None:
    values = np.linspace(-BOUND, BOUND, 1001, dtype=np.float32)
    restored = dequantise(quantise(values, BOUND))
    assert np.abs(restored - values).max() <= BOUND / 255 + 1e-5
    assert quantise(np.array([-99.0, 0.0, 99.0]), BOUND).tolist() == [0, 128, 255]


def test_frames_too_small_for_a_pyramid_are_refused() -> None:
    tiny = np.zeros((1, 3, 8, 64), np.uint8)
    with pytest.raises(ValueError, match="at least 16 pixels"):
        optical_flow(tiny, tiny, algorithm="dis", bound=BOUND)
