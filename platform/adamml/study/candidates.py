"""Which configurations of a search are retrained with fresh seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamml.config import Config
from adamml.objectives.table import OBJECTIVES
from adamml.records import TrialRecord
from adamml.study.methods import method_overrides
from adamml.study.selection import choose, evaluated, strongest_fusion
from adamml.study.specs import Spec
from adamml.training.operating_points import Point


@dataclass(frozen=True, kw_only=True)
class Candidate:
    key: str
    name: str
    method: str
    overrides: dict[str, Any]
    within_budget: bool = False
    """Tested at its best operating point within the budget, as the search chose it."""
    searched: dict[str, float] = field(default_factory=dict)
    """Objectives on validation, as the search saw them; empty for what it did not see."""

    def spec(self, seed: int) -> Spec:
        return {
            "kind": "confirm",
            "id": self.id(seed),
            "method": self.method,
            "name": f"{self.name}, seed {seed}",
            "fidelity": "joint",
            "overrides": self.overrides | {"seed": seed},
        }

    def id(self, seed: int) -> str:
        return f"confirm-{self.key}-seed-{seed}"


def candidates(
    records: Sequence[TrialRecord], config: Config, base: Mapping[str, Any], *, whole_front: bool
) -> list[Candidate]:
    """Always-on fusion first, then the chosen point; and with the whole front its other
    configurations, the published setting and each modality alone."""
    trials, chosen = evaluated(records), choose(records, strongest_fusion(records))
    wanted = {r.id for r in trials if r.method == "always_on"}
    if whole_front:
        wanted |= {r.id for r in trials if r.tags.get("on_front") == "true"}
        wanted |= {r.id for r in trials if r.method == "published"}
    found = []
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
            found.append(candidate)
    found.sort(key=lambda c: (c.method != "always_on", not c.within_budget))
    for modality in config.modalities if whole_front and len(config.modalities) > 1 else ():
        overrides = {**base, **method_overrides(modality, config)}
        name = f"{modality} alone"
        found.append(Candidate(key=modality, name=name, method=modality, overrides=overrides))
    return found
