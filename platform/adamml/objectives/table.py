"""The table of what a search optimises: names, directions, worst and best values, display.

Journals, searchers, schedulers, fronts and reports read this table. To add an objective: add a line
here, and measure a metric of its name: a cost in Costs.by_video (cost/flops.py), a quality in
measures() (objectives/quality.py). Torch is not imported: readers of journals need the table too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Extremes:
    """Facts of a study, fixed before its first trial, from which worst values follow."""

    chance_quality: float
    """Quality of guessing: one over the number of classes (for mAP, with one label per video)."""
    dearest_gflops: float
    """GFLOPs per video of the dearest always-on configuration that is searched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective:
    """One number per trial that a search makes as large, or as small, as it can."""

    direction: Literal["max", "min"]
    """Direction in which the objective improves, as Optuna and Ray Tune name it."""
    worst: Callable[[Extremes], float]
    """Value from which hypervolume is measured: a trial that is no better adds nothing."""
    best: float
    """Value that no trial can pass: 1 for a share, 0 for a cost."""
    label: str
    """Title of an axis or a column. Quality is titled by its kind: top-1 accuracy or mAP."""
    unit: str
    """Unit of the displayed number, with a space before it if one is written."""
    scale: float = 1.0
    """Factor from the number in a journal to the displayed number: 100 for percent."""
    number_format: str
    """Format specification of the displayed number, valid for format() and for plotly's d3."""
    width: int
    """Width of a column of these numbers in a table of text, in characters."""

    @property
    def maximised(self) -> bool:
        """True if more is better."""
        return self.direction == "max"

    def text(self, value: float) -> str:
        """Return the text that displays a value, with its unit.

        >>> OBJECTIVES["quality"].text(0.8254)
        '82.54%'
        >>> OBJECTIVES["gflops"].text(0.31)
        '0.31 GFLOPs'
        """
        return f"{self.scale * value:{self.number_format}}{self.unit}"

    @property
    def axis(self) -> str:
        """Title of an axis, with the unit in brackets unless the label has it."""
        unit = self.unit.strip()
        return self.label if not unit or unit in self.label else f"{self.label} ({unit})"


OBJECTIVES: dict[str, Objective] = {
    "quality": Objective(
        direction="max",
        worst=lambda extremes: extremes.chance_quality,
        best=1.0,
        label="Quality",
        unit="%",
        scale=100.0,
        number_format=".2f",
        width=7,
    ),
    "gflops": Objective(
        direction="min",
        worst=lambda extremes: extremes.dearest_gflops,
        best=0.0,
        label="GFLOPs per video",
        unit=" GFLOPs",
        number_format=".4g",
        width=7,
    ),
}
"""Key of a journal's metrics -> objective. Samplers and fronts see them in this order."""


def maximise() -> tuple[bool, ...]:
    """Return whether more is better, for each objective in the table's order."""
    return tuple(objective.maximised for objective in OBJECTIVES.values())


def worst_values(extremes: Extremes) -> tuple[float, ...]:
    """Return the corner from which hypervolume is measured, in the table's order."""
    return tuple(float(objective.worst(extremes)) for objective in OBJECTIVES.values())


def best_values() -> tuple[float, ...]:
    """Return the corner opposite to the worst values, in the table's order."""
    return tuple(objective.best for objective in OBJECTIVES.values())


def points(metrics: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Return the objectives of each entry as points [P, D], in the table's order.

    >>> points([{"quality": 0.9, "gflops": 2.0, "loss": 0.1}, {"quality": 0.8, "gflops": 1.0}])
    array([[0.9, 2. ],
           [0.8, 1. ]])

    Raises:
        ValueError: an objective was not measured.
    """
    rows = [[_value(entry, name) for name in OBJECTIVES] for entry in metrics]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(OBJECTIVES))


def _value(metrics: Mapping[str, float], name: str) -> float:
    if name not in metrics:
        raise ValueError(f"metrics must hold the objective {name!r}, got {sorted(metrics)}")
    return metrics[name]
