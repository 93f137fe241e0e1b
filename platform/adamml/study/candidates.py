"""Candidates: the configurations of a search that are retrained with fresh seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamml.config import Config
from adamml.methods import method_overrides
from adamml.methods.points import Point
from adamml.objectives.table import OBJECTIVES
from adamml.records import TrialRecord
from adamml.study import specs
from adamml.study.selection import choose, evaluated, strongest_fusion
from adamml.trials.assignment import Assignment


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A configuration that is retrained with fresh seeds."""

    key: str
    """Id of its trial; for a modality alone, the modality."""
    name: str
    """Text that people read in reports and in MLflow."""
    method: str
    """Method or baseline of the trial; for a modality alone, the modality."""
    overrides: dict[str, Any]
    """Dotted path -> value, with the seed of the search."""
    within_budget: bool = False
    """True for the chosen trial: each retraining of it is tested at its best operating point within
    the GFLOPs budget."""
    searched: dict[str, float] = field(default_factory=dict)
    """Objectives on validation in the search; empty for a modality alone."""

    def at(self, seed: int) -> Assignment:
        """Return the assignment that trains it with a fresh seed."""
        return specs.retraining(self.key, self.name, self.method, self.overrides, seed)


def candidates(
    records: Sequence[TrialRecord], config: Config, base: Mapping[str, Any], *, whole_front: bool
) -> list[Candidate]:
    """Return the candidates: always-on fusion, the chosen trial, then those of the whole front.

    Args:
        records: of the study's trials.
        config: that its trials start from.
        base: overrides of the recipe that all its trials have.
        whole_front: True to add the other trials of the validation front, the published setting
            and each modality alone.
    """
    trials, chosen = evaluated(records), choose(records, strongest_fusion(records))
    wanted = {r.id for r in trials if r.method == "always_on"}
    if whole_front:
        wanted |= {r.id for r in trials if r.tags.get("on_front") == "true"}
        wanted |= {r.id for r in trials if r.method == "published"}
    configurations = []
    for record in trials:
        point: Point | None = record.final if record.id in wanted else None
        if chosen and record.id == chosen.record.id:
            point = chosen.point
        if point is not None:
            candidate = Candidate(
                key=record.id,
                name=record.name,
                method=record.method,
                overrides=record.overrides,
                within_budget=bool(chosen and record.id == chosen.record.id),
                searched={name: point[name] for name in OBJECTIVES},
            )
            configurations.append(candidate)
    configurations.sort(key=lambda c: (c.method != "always_on", not c.within_budget))
    for modality in config.modalities if whole_front and len(config.modalities) > 1 else ():
        overrides = {**base, **method_overrides(modality, config)}
        name = f"{modality} alone"
        configurations.append(
            Candidate(key=modality, name=name, method=modality, overrides=overrides)
        )
    return configurations
