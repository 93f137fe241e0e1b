"""Report of a study: one HTML file that needs no network, with its figures, tables and failures."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from adamml.files import whole
from adamml.objectives.table import OBJECTIVES
from adamml.tracking.follower import default_tracking_uri, look_command

from analysis.confirmation import EXPLANATION as HOW_CONFIRMED
from analysis.confirmation import confirmation_table
from analysis.figures import draw_figures
from analysis.labels import FIDELITIES, number
from analysis.operating_points import chosen_text
from analysis.runs import StudyRuns, from_study_dir

TEMPLATE = Path(__file__).with_name("report_template.html")
"""Jinja template of the page."""
PLOT_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Buttons and behaviour of every figure on the page."""


def write_report(
    study_dir: Path, out: Path | None = None, *, tracking_uri: str | None = None
) -> Path:
    """Write the report of a study from its journals and return its path.

    Args:
        study_dir: the study's folder.
        out: file to write; default: report.html in the study's folder.
        tracking_uri: MLflow server or database with the study's runs; default:
            $MLFLOW_TRACKING_URI, else the home's database.

    Raises:
        ValueError: the folder has no journal, or a journal is broken.
    """
    out = Path(out or Path(study_dir) / "report.html")
    text = render(from_study_dir(study_dir), look_command(tracking_uri or default_tracking_uri()))
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    return out


def write_artifacts(study_dir: Path, tracking_uri: str) -> list[Path]:
    """Write the files that a sweep attaches to its study in MLflow, and return their paths."""
    return [write_report(study_dir, tracking_uri=tracking_uri)]


def render(study: StudyRuns, look: str) -> str:
    """Return the page as text. Names, paths and errors are escaped: they come from users.

    Args:
        study: the study to report.
        look: command or address that opens the study's runs in MLflow.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    main_claim = claim(study)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        study=study,
        figures=_figures(study),
        claim=main_claim,
        how_chosen=chosen_text(main_claim["chosen"]) if main_claim else None,
        front=front_table(study),
        shared=shared_text(study),
        confirmation=confirmation_table(study),
        how_confirmed=HOW_CONFIRMED,
        counts=fidelity_counts(study),
        failed=failures(study),
        look=look,
    )


def _figures(study: StudyRuns) -> list[dict[str, str]]:
    """Return title, explanation and HTML of each figure that the study has data for."""
    return [
        {
            "title": figure.title,
            "explanation": figure.explanation,
            # Plotly's script, 5 MB, comes with the first figure and serves all of them.
            "html": drawing.to_html(
                full_html=False,
                include_plotlyjs=index == 0,
                div_id=f"figure-{index}",
                config=PLOT_CONFIG,
            ),
        }
        for index, (figure, drawing) in enumerate(draw_figures(study))
    ]


def shared_text(study: StudyRuns) -> str | None:
    """Return how much training sharing unimodal networks saved; None if it was not counted."""
    networks, uses, seconds = (
        study.metrics.get(f"sharing.{name}") for name in ("networks", "uses", "seconds_saved")
    )
    if networks is None or uses is None or seconds is None:
        return None
    return (
        f"{networks:.0f} unimodal networks were trained once each and used {uses:.0f} times, which "
        f"saved {seconds / 60:.0f} minutes of training."
    )


def claim(study: StudyRuns) -> dict[str, Any] | None:
    """Compare the chosen run with the best other one on the test split.

    Returns:
        chosen and other (rows), points (difference in quality, percentage points) and share (the
        chosen run's part of the other's GFLOPs); None if they were not tested yet.
    """
    tested = study.tested
    is_chosen = tested["chosen"].astype(bool)
    chosen, others = tested[is_chosen], tested[~is_chosen]
    if chosen.empty or others.empty:
        return None
    row, other = chosen.iloc[0], others.sort_values("test_quality").iloc[-1]
    return {
        "chosen": row,
        "other": other,
        "points": 100 * (row["test_quality"] - other["test_quality"]),
        "share": row["test_gflops"] / other["test_gflops"],
    }


def front_table(study: StudyRuns) -> dict[str, list[Any]]:
    """Return columns and rows of text of the validation front, cheapest trial first."""
    rates = {c: f"{c.partition('.')[2]} (%)" for c in study.selection_rates}
    objectives = map(study.title, OBJECTIVES)
    columns = ["trial", *objectives, *rates.values(), "fidelity", *study.searched]
    rows = []
    for _, run in study.front.iterrows():
        cells = [run["name"], *_objectives(run)]
        cells += ["" if pd.isna(run[rate]) else f"{100 * run[rate]:.0f}" for rate in rates]
        cells.append(FIDELITIES.get(run["fidelity"], str(run["fidelity"])))
        cells += [number(run["overrides"].get(path, "")) for path in study.searched]
        rows.append({"cells": cells, "chosen": bool(run["chosen"])})
    return {"columns": columns, "rows": rows}


def _objectives(run: Any) -> list[str]:
    return [f"{o.scale * run[name]:{o.number_format}}" for name, o in OBJECTIVES.items()]


def fidelity_counts(study: StudyRuns) -> dict[str, int]:
    """Count trials by the fidelity that they reached, or else by their status."""
    trials = study.runs[study.runs["kind"] == "trial"]
    done = trials[trials["status"].isin(["completed", "stopped"]) & trials["fidelity"].notna()]
    reached = done["fidelity"].value_counts().items()
    counts = {FIDELITIES.get(str(name), str(name)): int(n) for name, n in reached}
    rest = trials.drop(done.index)["status"].value_counts()
    return counts | {str(status): int(n) for status, n in rest.items()}


def failures(study: StudyRuns) -> list[dict[str, str]]:
    """Return name, id, cause (last line of the traceback) and error (all of it) of failed runs."""
    failed = study.runs[study.runs["status"] == "failed"].fillna({"error": "no cause given"})
    return [
        {
            "name": str(run["name"]),
            "id": str(run["id"]),
            "cause": str(run["error"]).strip().rpartition("\n")[2],
            "error": str(run["error"]),
        }
        for _, run in failed.iterrows()
    ]
