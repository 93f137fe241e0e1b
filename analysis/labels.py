"""Names and numbers as figures, tables and reports print them."""

from typing import Any

METHODS = {"adamml": "AdaMML", "always_on": "always on", "published": "published setting"}
"""Name of a trial's method (key) in a legend."""
FIDELITIES = {"policy": "policy only", "joint": "jointly trained"}
"""Name of a fidelity (key) in legends and tables."""
GFLOPS_TITLE = "GFLOPs per video"
"""Title of an axis of computation."""
TITLES = {"accuracy": "accuracy (%)", "map": "mAP (%)"}
"""Title of an axis or a column of a quality (key)."""


def number(value: Any) -> str:
    """Format a hyperparameter's value: floats with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
