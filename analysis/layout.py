"""Axes, greys and colours that all figures share.

Backgrounds are transparent and greys neutral, so that a figure can be read on light and dark pages.
"""

from typing import Any

import plotly.graph_objects as go

GREY = "rgba(128,128,128,{})"
"""Format string of a neutral grey; its argument is the opacity."""
TEST = "#e0457b"
"""Colour of everything that was measured on the test split."""
MODALITIES = {"rgb": "#d55e00", "audio": "#0c8ce0", "flow": "#009e73", "rgbdiff": "#b565a7"}
"""Colour of each modality, after Okabe and Ito."""


def layout(
    *, x_title: str, y_title: str, y_range: list[float] | None = None, height: int = 560
) -> go.Layout:
    """Return the layout of a figure without a title: report and notebook print it as a heading.

    Args:
        x_title: title of the horizontal axis.
        y_title: title of the vertical axis.
        y_range: lowest and highest value that are shown; all values if None.
        height: pixels on a wide page.
    """
    axis: dict[str, Any] = {
        "gridcolor": GREY.format(0.22),
        "linecolor": GREY.format(0.6),
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": GREY.format(0.6),
        "automargin": True,
    }
    # "normal" must be given: a filled band would turn the order of the legend around.
    return go.Layout(
        template="none",
        xaxis={**axis, "title": {"text": x_title}, "rangemode": "tozero"},
        yaxis={**axis, "title": {"text": y_title}, "range": y_range},
        font={"family": "system-ui, sans-serif", "size": 14, "color": "#6b7580"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=True,
        legend={"x": 1.02, "y": 1, "xanchor": "left", "yanchor": "top", "traceorder": "normal"},
        hoverlabel={"align": "left"},
        modebar={
            "bgcolor": "rgba(0,0,0,0)",
            "color": GREY.format(0.7),
            "activecolor": GREY.format(1),
        },
        margin={"l": 60, "r": 20, "t": 36, "b": 60},
        height=height,
    )
