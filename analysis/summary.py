"""What a sweep says on the terminal when it is over."""

from adamml.study.sweep import Outcome
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.report import claim, failures, front_table
from analysis.runs import Study, from_study_dir

FROM_A_JOB = 110
"""Columns of text where there is no terminal to ask."""


def print_summary(outcome: Outcome, look: str) -> None:
    """The front, the claim on test, failures, and where to look next.

    Args:
        look: how to open the study's runs in MLflow.
    """
    folder = outcome.resolved.folder
    study = from_study_dir(folder)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=FROM_A_JOB)
    console.print(_table(study))
    _print_claim(console, study)
    _print_data(console, study)
    for failure in failures(study):
        console.print(f"[red]{escape(failure['name'])} failed:[/red] {escape(failure['cause'])}")
        console.print(escape(failure["error"]), style="dim")
    if outcome.behind:
        console.print(outcome.behind, style="yellow", markup=False)
    console.print(f"\n[bold]Report[/bold]   {escape(str(folder / 'report.html'))}", soft_wrap=True)
    console.print(f"[bold]Runs[/bold]     {escape(look)}", soft_wrap=True)
    if outcome.resolved.built_in:
        console.print(_NEXT, markup=False, soft_wrap=True)


_NEXT = """
Your own videos: a folder with a manifest.parquet (README, "Bring your own videos"), then
  python jobs/sweep_ks.py --data <folder>
On a Ray cluster:
  ray job submit --working-dir . -- \\
    python jobs/sweep_ks.py --data <folder> --home <shared folder>"""


def _table(study: Study) -> Table:
    content = front_table(study)
    shown = [path.rpartition(".")[2] if "." in path else path for path in content["columns"]]
    short = dict(zip(content["columns"], shown, strict=True))
    table = Table(title=f"Validation front of {escape(study.name)}", title_justify="left")
    for column in content["columns"]:
        ambiguous = shown.count(short[column]) > 1
        name = ".".join(column.split(".")[-2:]) if ambiguous else short[column]
        table.add_column(escape(name), justify="left" if column == "trial" else "right")
    for row in content["rows"]:
        cells = [escape(cell) for cell in row["cells"]]
        table.add_row(*cells, style="bold" if row["chosen"] else "")
    return table


def _print_claim(console: Console, study: Study) -> None:
    found = claim(study)
    if found is None:
        return
    chosen, other = found["chosen"], found["other"]
    console.print(
        f"\nOn the test split: [bold]{escape(chosen['name'])}[/bold] (chosen on validation) "
        f"{100 * chosen['test_accuracy']:.2f}% at {chosen['test_gflops']:.4g} GFLOPs; "
        f"{escape(other['name'])} (the strongest fusion) {100 * other['test_accuracy']:.2f}% at "
        f"{other['test_gflops']:.4g} GFLOPs: {found['points']:+.2f} points at "
        f"{100 * found['share']:.0f}% of the computation."
    )


def _print_data(console: Console, study: Study) -> None:
    bad = study.data.get("bad", {})
    if bad:
        console.print(f"\n[yellow]{len(bad)} of {study.data['videos']} videos left out:[/yellow]")
        for path, reason in list(bad.items())[:10]:
            console.print(f"  {path}: {reason}", markup=False, soft_wrap=True)
    if study.data.get("silent"):
        console.print(f"{study.data['silent']} videos have no sound; theirs is zeros.")
