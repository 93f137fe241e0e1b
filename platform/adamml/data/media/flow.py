"""Optical flow by OpenCV, quantised as the field keeps it: clipped at a bound, 8 bits."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from adamml.tables import lookup

Array = np.ndarray[Any, Any]
Solver = Callable[[Array, Array], Array]


def _tvl1() -> Solver:
    solver = cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]
    return lambda before, after: np.asarray(solver.calc(before, after, None))


def _dis() -> Solver:
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    return lambda before, after: np.asarray(solver.calc(before, after, None))


ALGORITHMS: dict[str, Callable[[], Solver]] = {"tvl1": _tvl1, "dis": _dis}
"""name -> a solver of (grey before, grey after), uint8 [h, w] -> pixels, float32 [h, w, 2]."""
SMALLEST = 16
"""Below this side the solvers' image pyramids fail."""


def optical_flow(before: Array, after: Array, *, algorithm: str, bound: float) -> Array:
    """Where each pixel of one frame is found in another.

    Args:
        before, after: uint8 [n, 3, h, w], rgb.
        algorithm: an entry of ALGORITHMS.
        bound: in pixels; what is larger is clipped.

    Returns:
        uint8 [n, 2, h, w]: x, then y, by quantise().

    Raises:
        ValueError: frames smaller than SMALLEST, or an unknown algorithm.
    """
    if min(before.shape[-2:]) < SMALLEST:
        raise ValueError(
            f"flow needs frames of at least {SMALLEST} pixels, got {before.shape[-2:]}"
        )
    cv2.setNumThreads(1)  # slots and decoding processes share the cores already
    solve = lookup(ALGORITHMS, algorithm, what="flow algorithm")()
    flows = [solve(_grey(a), _grey(b)) for a, b in zip(before, after, strict=True)]
    return quantise(np.stack(flows).transpose(0, 3, 1, 2), bound)


def _grey(frame: Array) -> Array:
    return np.asarray(cv2.cvtColor(frame.transpose(1, 2, 0), cv2.COLOR_RGB2GRAY))


def quantise(flow: Array, bound: float) -> Array:
    """Pixels in [-bound, bound] -> uint8 in [0, 255], rounded; 0 becomes 128."""
    scaled = (np.clip(flow, -bound, bound) + bound) * (255 / (2 * bound))
    return np.floor(scaled + 0.5).astype(np.uint8)


def dequantise(flow: Array, bound: float) -> Array:
    """uint8 -> pixels, within bound / 255 of what was quantised."""
    return flow.astype(np.float32) * (2 * bound / 255) - bound
