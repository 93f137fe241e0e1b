"""Operating points, in the figure and in words: trained trials under a bias on their decisions."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from adamml.objectives.table import OBJECTIVES, maximise
from adamml.statistics.fronts import non_dominated

from analysis.labels import RESULT
from analysis.runs import StudyRuns

BIAS = "bias."
"""Prefix of the columns that hold the bias of each modality."""
FRONT, CURVE = "#7a5cd6", "#7f8c8d"
"""Colours of the front over all operating points and of one trial's curve."""
FRONT_NAME = "front with operating points"
"""Name of the front over all operating points in the legend."""


def add_operating_points(figure: go.Figure, study: StudyRuns) -> None:
    """Draw the front over all trials with their operating points, and the chosen trial's curve."""
    points = study.operating_points
    if points.empty:
        return
    trials = study.finished[study.finished["kind"] == "trial"]
    everything = pd.concat([points, trials[~trials["id"].isin(points["id"])]])[points.columns]
    mask = non_dominated(everything[list(OBJECTIVES)], maximise=maximise())
    front = everything[mask].sort_values("gflops").drop_duplicates(list(OBJECTIVES))
    _add_line(figure, study, front, FRONT_NAME, rank=1000, colour=FRONT, shape="hv")
    for _, run in study.runs[study.runs["chosen"].astype(bool)].iterrows():
        curve = points[points["id"] == run["id"]].sort_values("gflops")
        name = f"operating points of {html.escape(str(run['name']))}"
        _add_line(figure, study, curve, name, rank=1001, colour=CURVE, shape="linear")


def chosen_place(study: StudyRuns, run: Any) -> tuple[float, float]:
    """Return GFLOPs and quality of a run on validation, under the bias with which it was chosen.

    Raises:
        ValueError: the run has a bias that belongs to none of its operating points.
    """
    bias: dict[str, float] | None = run["operating_point"]
    if not bias:
        return run["gflops"], run["quality"]
    points = study.operating_points
    same = points["id"] == run["id"]
    for modality, value in bias.items():
        same &= points[f"{BIAS}{modality}"] == value
    if not same.any():
        raise ValueError(f"{run['id']} must have an operating point with {bias_text(bias)}")
    point = points[same].iloc[0]
    return point["gflops"], point["quality"]


def chosen_text(run: Any) -> str:
    """Return the words "chosen on validation", followed by the run's decision bias, if any."""
    bias = run["operating_point"]
    moved = f", with the decision bias {bias_text(bias)}" if bias else ""
    return f"chosen on validation{moved}"


def bias_text(bias: Mapping[str, float]) -> str:
    """Return a decision bias in words.

    >>> bias_text({"rgb": 0.5, "audio": -1.2})
    'rgb +0.5, audio -1.2'
    """
    return ", ".join(f"{modality} {value:+.4g}" for modality, value in bias.items())


def _add_line(
    figure: go.Figure,
    study: StudyRuns,
    points: pd.DataFrame,
    name: str,
    *,
    rank: int,
    colour: str,
    shape: str,
) -> None:
    names = dict(zip(study.runs["id"], study.runs["name"], strict=True))
    columns = [c for c in points.columns if c.startswith(BIAS)]
    texts = []
    for _, point in points.iterrows():
        bias = {c.removeprefix(BIAS): point[c] for c in columns if pd.notna(point[c])}
        moved = f" with {bias_text(bias)}" if any(bias.values()) else ""
        texts.append(html.escape(f"{names[point['id']]}{moved}"))
    figure.add_scatter(
        x=points["gflops"],
        y=100 * points["quality"],
        name=name,
        legendrank=rank,
        mode="lines+markers",
        line={"color": colour, "width": 1, "shape": shape},
        marker={"color": colour, "size": 3},
        text=texts,
        hovertemplate="%{text}<br>" + RESULT + "<extra></extra>",
    )
