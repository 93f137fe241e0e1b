"""Test front after retraining with fresh seeds, in the figure and as a table."""

import html
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from analysis.labels import RESULT
from analysis.layout import TEST
from analysis.runs import StudyRuns

BAND = "rgba(224,69,123,0.15)"
"""Colour of the area between what any seed and what all seeds attain."""
EXPLANATION = (
    "Each configuration was trained again, with seeds that the search did not use and with new "
    "unimodal networks, and was tested once per seed. The intervals are 95% intervals from a "
    "hierarchical bootstrap over seeds and videos. Points over fusion: the difference to always-on "
    "fusion on the same videos at the same seeds. On front: the probability that no other "
    "configuration dominates this one. Optimism: quality on validation, as the search measured it, "
    "minus quality on test, in points."
)
"""Text below the table."""


def add_confirmation(figure: go.Figure, study: StudyRuns) -> None:
    """Draw the test front: its median attainment surface over seeds, and each configuration.

    The band lies between what at least one seed attains and what all seeds attain. Configurations
    have error bars of 95%. Draws nothing if nothing was retrained.
    """
    confirmation = study.confirmation
    if not confirmation:
        return
    surfaces = confirmation["attained"]
    if surfaces:
        ends = [x for surface in surfaces.values() for x in surface["gflops"]]
        end = max(*ends, *(row["gflops"]["mean"] for row in confirmation["rows"]))
        for name, fill in (("worst", None), ("best", "tonexty")):
            figure.add_scatter(
                **_corners(surfaces[name], end),
                mode="lines",
                line={"width": 0, "shape": "hv"},
                fill=fill,
                fillcolor=BAND,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            **_corners(surfaces["median"], end),
            name="test front, median of fresh seeds",
            legendrank=1003,
            mode="lines",
            line={"color": TEST, "width": 2, "shape": "hv", "dash": "dashdot"},
            hoverinfo="skip",
        )
    rows = confirmation["rows"]
    means = [100 * row["quality"]["mean"] for row in rows]
    figure.add_scatter(
        x=[row["gflops"]["mean"] for row in rows],
        y=means,
        name="retrained with fresh seeds, on test",
        legendrank=1003,
        mode="markers",
        marker={"symbol": "square", "size": 9, "color": TEST},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * r["quality"]["high"] - m for r, m in zip(rows, means, strict=True)],
            "arrayminus": [m - 100 * r["quality"]["low"] for r, m in zip(rows, means, strict=True)],
            "color": TEST,
            "thickness": 1.5,
        },
        text=[html.escape(str(row["name"])) for row in rows],
        hovertemplate="<b>%{text}</b>, retrained<br>" + RESULT + " on test<extra></extra>",
    )


def confirmation_table(study: StudyRuns) -> dict[str, list[Any]]:
    """Return columns and rows of text; there are no rows if nothing was retrained."""
    columns = ["configuration", "seeds", study.title("quality"), "GFLOPs", "points over fusion"]
    columns += ["on front", "optimism"]
    rows = []
    for row in study.confirmation.get("rows", ()):
        quality, difference = row["quality"], row["difference"]
        cells = [str(row["name"]), str(len(row["seeds"])), _percent(quality, "")]
        cells += [f"{row['gflops']['mean']:.4g}", _percent(difference, "+") if difference else ""]
        cells.append(f"{100 * row['on_front']:.0f}%")
        searched = row["searched"].get("quality")
        cells.append("" if searched is None else f"{100 * (searched - quality['mean']):+.2f}")
        rows.append(cells)
    return {"columns": columns, "rows": rows}


def _percent(estimate: Mapping[str, float], sign: str) -> str:
    low, high = (f"{100 * estimate[end]:{sign}.1f}" for end in ("low", "high"))
    return f"{100 * estimate['mean']:{sign}.2f} ({low} to {high})"


def _corners(surface: Mapping[str, list[float]], end: float) -> dict[str, list[float]]:
    """Return the corners of a surface, quality in percent, with its last quality up to end."""
    x, y = list(surface["gflops"]), [100 * value for value in surface["quality"]]
    # Surfaces of one length: the band's fill joins their ends by a straight line.
    return {"x": [*x, end], "y": [*y, *y[-1:]]} if x else {"x": x, "y": y}
