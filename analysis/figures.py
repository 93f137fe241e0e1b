"""Table of the figures that the report and the notebook show, in order.

To add one, write a function here and a line in FIGURES: both pages loop over the table.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from analysis.layout import GREY, MODALITIES, layout
from analysis.runs import StudyRuns
from analysis.validation_front import describe, front_figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """Figure of a study with the words around it."""

    title: str
    """Heading above the figure; no two figures have the same."""
    draw: Callable[[StudyRuns], go.Figure | None]
    """Function that draws it; None if the study has nothing to show in it yet."""
    explanation: str
    """Sentences below the figure: what is drawn, measured on which split."""


def modality_figure(study: StudyRuns) -> go.Figure | None:
    """Draw how many segments compute each modality, for the trials on the validation front."""
    front, rates = study.front, study.selection_rates
    if front.empty or not rates:
        return None
    figure = go.Figure(
        layout=layout(
            x_title=study.title("gflops"), y_title="segments (%)", y_range=[-3.0, 103.0], height=380
        )
    )
    for column in rates:
        modality = column.partition(".")[2]
        colour = MODALITIES.get(modality, GREY.format(1))
        figure.add_scatter(
            x=front["gflops"],
            y=100 * front[column],
            name=html.escape(modality),
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"color": colour, "size": 8},
            text=[describe(study, row) for _, row in front.iterrows()],
            hovertemplate="%{text}<extra></extra>",
        )
    return figure


FIGURES = (
    Figure(
        title="Validation front: quality against computation",
        draw=front_figure,
        explanation="Every finished run, measured on the validation split, which also chose the "
        "front and the point in the ring. Crosses, points with error bars and published results "
        "are measured on the test split. Thin lines are operating points: the same trained trials "
        "under a bias on their policy's decisions, without further training. Neither the search "
        "nor the hypervolume uses them.",
    ),
    Figure(
        title="Modalities that the front computes",
        draw=modality_figure,
        explanation="Share of segments in which each modality is computed, by the trials on the "
        "validation front, on the validation split.",
    ),
)
"""Figures of a study, in the order in which report and notebook show them."""


def draw_figures(study: StudyRuns) -> list[tuple[Figure, go.Figure]]:
    """Draw the figures for which the study has data; return each with its entry of FIGURES."""
    drawings = [(figure, figure.draw(study)) for figure in FIGURES]
    return [(figure, drawing) for figure, drawing in drawings if drawing is not None]
