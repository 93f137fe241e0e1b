"""Optical flow by OpenCV, quantised as is usual in the field: clipped at a bound, in 8 bits."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adamml.tables import lookup

Solver = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
"""Function from two grey frames, [h, w] each, to displacements in pixels, [h, w, 2]."""


def _tvl1() -> Solver:
    solver = cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]
    return lambda before, after: np.asarray(solver.calc(before, after, None))


def _dis() -> Solver:
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    return lambda before, after: np.asarray(solver.calc(before, after, None))


ALGORITHMS: dict[str, Callable[[], Solver]] = {"tvl1": _tvl1, "dis": _dis}
"""Name of an algorithm -> function that sets up its solver."""
SMALLEST = 16
"""Shortest side of a frame, in pixels, with which the solvers' image pyramids work."""


def optical_flow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], *, algorithm: str, bound: float
) -> NDArray[np.uint8]:
    """Compute how far each pixel moves from one frame to another.

    Args:
        before: [n, 3, h, w], rgb.
        after: [n, 3, h, w], rgb.
        algorithm: an entry of ALGORITHMS.
        bound: largest displacement, in pixels; larger ones are clipped to it.

    Returns:
        [n, 2, h, w]: x, then y, quantised (quantise).

    Raises:
        ValueError: a side of the frames is below SMALLEST, or the algorithm is unknown.
    """
    if min(before.shape[-2:]) < SMALLEST:
        raise ValueError(
            f"flow needs frames of at least {SMALLEST} pixels, got {before.shape[-2:]}"
        )
    # Slots and decoding processes share the cores already.
    cv2.setNumThreads(1)
    solve = lookup(ALGORITHMS, algorithm, what="flow algorithm")()
    flows = [solve(_grey(a), _grey(b)) for a, b in zip(before, after, strict=True)]
    return quantise(np.stack(flows).transpose(0, 3, 1, 2), bound)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame.transpose(1, 2, 0), cv2.COLOR_RGB2GRAY), np.uint8)


def quantise(flow: NDArray[np.floating[Any]], bound: float) -> NDArray[np.uint8]:
    """Map displacements in [-bound, bound], in pixels, to 0..255; no displacement becomes 128.

    Reading x as (x / 255 * 2 - 1) * bound is at most bound / 255 off, for displacements within the
    bound.
    """
    scaled = (np.clip(flow, -bound, bound) + bound) * (255 / (2 * bound))
    # Halves go up, so that zero (127.5) becomes 128: np.rint would round halves to even.
    return np.asarray(np.floor(scaled + 0.5), np.uint8)
