"""What retraining with fresh seeds left of the validation front: in the figure, and as a table."""

import html
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from analysis.runs import Study

TEST_FRONT = "#e0457b"
BAND = "rgba(224,69,123,0.15)"
EXPLANATION = (
    "Each configuration was trained anew with seeds that the search has not seen, with its own "
    "unimodal networks, and tested once per seed. Intervals are of 95%, from a hierarchical "
    "bootstrap over seeds and videos; differences to always-on fusion are taken on the same videos "
    "at the same seeds. On the front: how probable it is that none of the others dominates. "
    "Optimism: by how many points validation looked better when the configuration was chosen."
)


def add_confirmation(figure: go.Figure, study: Study) -> None:
    """The test front: the median attainment surface over seeds, the band from what any seed to what
    all seeds attain, and each configuration with its interval."""
    confirmation = study.confirmation
    if not confirmation:
        return
    surfaces = confirmation["attained"]
    if surfaces:
        for name, fill in (("worst", None), ("best", "tonexty")):
            figure.add_scatter(
                **_corners(surfaces[name]),
                mode="lines",
                line={"width": 0, "shape": "hv"},
                fill=fill,
                fillcolor=BAND,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            **_corners(surfaces["median"]),
            name="test front, median of fresh seeds",
            legendrank=1003,
            mode="lines",
            line={"color": TEST_FRONT, "width": 2, "shape": "hv", "dash": "dashdot"},
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
        marker={"symbol": "square", "size": 9, "color": TEST_FRONT},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * r["quality"]["high"] - m for r, m in zip(rows, means, strict=True)],
            "arrayminus": [m - 100 * r["quality"]["low"] for r, m in zip(rows, means, strict=True)],
            "color": TEST_FRONT,
            "thickness": 1.5,
        },
        text=[html.escape(str(row["name"])) for row in rows],
        hovertemplate="<b>%{text}</b>, retrained<br>%{y:.2f}% at %{x:.4g} GFLOPs on test"
        "<extra></extra>",
    )


def confirmation_table(study: Study) -> dict[str, list[Any]]:
    """Columns and rows of text; no rows where nothing was retrained."""
    columns = ["configuration", "seeds", study.title, "GFLOPs", "points to fusion"]
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


def _corners(surface: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {"x": surface["gflops"], "y": [100 * value for value in surface["quality"]]}
