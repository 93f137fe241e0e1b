"""The figure of a study: quality against computation, and what could be had at best."""

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.confirmation import add_confirmation
from analysis.operating_points import add_operating_points, bias_text, chosen_place
from analysis.published_series import add_published
from analysis.runs import Study

GREY = "rgba(128,128,128,{})"
COLOURS = {"adamml": "#0c8ce0", "always_on": "#d55e00", "published": "#b565a7"}
"""By method, after Okabe and Ito, of a lightness that white and near-black both carry."""
OTHER, ORACLE, TEST = "#56b4e9", "#009e73", "#e0457b"
METHODS = {"adamml": "AdaMML", "always_on": "always on", "published": "published setting"}
FIDELITIES = {"policy": "policy only", "joint": "jointly trained"}
SYMBOLS = {"policy": "circle-open", "joint": "circle"}
UNSEARCHED: dict[str, dict[str, Any]] = {
    "unimodal": {
        "name": "one modality alone",
        "rank": 1006,
        "colour": "#7f8c8d",
        "symbol": "diamond",
    },
    "fusion": {
        "name": "fusion of all modalities",
        "rank": 1005,
        "colour": "#e69f00",
        "symbol": "square",
    },
}
"""What is not a trial, by kind."""
X_TITLE = "GFLOPs per video"


def front_figure(study: Study) -> go.Figure:
    """Every finished run of a study, its validation front, the references and the test points; of
    the paper's datasets what was published, too.

    Backgrounds are transparent and the greys neutral, so it is readable on light and dark pages.
    """
    figure = go.Figure(layout=_layout(study))
    add_published(figure, study)
    _add_references(figure, study.references)
    _add_front(figure, study)
    add_operating_points(figure, study)
    for kind, style in UNSEARCHED.items():
        _add_points(figure, study, study.finished[study.finished["kind"] == kind], **style)
    _add_trials(figure, study)
    _add_test(figure, study)
    add_confirmation(figure, study)
    return figure


def describe(study: Study, row: Any) -> str:
    """What hovering over a run says; all names are escaped, for they come from users."""
    lines = [f"<b>{html.escape(str(row['name']))}</b>"]
    if row["id"] != row["name"]:
        lines.append(html.escape(row["id"]))
    lines.append(f"{study.said(row['quality'])} at {row['gflops']:.4g} GFLOPs")
    for column in study.selection_rates:
        if pd.notna(row[column]):
            modality = html.escape(column.partition(".")[2])
            lines.append(f"{modality} in {100 * row[column]:.0f}% of segments")
    if row["kind"] == "trial":
        lines.append(FIDELITIES.get(row["fidelity"], html.escape(str(row["fidelity"]))))
    shown = {path: row["overrides"][path] for path in study.searched if path in row["overrides"]}
    lines += [f"{html.escape(path)} = {html.escape(number(v))}" for path, v in shown.items()]
    return "<br>".join(lines)


def number(value: Any) -> str:
    """A hyperparameter's value, short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _layout(study: Study) -> go.Layout:
    axis = {
        "gridcolor": GREY.format(0.22),
        "linecolor": GREY.format(0.6),
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": GREY.format(0.6),
        "automargin": True,
    }
    split = "measured on the split that chose it"
    return go.Layout(
        template="none",
        title={
            "text": f"Validation front of {html.escape(study.name)}",
            "subtitle": {"text": split, "font": {"size": 13, "color": GREY.format(1)}},
            "x": 0,
            "xref": "paper",
        },
        xaxis={**axis, "title": {"text": X_TITLE}, "rangemode": "tozero"},
        yaxis={**axis, "title": {"text": study.title}, "range": _shown_qualities(study)},
        font={"family": "system-ui, sans-serif", "size": 14, "color": "#6b7580"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"x": 1.02, "y": 1, "xanchor": "left", "yanchor": "top"},
        hoverlabel={"align": "left"},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": GREY.format(0.7),
            "activecolor": GREY.format(1),
        },
        margin={"l": 60, "r": 20, "t": 80, "b": 60},
        height=560,
    )


def _shown_qualities(study: Study) -> list[float] | None:
    """From a little below the worst run; the oracle front begins at nothing, where none is."""
    if study.finished.empty:
        return None
    return [max(0.0, 100 * float(study.finished["quality"].min()) - 5), 101.5]


def _add_references(figure: go.Figure, references: dict[str, Any]) -> None:
    if front := references.get("oracle_front"):
        figure.add_scatter(
            x=front["gflops"],
            y=[100 * value for value in front["quality"]],
            name="oracle front",
            legendrank=1008,
            mode="lines",
            line={"color": ORACLE, "dash": "dash", "width": 2},
            hovertemplate="oracle front<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
        )
    if point := references.get("relevance_policy"):
        figure.add_scatter(
            x=[point["gflops"]],
            y=[100 * point["quality"]],
            name="relevance policy",
            legendrank=1007,
            mode="markers",
            marker={"symbol": "star", "size": 15, "color": ORACLE},
            hovertemplate="relevance policy: computed exactly where relevant"
            "<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
        )


def _add_front(figure: go.Figure, study: Study) -> None:
    front = study.front
    if front.empty:
        return
    figure.add_scatter(
        x=front["gflops"],
        y=100 * front["quality"],
        name="validation front",
        legendrank=1000,
        mode="lines",
        line={"color": COLOURS["adamml"], "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )


def _add_trials(figure: go.Figure, study: Study) -> None:
    trials = study.finished[study.finished["kind"] == "trial"]
    for key, rows in trials.groupby(["method", "fidelity"], sort=False):
        method, fidelity = map(str, key)
        name = html.escape(METHODS.get(method, method))
        name += f", {html.escape(FIDELITIES.get(fidelity, fidelity))}"
        _add_points(
            figure,
            study,
            rows,
            name=name,
            rank=1001 if method == "adamml" else 1004,
            colour=COLOURS.get(method, OTHER),
            symbol=SYMBOLS.get(fidelity, "circle-dot"),
        )


def _add_points(
    figure: go.Figure,
    study: Study,
    rows: pd.DataFrame,
    *,
    name: str,
    rank: int,
    colour: str,
    symbol: str,
) -> None:
    if rows.empty:
        return
    figure.add_scatter(
        x=rows["gflops"],
        y=100 * rows["quality"],
        name=name,
        legendrank=rank,
        mode="markers",
        marker={
            "symbol": symbol,
            "size": 11,
            "color": colour,
            "line": {"width": 2, "color": colour if "open" in symbol else GREY.format(0.8)},
        },
        text=[describe(study, row) for _, row in rows.iterrows()],
        hovertemplate="%{text}<extra></extra>",
    )


def _add_test(figure: go.Figure, study: Study) -> None:
    """The chosen point in a ring; a dotted line from each tested run to what it is on test."""
    for _, run in study.finished[study.finished["chosen"].astype(bool)].iterrows():
        gflops, quality = chosen_place(study, run)
        figure.add_scatter(
            x=[gflops],
            y=[100 * quality],
            name="chosen on validation",
            legendrank=1002,
            mode="markers",
            marker={"symbol": "circle-open", "size": 22, "color": TEST, "line": {"width": 2.5}},
            hoverinfo="skip",
        )
    tested = study.tested
    if tested.empty:
        return
    for _, run in tested.iterrows():
        gflops, quality = chosen_place(study, run)
        figure.add_scatter(
            x=[gflops, run["test_gflops"]],
            y=[100 * quality, 100 * run["test_quality"]],
            mode="lines",
            line={"color": TEST, "dash": "dot", "width": 1.5},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=tested["test_gflops"],
        y=100 * tested["test_quality"],
        name="on the test split",
        legendrank=1003,
        mode="markers",
        marker={"symbol": "x", "size": 10, "color": TEST},
        text=[_tested_text(run) for _, run in tested.iterrows()],
        hovertemplate="%{text}<br>%{y:.2f}% at %{x:.4g} GFLOPs<extra></extra>",
    )


def _tested_text(run: Any) -> str:
    bias = run["operating_point"]
    moved = f" with {html.escape(bias_text(bias))}" if bias else ""
    return f"<b>{html.escape(str(run['name']))}</b>{moved}, on the test split"
