"""Tables of costs for the terminal (`python -m adamml.cost`)."""

import torch
from rich.table import Table
from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs


def decisions_at_rates(rates: dict[str, float], segments: int) -> Tensor:
    """Return one video's decisions that cost as much as the mean of many: float64 [1, S, M].

    Args:
        rates: modality -> fraction of segments that compute it, in the order of the axis M.
        segments: S.
    """
    return torch.tensor([[list(rates.values())] * segments], dtype=torch.float64)


def segment_table(config: Config, costs: Costs) -> Table:
    """Return a table with a row per part of the model: as counted, and as billed by the paper."""
    table = Table(title=f"A segment of {config.recipe}", title_justify="left")
    table.add_column("part")
    for column in ("GMACs", "multiply-accumulates", "billed by the paper"):
        table.add_column(column, justify="right")
    bill = costs.billed

    def add(part: str, counted: int, billed: int | None) -> None:
        # None: the released code does not bill this part (docs/paper.md 1.2).
        bill_cell = "-" if billed is None else f"{billed:,}"
        table.add_row(part, f"{counted / 1e9:.4f}", f"{counted:,}", bill_cell)

    for m in costs.modalities:
        add(f"recognition, {m}", costs.recognition[m], bill.recognition[m])
        add(f"classifier, {m}", costs.classifier[m], None)
    if costs.fusion:
        add(f"fusion, {config.fusion}", costs.fusion, None)
    if not costs.segment_policy:
        return table
    for m, source in config.policy_inputs.items():
        name = m if source == m else f"{m} (sees {source})"
        add(f"policy, {name}", costs.policy[m], bill.policy[m])
    add("policy, joint layers", costs.joint, None)
    add("policy, LSTM", costs.lstm, bill.lstm)
    add("policy, heads", costs.heads, None)
    return table


def video_table(costs: Costs, rates: dict[str, float], segments: int) -> Table:
    """Return a table of GFLOPs per video: without a policy, everything on, and at the rates.

    Rows that say nothing new are left out: the first for a policy that costs nothing, the last for
    rates that are all 1.
    """
    table = Table(title=f"A video of {segments} segments, GFLOPs", title_justify="left")
    table.add_column("computed")
    table.add_column("counted", justify="right")
    table.add_column("published", justify="right")

    def add(computed: str, counted: float, published: float) -> None:
        table.add_row(computed, f"{counted:.3f}", f"{published:.3f}")

    everything = decisions_at_rates(dict.fromkeys(rates, 1.0), segments)
    if costs.segment_policy:
        recognition = sum(map(costs.segment_selected, costs.modalities)) + costs.fusion
        published = sum(costs.billed.recognition.values())
        add("all, no policy", segments * recognition / 1e9, segments * published / 1e9)
    add("all", float(costs.gflops(everything)), float(costs.billed.gflops(everything)))
    if any(rate < 1 for rate in rates.values()):
        title = ", ".join(f"{m} in {100 * rate:.4g}%" for m, rate in rates.items())
        decisions = decisions_at_rates(rates, segments)
        add(title, float(costs.gflops(decisions)), float(costs.billed.gflops(decisions)))
    return table
