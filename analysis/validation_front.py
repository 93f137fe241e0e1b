"""Figure of a study: quality against computation, and the best that could be had."""

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.confirmation import add_confirmation
from analysis.labels import FIDELITIES, METHODS, RESULT, number
from analysis.layout import GREY, TEST, layout
from analysis.operating_points import add_operating_points, bias_text, chosen_place
from analysis.published_series import add_published
from analysis.runs import StudyRuns

COLOURS = {"adamml": "#0c8ce0", "always_on": "#d55e00", "published": "#b565a7"}
"""Colour of each method, after Okabe and Ito, light enough for dark pages and dark enough for
light ones."""
OTHER, ORACLE = "#56b4e9", "#009e73"
"""Colours of other methods, and of the oracle's front and the relevance policy."""
SYMBOLS = {"policy": "circle-open", "joint": "circle"}
"""Marker of each fidelity."""
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
"""Appearance of the runs that are no trials, by kind. A lower rank is higher in the legend."""


def front_figure(study: StudyRuns) -> go.Figure | None:
    """Draw every finished run of a study with its validation front, references and test results.

    Results that the paper published for the study's dataset and task are drawn beside them. Returns
    None if no run has finished and nothing was published.

    Raises:
        ValueError: the chosen run's decision bias belongs to none of its operating points.
    """
    figure = go.Figure(
        layout=layout(
            x_title=study.title("gflops"),
            y_title=study.title("quality"),
            y_range=_quality_range(study),
        )
    )
    add_published(figure, study)
    _add_references(figure, study.references)
    _add_front(figure, study)
    add_operating_points(figure, study)
    for kind, style in UNSEARCHED.items():
        _add_points(figure, study, study.finished[study.finished["kind"] == kind], **style)
    _add_trials(figure, study)
    _add_test(figure, study)
    add_confirmation(figure, study)
    return figure if figure.data else None


def describe(study: StudyRuns, row: Any) -> str:
    """Return the text shown while the pointer is over a run; names come from users: escaped."""
    lines = [f"<b>{html.escape(str(row['name']))}</b>"]
    if row["id"] != row["name"]:
        lines.append(html.escape(row["id"]))
    lines.append(study.result_text(row))
    for column in study.selection_rates:
        if pd.notna(row[column]):
            modality = html.escape(column.partition(".")[2])
            lines.append(f"{modality} in {100 * row[column]:.0f}% of segments")
    if row["kind"] == "trial":
        lines.append(FIDELITIES.get(row["fidelity"], html.escape(str(row["fidelity"]))))
    overrides = row["overrides"]
    lines += [
        f"{html.escape(path)} = {html.escape(number(overrides[path]))}"
        for path in study.searched
        if path in overrides
    ]
    return "<br>".join(lines)


def _quality_range(study: StudyRuns) -> list[float] | None:
    """Return the lowest and highest quality that the axis shows, in percent."""
    if study.finished.empty:
        return None
    # The worst run decides, not the oracle's front: that one begins where nothing is computed.
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
            hovertemplate=f"oracle front<br>{RESULT}<extra></extra>",
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
            f"<br>{RESULT}<extra></extra>",
        )


def _add_front(figure: go.Figure, study: StudyRuns) -> None:
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


def _add_trials(figure: go.Figure, study: StudyRuns) -> None:
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
    study: StudyRuns,
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


def _add_test(figure: go.Figure, study: StudyRuns) -> None:
    """Draw a ring around the chosen point, and a dotted line from each tested run to its result."""
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
        hovertemplate="%{text}<br>" + RESULT + "<extra></extra>",
    )


def _tested_text(run: Any) -> str:
    bias = run["operating_point"]
    moved = f" with {html.escape(bias_text(bias))}" if bias else ""
    return f"<b>{html.escape(str(run['name']))}</b>{moved}, on the test split"
