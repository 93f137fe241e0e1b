"""The table of compared methods: each is a family and overrides of the recipe.

All methods begin with the same seed's unimodal networks and train recognition for the same number
of epochs after that: no method changes the stages warm_up, alternating and fine_tuning, and an
alternating epoch of a method without a policy to train is its recognition pass alone. So a modality
alone is trained further too, as always-on "fusion" of one: recognition_optimizer, segments per
video and choice of the best epoch are those of the others. Methods differ in what else there is to
learn: the policy (AdaMML), and fusion weights on cached segment logits (stage policy_only). The
new layers of fc2 have no pretraining and see no more epochs than the rest, which is to their
disadvantage if the epochs are few.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adamml.config import Config
from adamml.methods.adamml import ADAMML
from adamml.methods.family import Family
from adamml.tables import lookup

Overrides = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One line of the comparison."""

    overrides: Overrides
    """Dotted path -> value, on top of the recipe. Stages that a recipe lacks are left out."""
    per_modality: Overrides = field(default_factory=dict)
    """Dotted path -> value, overridden at <path>.<modality> for every modality."""
    family: Family[Any] = ADAMML
    """Kind of model that is trained, evaluated and billed."""
    needs: str | None = None
    """Method that is trained before, at the same seed: this one takes over its selection rates on
    validation (rates)."""
    knows_relevance: bool = False
    """True if it runs only on data whose manifest says where the evidence is."""


ALWAYS_ON: Overrides = {"policy.kind": "always_on"}
NOTHING_ON_LOGITS: Overrides = {"stages.policy_only": 0}
"""Overrides of a method with neither a policy nor fusion weights to train on segment logits."""

METHODS: dict[str, Method] = {
    "average": Method(overrides=ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "average"}),
    "weighted": Method(overrides=ALWAYS_ON | {"fusion": "weighted"}),
    "class_wise": Method(overrides=ALWAYS_ON | {"fusion": "class_wise"}),
    "max": Method(overrides=ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "max"}),
    "fc2": Method(overrides=ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "fc2"}),
    "random": Method(
        overrides={"policy.kind": "random"},
        per_modality={"policy.rates": 0.5},
    ),
    "matched_random": Method(overrides={"policy.kind": "random"}, needs="adamml"),
    "adamml": Method(overrides={"policy.kind": "gumbel"}),
    "relevance": Method(overrides={"policy.kind": "oracle"}, knows_relevance=True),
}
"""Name -> method, in the order of reports. To add a method: add a line.

Besides these, each modality alone is a method under its own name (methods_of)."""
FAMILIES: dict[str, Family[Any]] = {
    method.family.name: method.family for method in METHODS.values()
}
"""Name -> family, of all methods. It follows from METHODS: a new family needs no line here."""


def methods_of(config: Config) -> dict[str, Method]:
    """Return the methods that a config can be compared by, the modalities alone first."""
    return {modality: _alone(modality) for modality in config.modalities} | METHODS


def method_names(config: Config) -> list[str]:
    """Return the names of all methods of a config, the modalities alone first."""
    return list(methods_of(config))


def method_overrides(name: str, config: Config) -> Overrides:
    """Return the overrides that make a method of the config.

    Raises:
        ValueError: no such method.
    """
    method = lookup(methods_of(config), name, what="method")
    each = {f"{p}.{m}": v for p, v in method.per_modality.items() for m in config.modalities}
    # Recipes need not have every stage, and override() refuses a path that the config lacks.
    stages = {f"stages.{stage}" for stage in config.stages}
    return {
        path: value
        for path, value in {**method.overrides, **each}.items()
        if not path.startswith("stages.") or path in stages
    }


def family_of(method: str) -> Family[Any]:
    """Return the family of a method; AdaMML if METHODS does not list it.

    Modalities, the baselines of a search and its sampled trials are not listed.
    """
    return METHODS[method].family if method in METHODS else ADAMML


def rates(final: Mapping[str, float], modalities: Sequence[str]) -> Overrides:
    """Return the overrides that give a random policy the selection rates of a learned one.

    The learned policy's final metrics on validation hold them.
    """
    return {f"policy.rates.{m}": final[f"selection_rate.{m}"] for m in modalities}


def _alone(modality: str) -> Method:
    alone = {"modalities": [modality], "fusion": "average"}
    return Method(overrides=ALWAYS_ON | NOTHING_ON_LOGITS | alone)
