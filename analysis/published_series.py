"""Results that the paper published for a study's dataset and task, drawn beside the study."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.published import LISTEN, published
from analysis.runs import StudyRuns

COLOUR = "#8c6d31"
"""Colour of published results."""


def published_beside(study: StudyRuns) -> pd.DataFrame:
    """Return the published rows of a study's dataset and task, and of the task's single modalities.

    There are none if the paper has no results on the dataset of the study's recipe.
    """
    rows = published()
    runs = study.runs.reindex(columns=["params.recipe", "params.modalities"]).dropna()
    if runs.empty:
        return rows[:0]
    recipe, task = runs.iloc[0]
    seen = rows["modalities"].str.split("+")
    same_task = seen.map(lambda names: set(names) == set(task))
    one_of_it = seen.map(lambda names: len(names) == 1 and names[0] in task)
    comparable = (rows["dataset"] == recipe) & (rows["table"] != LISTEN)
    return rows[comparable & (same_task | one_of_it)]


def add_published(figure: go.Figure, study: StudyRuns) -> None:
    """Draw the published results as one series, AdaMML's filled; nothing if there are none.

    Published results are measured on the test split and billed by the paper's rule; the study's are
    measured on validation, with counted GFLOPs. The legend names split and metric. The axis is
    widened for results of the study's task; those of single modalities may lie below it.
    """
    rows = published_beside(study)
    if rows.empty:
        return
    metric = rows["metric"].iloc[0]
    figure.add_scatter(
        x=rows["gflops"],
        y=rows["value"],
        name="published, on test" if metric == "top-1" else f"published, {metric} on test",
        legendrank=1009,
        mode="markers",
        marker={
            "symbol": _symbols(rows),
            "size": 11,
            "color": COLOUR,
            "line": {"width": 2, "color": COLOUR},
        },
        text=[describe_published(row) for _, row in rows.iterrows()],
        hovertemplate="%{text}<extra></extra>",
    )
    limits = figure.layout.yaxis.range
    if limits is not None:
        lowest = rows["value"][rows["modalities"].str.contains("+", regex=False)].min()
        figure.layout.yaxis.range = [max(0.0, min(limits[0], lowest - 5)), limits[1]]


def describe_published(row: Any) -> str:
    """Return the text shown while the pointer is over a published result."""
    lines = [f"<b>{row['method']}</b> (published), {row['modalities']}"]
    lines.append(f"{row['value']:.2f} {row['metric']} at {row['gflops']:.4g} GFLOPs")
    lines += [f"{m} in {100 * rate:.4g}% of segments" for m, rate in row["rates"].items()]
    for modality, (low, high) in row["implied_rates"].items():
        between = f"{100 * low:.4g}" if low == high else f"{100 * low:.4g} to {100 * high:.4g}"
        lines.append(f"{modality} in {between}% of segments, computed from the GFLOPs")
    return "<br>".join([*lines, *row["note"].split("; ")] if row["note"] else lines)


def _symbols(rows: pd.DataFrame) -> list[str]:
    ours = rows["method"].str.startswith("AdaMML")
    return ["triangle-up" if filled else "triangle-up-open" for filled in ours]
