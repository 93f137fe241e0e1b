"""What trained policies could do under a bias: their operating points, in figure and words."""

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from adamml.fronts import non_dominated

from analysis.runs import Study

BIAS = "bias."
FRONT, CURVE, CHOSEN = "#7a5cd6", "#7f8c8d", "#e0457b"
FRONT_NAME = "front with operating points"
CHOSEN_NAME = "operating point chosen on validation"
EXPLANATION = (
    "Operating points (thin lines) are the same trained trials under a bias on their policy's "
    "decisions, without further training. The search and the hypervolume do not know them."
)


def add_operating_points(figure: go.Figure, study: Study) -> None:
    """The front over all trials and their operating points, the curves of the chosen trial and of
    the chosen point's, and that point with what it is on test."""
    points = study.operating_points
    if points.empty:
        return
    trials = study.finished[study.finished["kind"] == "trial"]
    everything = pd.concat([points, trials[~trials["id"].isin(points["id"])]])[points.columns]
    mask = non_dominated(everything["accuracy"], everything["gflops"])
    front = everything[mask].sort_values("gflops").drop_duplicates(["accuracy", "gflops"])
    _add_line(figure, study, front, FRONT_NAME, rank=1000, colour=FRONT, shape="hv")
    chosen = study.runs["chosen"] | study.runs["operating_point"].notna()
    for _, run in study.runs[chosen.astype(bool)].iterrows():
        own = points[points["id"] == run["id"]].sort_values("gflops")
        name = f"operating points of {html.escape(str(run['name']))}"
        _add_line(figure, study, own, name, rank=1001, colour=CURVE, shape="linear")
    if (point := chosen_point(study)) is not None:
        _add_chosen(figure, point)


def chosen_point(study: Study) -> dict[str, Any] | None:
    """The operating point at which the chosen trial is tested, where it is not as it is.

    Returns:
        name, bias, accuracy and gflops on validation; test_accuracy and test_gflops, None before
        the test. None where no point was better.
    """
    runs = study.runs[study.runs["operating_point"].notna()]
    if runs.empty:
        return None
    run = runs.iloc[0]
    bias: dict[str, float] = run["operating_point"]
    points = study.operating_points
    same = points["id"] == run["id"]
    for modality, value in bias.items():
        same &= points[f"{BIAS}{modality}"] == value
    if not same.any():
        return None
    tested = pd.notna(run.get("test_accuracy"))
    return {
        "name": str(run["name"]),
        "bias": bias,
        **points.loc[same, ["accuracy", "gflops"]].iloc[0].to_dict(),
        "test_accuracy": float(run["test_accuracy"]) if tested else None,
        "test_gflops": float(run["test_gflops"]) if tested else None,
    }


def chosen_text(study: Study) -> str:
    """How the chosen trial was chosen: "chosen on validation", with its decision bias if any."""
    point = chosen_point(study)
    moved = f", with the decision bias {bias_text(point['bias'])}" if point else ""
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
        y=100 * points["accuracy"],
        name=name,
        legendrank=rank,
        mode="lines+markers",
        line={"color": colour, "width": 1, "shape": shape},
        marker={"color": colour, "size": 3},
        text=texts,
        hovertemplate="%{text}<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
    )


def _add_chosen(figure: go.Figure, point: Mapping[str, Any]) -> None:
    places = [(point["gflops"], 100 * point["accuracy"])]
    if point["test_accuracy"] is not None:
        places.append((point["test_gflops"], 100 * point["test_accuracy"]))
    texts = [f"{html.escape(point['name'])} with {html.escape(bias_text(point['bias']))}"]
    texts += [f"{texts[0]}, on the test split"][: len(places) - 1]
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        name=CHOSEN_NAME,
        legendrank=1002,
        mode="lines+markers",
        line={"color": CHOSEN, "dash": "dot", "width": 1.5},
        marker={"symbol": ["diamond-open", "x"][: len(places)], "size": 12, "color": CHOSEN},
        text=texts,
        hovertemplate="%{text}<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
    )
