"""A study as one HTML file that needs no network: figure, front, claim, and what went wrong."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from adamml.files import whole
from adamml.tracking.follower import default_tracking_uri, look_command

from analysis.confirmation import EXPLANATION as HOW_CONFIRMED
from analysis.confirmation import confirmation_table
from analysis.figure import FIDELITIES, front_figure, number
from analysis.operating_points import EXPLANATION, chosen_text
from analysis.runs import Study, from_study_dir

TEMPLATE = Path(__file__).with_name("report_template.html")


def write_report(
    study_dir: Path, out: Path | None = None, *, tracking_uri: str | None = None
) -> Path:
    """Write the report of a study from its journals, and return where it is.

    Args:
        out: default: report.html in the study's folder.
        tracking_uri: where its runs can be looked at; default: the default store.

    Raises:
        ValueError: there is no journal in the folder, or one is broken.
    """
    out = Path(out or Path(study_dir) / "report.html")
    text = render(from_study_dir(study_dir), look_command(tracking_uri or default_tracking_uri()))
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    return out


def draw(study_dir: Path, tracking_uri: str) -> list[Path]:
    """The files that a sweep attaches to its study."""
    return [write_report(study_dir, tracking_uri=tracking_uri)]


def render(study: Study, look: str) -> str:
    """The page as text. Whatever comes from a study is escaped: names may be anybody's.

    Args:
        look: how to open the study's runs in MLflow.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figure = front_figure(study).to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="front",
        config={
            "displaylogo": False,
            "responsive": True,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
        },
    )
    found = claim(study)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        study=study,
        figure=figure,
        claim=found,
        how_chosen=chosen_text(found["chosen"]) if found else None,
        explanation=EXPLANATION if len(study.operating_points) else None,
        front=front_table(study),
        shared=shared_text(study),
        confirmation=confirmation_table(study),
        how_confirmed=HOW_CONFIRMED,
        counts=fidelity_counts(study),
        failed=failures(study),
        look=look,
    )


def shared_text(study: Study) -> str | None:
    """What sharing unimodal networks saved; None where it was not counted."""
    networks, uses, seconds = (
        study.metrics.get(f"sharing.{name}") for name in ("networks", "uses", "seconds_saved")
    )
    if networks is None or uses is None or seconds is None:
        return None
    return (
        f"{networks:.0f} unimodal networks were trained once each and used {uses:.0f} times: "
        f"{seconds / 60:.0f} minutes of training saved."
    )


def claim(study: Study) -> dict[str, Any] | None:
    """The chosen run against the best other one that was tested, both on test; None before that.

    Returns:
        chosen, other (rows), points (difference in quality, percentage points), share (of GFLOPs).
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


def front_table(study: Study) -> dict[str, list[Any]]:
    """The front, cheapest first: columns and rows of text."""
    rates = {c: f"{c.partition('.')[2]} (%)" for c in study.selection_rates}
    columns = ["trial", study.title, "GFLOPs", *rates.values(), "fidelity", *study.searched]
    rows = []
    for _, run in study.front.iterrows():
        cells = [run["name"], f"{100 * run['quality']:.2f}", f"{run['gflops']:.4g}"]
        cells += ["" if pd.isna(run[rate]) else f"{100 * run[rate]:.0f}" for rate in rates]
        cells.append(FIDELITIES.get(run["fidelity"], str(run["fidelity"])))
        cells += [number(run["overrides"].get(path, "")) for path in study.searched]
        rows.append({"cells": cells, "chosen": bool(run["chosen"])})
    return {"columns": columns, "rows": rows}


def fidelity_counts(study: Study) -> dict[str, int]:
    """How many trials came how far: policy only, jointly trained, failed, ..."""
    trials = study.runs[study.runs["kind"] == "trial"]
    done = trials[trials["status"].isin(["completed", "stopped"]) & trials["fidelity"].notna()]
    reached = done["fidelity"].value_counts().items()
    counts = {FIDELITIES.get(str(name), str(name)): int(n) for name, n in reached}
    rest = trials.drop(done.index)["status"].value_counts()
    return counts | {str(status): int(n) for status, n in rest.items()}


def failures(study: Study) -> list[dict[str, str]]:
    """Failed runs, the last line of their traceback as the cause."""
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
