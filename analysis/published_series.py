"""What the paper published for a study's dataset and task, drawn beside the study."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.published import LISTEN, published
from analysis.runs import Study

COLOUR = "#8c6d31"


def published_beside(study: Study) -> pd.DataFrame:
    """The rows that belong beside a study: its dataset and task, and single modalities of it.

    Empty where the study's recipe is not of a dataset of the paper.
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


def add_published(figure: go.Figure, study: Study) -> None:
    """One series, AdaMML filled; nothing where the study's recipe is not of a published dataset.

    Theirs is measured on the test split and billed by the paper's rule, ours counted on validation:
    the legend says so, and where their quality is mAP. The axis is widened for what has the study's
    task; single modalities may lie below it.
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
    shown = figure.layout.yaxis.range
    if shown is not None:
        lowest = rows["value"][rows["modalities"].str.contains("+", regex=False)].min()
        figure.layout.yaxis.range = [max(0.0, min(shown[0], lowest - 5)), shown[1]]


def describe_published(row: Any) -> str:
    """What hovering over a published point says."""
    lines = [f"<b>{row['method']}</b> (published), {row['modalities']}"]
    lines.append(f"{row['value']:.2f} {row['metric']} at {row['gflops']:.4g} GFLOPs")
    lines += [f"{m} in {100 * rate:.4g}% of segments" for m, rate in row["rates"].items()]
    for modality, (low, high) in row["implied_rates"].items():
        between = f"{100 * low:.4g}" if low == high else f"{100 * low:.4g} to {100 * high:.4g}"
        lines.append(f"{modality} in {between}%, to judge by the GFLOPs")
    return "<br>".join([*lines, *row["note"].split("; ")] if row["note"] else lines)


def _symbols(rows: pd.DataFrame) -> list[str]:
    ours = rows["method"].str.startswith("AdaMML")
    return ["triangle-up" if filled else "triangle-up-open" for filled in ours]
