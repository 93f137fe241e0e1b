"""A comparison as text: on the terminal, as Markdown, and as MLflow's metrics."""

import pandas as pd
from adamml.study.compare import ComparisonEnd, Summary
from adamml.study.options.plan import ComparisonPlan
from adamml.terminal import open_console
from rich.markup import escape
from rich.table import Table

from analysis.comparison import Claim, Results, results
from analysis.runs import TITLES

COLUMNS = 130
"""Columns of text where there is no terminal to ask."""
FILE_NAME = "comparison.md"


def summarise(comparison: ComparisonPlan) -> Summary:
    """Write the Markdown file into the study's folder; nothing where nothing was tested yet."""
    found = results(comparison.folder, comparison.methods, comparison.seeds)
    if found.table.empty:
        return Summary(metrics={}, files=())
    path = comparison.folder / FILE_NAME
    path.write_text(markdown(found), encoding="utf-8")
    return Summary(metrics=metrics(found), files=(path,))


def print_comparison(compared: ComparisonEnd, look: str) -> None:
    """Table, claims, failures, and where to look next.

    Args:
        look: how to open the study's runs in MLflow.
    """
    comparison = compared.plan
    console = open_console(COLUMNS)
    found = results(comparison.folder, comparison.methods, comparison.seeds)
    if not found.table.empty:
        columns, rows = cells(found)
        table = Table(title=escape(title(found)), title_justify="left")
        for number, column in enumerate(columns):
            table.add_column(escape(column), justify="right" if number else "left")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table, *map(escape, map(sentence, found.claims)), NOTE, sep="\n")
    for name, error in compared.failed.items():
        cause = error.strip().rpartition("\n")[2]
        console.print(f"[red]{escape(name)} failed:[/red] {escape(cause)}")
        console.print(escape(error.strip()), style="dim")
    if compared.behind:
        console.print(compared.behind, style="yellow", markup=False)
    if not found.table.empty:
        path = escape(str(comparison.folder / FILE_NAME))
        console.print(f"\n[bold]Table[/bold]    {path}", soft_wrap=True)
    console.print(f"[bold]Runs[/bold]     {escape(look)}", soft_wrap=True)


NOTE = (
    "Intervals are of 95%, from a hierarchical bootstrap over seeds and videos. Nothing was chosen "
    "on the test split; the best modality alone is the best on validation."
)


def title(found: Results) -> str:
    return f"{found.name}: {found.videos} test videos, seeds {', '.join(map(str, found.seeds))}"


def cells(found: Results) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of text."""
    table = found.table
    rates = [str(c) for c in table.columns if str(c).startswith("selection_rate.")]
    columns = ["method", "seeds", TITLES[found.quality], "95% interval"]
    beside = [TITLES["map"]] if found.quality != "map" else []
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
    points = claim.difference
    seeds = ", ".join(f"{value:+.2f} (seed {seed})" for seed, value in claim.by_seed.items())
    return (
        f"{claim.ours} {claim.verdict} {claim.other}: {points.mean:+.2f} points, "
        f"{points.low:+.2f} to {points.high:+.2f}; {seeds}"
    )


def markdown(found: Results) -> str:
    """The same table and claims; names are the methods' own, so nothing needs escaping."""
    columns, rows = cells(found)
    lines = [f"# {title(found)}", "", f"| {' | '.join(columns)} |"]
    lines.append(f"|---|{'---:|' * (len(columns) - 1)}")
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(f"- {sentence(claim)}" for claim in found.claims), "", NOTE, ""]
    return "\n".join(lines)


def metrics(found: Results) -> dict[str, float]:
    """<method>.<column>, quality by its name, and claim.<ours>_over_<other>.<points, low, high>."""
    values: dict[str, float] = {}
    for _, run in found.table.iterrows():
        numbers = {str(k): v for k, v in run.items() if k != "method" and not pd.isna(v)}
        numbers[found.quality] = numbers.pop("quality")
        values |= {f"{run['method']}.{k}": float(v) for k, v in numbers.items()}
    for claim in found.claims:
        name, points = f"claim.{claim.ours}_over_{claim.other}", claim.difference
        values |= {f"{name}.points": points.mean}
        values |= {f"{name}.low": points.low, f"{name}.high": points.high}
    return values
