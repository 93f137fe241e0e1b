"""What trained policies could do under a bias: their operating points, in figure and words."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from adamml.objectives.table import OBJECTIVES, maximise
from adamml.statistics.fronts import non_dominated

from analysis.runs import Study

BIAS = "bias."
FRONT, CURVE = "#7a5cd6", "#7f8c8d"
FRONT_NAME = "front with operating points"
EXPLANATION = (
    "Operating points (thin lines) are the same trained trials under a bias on their policy's "
    "decisions, without further training. The search and the hypervolume do not know them."
)


def add_operating_points(figure: go.Figure, study: Study) -> None:
    """The front over all trials and their operating points, and the curve of the chosen one."""
    points = study.operating_points
    if points.empty:
        return
    trials = study.finished[study.finished["kind"] == "trial"]
    everything = pd.concat([points, trials[~trials["id"].isin(points["id"])]])[points.columns]
    mask = non_dominated(everything[list(OBJECTIVES)], maximise=maximise())
    front = everything[mask].sort_values("gflops").drop_duplicates(list(OBJECTIVES))
    _add_line(figure, study, front, FRONT_NAME, rank=1000, colour=FRONT, shape="hv")
    for _, run in study.runs[study.runs["chosen"].astype(bool)].iterrows():
        own = points[points["id"] == run["id"]].sort_values("gflops")
        name = f"operating points of {html.escape(str(run['name']))}"
        _add_line(figure, study, own, name, rank=1001, colour=CURVE, shape="linear")


def chosen_place(study: Study, run: Any) -> tuple[float, float]:
    """(GFLOPs, quality) on validation of a run, of the chosen one at the point that was chosen.

    Raises:
        ValueError: its bias is none of its operating points.
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
    """How a run was chosen: "chosen on validation", with its decision bias if any."""
    bias = run["operating_point"]
    moved = f", with the decision bias {bias_text(bias)}" if bias else ""
    return f"chosen on validation{moved}"


def bias_text(bias: Mapping[str, float]) -> str:
    """{"rgb": 0.5, "audio": -1.2} -> "rgb +0.5, audio -1.2"."""
    return ", ".join(f"{modality} {value:+.4g}" for modality, value in bias.items())


def _add_line(
    figure: go.Figure,
    study: Study,
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
        hovertemplate="%{text}<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
    )
