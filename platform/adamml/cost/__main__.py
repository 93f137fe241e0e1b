"""Print what a video costs under a recipe: as counted, and as the paper bills it.

    python -m adamml.cost kinetics_sounds
    python -m adamml.cost kinetics_sounds --rates rgb=0.4647,audio=0.9415
    python -m adamml.cost kinetics_sounds --task rgb+flow+audio --json

Policy networks are listed by the modality that they decide about, as in the config. One that looks
at another modality has that beside it: "flow (sees rgbdiff)".
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tyro

from adamml.config import Config, override
from adamml.config.overrides import parse
from adamml.cost.flops import Costs, count_costs
from adamml.cost.table import decisions_at_rates, segment_table, video_table
from adamml.recipes import RECIPES, parse_task
from adamml.tables import lookup
from adamml.terminal import open_console

PROGRAM = "python -m adamml.cost"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the command."""

    recipe: tyro.conf.Positional[str]
    """Name of a recipe (adamml.recipes.RECIPES), e.g. kinetics_sounds."""
    task: str = "rgb+audio"
    """Modalities to choose among: any of rgb, audio, flow and rgbdiff, joined by +."""
    rates: str = ""
    """Fraction of segments that compute each modality, e.g. rgb=0.4647,audio=0.9415; 1 for one that
    is not named."""
    segments: int | None = None
    """Number of segments per video. Default: the recipe's number in tests."""
    override: tuple[str, ...] = ()
    """Changes to the recipe, e.g. --override recognition.rgb.name=resnet18 policy.pixels=112."""
    json: bool = False
    """JSON instead of tables: multiply-accumulates per segment, GFLOPs per video at the rates."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 0 or, for a mistake in the options, 2."""
    options = tyro.cli(Options, description=__doc__, args=arguments, prog=PROGRAM)
    try:
        config = lookup(RECIPES, options.recipe, what="recipe")(parse_task(options.task))
        config = override(config, parse(options.override, config))
        rates = parse_rates(options.rates, config.modalities)
        segments = config.data.test_segments if options.segments is None else options.segments
        if segments < 1:
            raise ValueError(f"segments must be at least 1, got {segments}")
        costs = count_costs(config, config.data.num_classes)
    except (ValueError, RuntimeError) as error:  # RuntimeError: torch refuses impossible sizes
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(as_json(config, costs, rates, segments), indent=2))
        return 0
    tables = segment_table(config, costs), video_table(costs, rates, segments)
    open_console().print(*tables, sep="\n")
    return 0


def parse_rates(text: str, modalities: Sequence[str]) -> dict[str, float]:
    """Return modality -> rate, 1 for modalities that the text does not name.

    Args:
        text: e.g. "rgb=0.4647,audio=0.9415".
        modalities: the modalities that may be named, and the order of the result.

    Raises:
        ValueError: another modality, one that is named twice, or a rate outside [0, 1].
    """
    given: dict[str, float] = {}
    # An empty text names no modality, but split() would make one empty part of it.
    for part in text.split(",") if text else []:
        modality, _, value = (piece.strip() for piece in part.partition("="))
        if modality not in modalities or modality in given:
            raise ValueError(
                f"rates must be of {', '.join(modalities)}, each at most once, got {part!r}"
            )
        try:
            given[modality] = float(value)
        except ValueError:
            raise ValueError(f"rates must be modality=number, got {part!r}") from None
        if not 0 <= given[modality] <= 1:
            raise ValueError(f"rates must be in [0, 1], got {part!r}")
    return {m: given.get(m, 1.0) for m in modalities}


def as_json(config: Config, costs: Costs, rates: dict[str, float], segments: int) -> dict[str, Any]:
    """Return what --json prints.

    The policy's backbones are listed by the modality that they look at, e.g. rgbdiff where that
    stands for flow; "policy_sees" has modality that is decided about -> modality that is seen.
    """
    decisions = decisions_at_rates(rates, segments)
    return {
        "per_segment": {
            "recognition": costs.recognition,
            "classifier": costs.classifier,
            "policy": _by_policy_input(config, costs.policy),
            "joint": costs.joint,
            "lstm": costs.lstm,
            "heads": costs.heads,
            "fusion": costs.fusion,
        },
        "billed_per_segment": {
            "policy": _by_policy_input(config, costs.billed.policy),
            "lstm": costs.billed.lstm,
        },
        "per_video": {
            "counted": float(costs.gflops(decisions)),
            "published": float(costs.billed.gflops(decisions)),
        },
        "policy_sees": config.policy_inputs,
        "segments": segments,
        "rates": rates,
    }


def _by_policy_input(config: Config, policy: Mapping[str, int]) -> dict[str, int]:
    """Sum costs by modality that is decided about over the modality that is looked at."""
    parts: dict[str, int] = {}
    for modality, cost in policy.items():
        source = config.policy_inputs[modality]
        parts[source] = parts.get(source, 0) + cost
    return parts


if __name__ == "__main__":
    sys.exit(main())
