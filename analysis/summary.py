"""Summary of a sweep on the terminal."""

from collections.abc import Iterator
from pathlib import Path

from adamml.study.sweep import SweepEnd
from adamml.terminal import open_console
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.confirmation import confirmation_table
from analysis.labels import number
from analysis.operating_points import chosen_text
from analysis.report import claim, failures, front_table
from analysis.runs import StudyRuns, from_study_dir

SIDE_BY_SIDE = 6
"""Trials in one table of hyperparameters."""
MOST_PATHS = 10
"""Unreadable videos that are listed."""


def print_interim(console: Console, folder: Path) -> None:
    """Print the claim and the report's path, after the search and before retraining."""
    _print_claim(console, from_study_dir(folder))
    report = escape(str(folder / "report.html"))
    console.print(f"[bold]Report so far[/bold]   {report}\n", soft_wrap=True)


def print_summary(outcome: SweepEnd, look: str) -> None:
    """Print the front, the claim on the test split, failures, and where to look next.

    Args:
        outcome: result of adamml.study.sweep.
        look: command or address that opens the study's runs in MLflow.
    """
    folder = outcome.plan.folder
    study = from_study_dir(folder)
    console = open_console()
    console.print(_front(study), *_hyperparameters(study), sep="\n")
    _print_claim(console, study)
    _print_confirmation(console, study)
    _print_data(console, study)
    for failure in failures(study):
        console.print(f"[red]{escape(failure['name'])} failed:[/red] {escape(failure['cause'])}")
        console.print(escape(failure["error"]), style="dim")
    if outcome.behind:
        console.print(outcome.behind, style="yellow", markup=False)
    console.print(f"\n[bold]Report[/bold]   {escape(str(folder / 'report.html'))}", soft_wrap=True)
    console.print(f"[bold]Runs[/bold]     {escape(look)}", soft_wrap=True)
    if outcome.plan.built_in:
        console.print(_NEXT, markup=False, soft_wrap=True)


_NEXT = """
To sweep over your own videos, make a folder with a manifest.parquet (docs/own_videos.md), then:
  python jobs/sweep_ks.py --data <folder>
On a Ray cluster (docs/cluster.md):
  ray job submit --working-dir . -- \\
    python jobs/sweep_ks.py --data <folder> --home <shared folder>"""


def _front(study: StudyRuns) -> Table:
    content = front_table(study)
    columns = content["columns"][: len(content["columns"]) - len(study.searched)]
    table = Table(title=f"Validation front of {escape(study.name)}", title_justify="left")
    for column in columns:
        left = column in ("trial", "fidelity")
        table.add_column(escape(column), justify="left" if left else "right")
    for row in content["rows"]:
        cells = [escape(cell) for cell in row["cells"][: len(columns)]]
        table.add_row(*cells, style="bold" if row["chosen"] else "")
    return table


def _hyperparameters(study: StudyRuns) -> Iterator[Table]:
    """Yield tables with a row per hyperparameter and a column per trial of the front."""
    rows = [run for _, run in study.front.iterrows()]
    for start in range(0, len(rows), SIDE_BY_SIDE):
        table = Table(title_justify="left")
        table.add_column("hyperparameters", no_wrap=True)
        runs = rows[start : start + SIDE_BY_SIDE]
        for run in runs:
            table.add_column(escape(str(run["id"]).rpartition("-")[2]), justify="right")
        for path in study.searched:
            values = [number(run["overrides"].get(path, "")) for run in runs]
            table.add_row(escape(path), *map(escape, values))
        yield table


def _print_claim(console: Console, study: StudyRuns) -> None:
    main_claim = claim(study)
    if main_claim is None:
        return
    chosen, other = main_claim["chosen"], main_claim["other"]
    how = escape(chosen_text(chosen))
    console.print(
        f"\nOn the test split: [bold]{escape(chosen['name'])}[/bold] ({how}) "
        f"{study.result_text(chosen, 'test_')}; {escape(other['name'])} (the strongest fusion) "
        f"{study.result_text(other, 'test_')}: {main_claim['points']:+.2f} points at "
        f"{100 * main_claim['share']:.0f}% of the computation."
    )


def _print_confirmation(console: Console, study: StudyRuns) -> None:
    content = confirmation_table(study)
    if not content["rows"]:
        return
    table = Table(title="Retrained with fresh seeds, on the test split", title_justify="left")
    for column in content["columns"]:
        left = column == "configuration"
        table.add_column(escape(column), justify="left" if left else "right", no_wrap=not left)
    for row in content["rows"]:
        table.add_row(*map(escape, row))
    console.print("", table, sep="\n")


def _print_data(console: Console, study: StudyRuns) -> None:
    bad = study.data.get("bad", {})
    if bad:
        console.print(f"\n[yellow]{len(bad)} of {study.data['videos']} videos left out:[/yellow]")
        for path, reason in list(bad.items())[:MOST_PATHS]:
            console.print(f"  {path}: {reason}", markup=False, soft_wrap=True)
    if study.data.get("silent"):
        console.print(f"{study.data['silent']} videos have no sound; silence was used for them.")
