"""Report of a comparison: on the terminal, as Markdown, and as metrics for MLflow."""

import pandas as pd
from adamml.study.compare import ComparisonEnd, Summary
from adamml.study.options.plan import ComparisonPlan
from adamml.terminal import open_console
from rich.markup import escape
from rich.table import Table

from analysis.comparison import Claim, ComparisonResults, collect_results
from analysis.labels import axis_title

COLUMNS = 130
"""Width of the text, in characters, if the output is no terminal."""
FILE_NAME = "comparison.md"
"""Name of the Markdown file in the study's folder."""


def summarise(comparison: ComparisonPlan) -> Summary:
    """Write the Markdown file into the study's folder, unless nothing was tested yet."""
    tested = collect_results(comparison.folder, comparison.methods, comparison.seeds)
    if tested.table.empty:
        return Summary(metrics={}, files=())
    path = comparison.folder / FILE_NAME
    path.write_text(markdown(tested), encoding="utf-8")
    return Summary(metrics=metrics(tested), files=(path,))


def print_comparison(compared: ComparisonEnd, look: str) -> None:
    """Print the table, the claims, the failures, and where to look next.

    Args:
        compared: result of adamml.study.compare.
        look: command or address that opens the study's runs in MLflow.
    """
    comparison = compared.plan
    console = open_console(COLUMNS)
    tested = collect_results(comparison.folder, comparison.methods, comparison.seeds)
    if not tested.table.empty:
        columns, rows = cells(tested)
        table = Table(title=escape(title(tested)), title_justify="left")
        for index, column in enumerate(columns):
            table.add_column(escape(column), justify="right" if index else "left")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table, *map(escape, map(sentence, tested.claims)), NOTE, sep="\n")
    for name, error in compared.failed.items():
        cause = error.strip().rpartition("\n")[2]
        console.print(f"[red]{escape(name)} failed:[/red] {escape(cause)}")
        console.print(escape(error.strip()), style="dim")
    if compared.behind:
        console.print(compared.behind, style="yellow", markup=False)
    if not tested.table.empty:
        path = escape(str(comparison.folder / FILE_NAME))
        console.print(f"\n[bold]Table[/bold]    {path}", soft_wrap=True)
    console.print(f"[bold]Runs[/bold]     {escape(look)}", soft_wrap=True)


NOTE = (
    "Intervals are 95% intervals from a hierarchical bootstrap over seeds and videos. Nothing was "
    "chosen on the test split: the single modality in the claims is the best one on validation."
)
"""Text below the table and the claims."""


def title(tested: ComparisonResults) -> str:
    """Return the heading of the table."""
    return f"{tested.name}: {tested.videos} test videos, seeds {', '.join(map(str, tested.seeds))}"


def cells(tested: ComparisonResults) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of text."""
    table = tested.table
    rates = [str(c) for c in table.columns if str(c).startswith("selection_rate.")]
    columns = ["method", "seeds", axis_title("quality", tested.quality), "95% interval"]
    beside = [axis_title("quality", "map")] if tested.quality != "map" else []
    columns += [*beside, "GFLOPs"]
    columns += [f"{rate.partition('.')[2]} (%)" for rate in rates] + ["saved (%)"]
    rows = []
    for _, run in table.iterrows():
        row = [run["method"], f"{run['seeds']}", f"{run['quality']:.2f}"]
        row += [f"{run['low']:.2f} to {run['high']:.2f}"]
        row += [f"{run['map']:.2f}"] if beside else []
        row += [f"{run['gflops']:.4g}"]
        row += [f"{run[rate]:.1f}" for rate in rates]
        row.append("" if pd.isna(run["savings"]) else f"{run['savings']:.1f}")
        rows.append(row)
    return columns, rows


def sentence(claim: Claim) -> str:
    """Return a claim in words, with its interval and the difference at each seed."""
    points = claim.difference
    seeds = ", ".join(f"{value:+.2f} (seed {seed})" for seed, value in claim.by_seed.items())
    return (
        f"{claim.ours} {claim.verdict} {claim.other}: {points.mean:+.2f} points, "
        f"{points.low:+.2f} to {points.high:+.2f}; {seeds}"
    )


def markdown(tested: ComparisonResults) -> str:
    """Return table and claims as Markdown. Methods have the platform's names: none is escaped."""
    columns, rows = cells(tested)
    lines = [f"# {title(tested)}", "", f"| {' | '.join(columns)} |"]
    lines.append(f"|---|{'---:|' * (len(columns) - 1)}")
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(f"- {sentence(claim)}" for claim in tested.claims), "", NOTE, ""]
    return "\n".join(lines)


def metrics(tested: ComparisonResults) -> dict[str, float]:
    """Return the table and the claims as metrics for MLflow.

    Returns:
        <method>.<column>, the quality under the name of its metric, and
        claim.<ours>_over_<other>.points, .low and .high.
    """
    values: dict[str, float] = {}
    for _, run in tested.table.iterrows():
        numbers = {str(k): v for k, v in run.items() if k != "method" and not pd.isna(v)}
        numbers[tested.quality] = numbers.pop("quality")
        values |= {f"{run['method']}.{k}": float(v) for k, v in numbers.items()}
    for claim in tested.claims:
        name, points = f"claim.{claim.ours}_over_{claim.other}", claim.difference
        values |= {f"{name}.points": points.mean}
        values |= {f"{name}.low": points.low, f"{name}.high": points.high}
    return values
