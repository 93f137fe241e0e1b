"""Names and numbers as figures, tables and reports print them."""

from typing import Any

from adamml.objectives.table import OBJECTIVES

METHODS = {"adamml": "AdaMML", "always_on": "always on", "published": "published setting"}
"""Name of a trial's method (key) in a legend."""
FIDELITIES = {"policy": "policy only", "joint": "jointly trained"}
"""Name of a fidelity (key) in legends and tables."""
QUALITIES = {"accuracy": "accuracy", "map": "mAP"}
"""Name of a metric (key) that can be a study's quality."""
_QUALITY, _GFLOPS = OBJECTIVES["quality"], OBJECTIVES["gflops"]
RESULT = (
    f"%{{y:{_QUALITY.number_format}}}{_QUALITY.unit} at "
    f"%{{x:{_GFLOPS.number_format}}}{_GFLOPS.unit}"
)
"""Hover text of a point in the plane of GFLOPs (x) and quality (y), a template of plotly."""


def axis_title(objective: str, quality: str) -> str:
    """Return the title of an axis or a column of an objective.

    Args:
        objective: key of adamml.objectives.table.OBJECTIVES.
        quality: metric that is the study's quality, a key of QUALITIES.

    >>> axis_title("quality", "map"), axis_title("gflops", "map")
    ('mAP (%)', 'GFLOPs per video')
    """
    if objective == "quality":
        return f"{QUALITIES[quality]} ({OBJECTIVES[objective].unit})"
    return OBJECTIVES[objective].axis


def number(value: Any) -> str:
    """Format a hyperparameter's value: floats with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
