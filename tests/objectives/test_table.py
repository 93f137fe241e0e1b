"""The table of objectives: a contract over its entries, and what is computed from it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adamml.objectives import table
from adamml.objectives.table import OBJECTIVES, Extremes

EXTREMES = Extremes(chance_quality=0.125, dearest_gflops=2.5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_a_best_value_beyond_its_worst(name: str) -> None:
    objective = OBJECTIVES[name]
    worst = objective.worst(EXTREMES)
    assert objective.best > worst if objective.maximised else objective.best < worst
    assert objective.direction in ("max", "min")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_is_shown_with_its_unit_in_its_width(name: str) -> None:
    objective = OBJECTIVES[name]
    text = objective.text(0.8254)
    assert text.endswith(objective.unit)
    assert len(text) - len(objective.unit) <= objective.width
    assert objective.axis.startswith(objective.label)


def test_the_search_sees_quality_first_and_gflops_second() -> None:
    assert list(OBJECTIVES)[:2] == ["quality", "gflops"]
    assert table.maximise()[:2] == (True, False)
    assert table.worst_values(EXTREMES)[:2] == (0.125, 2.5)
    assert table.best_values()[:2] == (1.0, 0.0)


def test_points_are_the_objectives_in_order_whatever_else_was_measured() -> None:
    metrics = [{"loss": 3.0, "gflops": 2.0, "quality": 0.9}, {"quality": 0.8, "gflops": 1.0}]
    assert table.points(metrics).tolist() == [[0.9, 2.0], [0.8, 1.0]]
    assert table.points([]).shape == (0, 2)
    with pytest.raises(ValueError, match=r"must hold the objective 'gflops', got \['quality'\]"):
        table.points([{"quality": 0.5}])


def test_a_third_objective_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = replace(OBJECTIVES["gflops"], worst=lambda bounds: 1e9, label="Parameters", unit="")
    monkeypatch.setitem(OBJECTIVES, "parameters", toy)
    assert table.maximise() == (True, False, False)
    assert table.worst_values(EXTREMES) == (0.125, 2.5, 1e9)
    points = table.points([{"quality": 0.5, "gflops": 1.0, "parameters": 7e6}])
    assert np.array_equal(points, [[0.5, 1.0, 7e6]])


def test_the_table_is_read_without_torch() -> None:
    program = "import sys, adamml.objectives.table; assert 'torch' not in sys.modules"
    platform = str(Path(table.__file__).parents[2])
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": platform})
