"""What is compared with AdaMML: each method as overrides of one recipe.

All methods begin with the same seed's unimodal networks and train recognition for the same number
of epochs after that: no method changes the stages warm_up, alternating and fine_tuning, and an
alternating epoch of a method without a policy to train is its recognition pass alone. So a modality
alone is trained further too, as always-on "fusion" of one: recognition_optimizer, segments per
video and choice of the best epoch are those of the others. What differs is what there is to learn
besides: the policy (AdaMML), and fusion weights on cached segment logits (stage policy_only). The
new layers of fc2 have no pretraining and see no more epochs than the rest, which is to its
disadvantage where those are few.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from adamml.config import Config
from adamml.tables import lookup
from adamml.training.passes import STAGES, RecognitionPass

Overrides = dict[str, Any]

ALWAYS_ON = {"policy.kind": "always_on"}
"""Overrides of a trial whose every modality is computed."""
NOTHING_ON_LOGITS = {"stages.policy_only": 0}
"""Neither policy nor fusion weights that cached segment logits could train."""
METHODS: dict[str, Overrides] = {
    "average": ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "average"},
    "weighted": ALWAYS_ON | {"fusion": "weighted"},
    "class_wise": ALWAYS_ON | {"fusion": "class_wise"},
    "max": ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "max"},
    "fc2": ALWAYS_ON | NOTHING_ON_LOGITS | {"fusion": "fc2"},
    "random": {"policy.kind": "random"},
    "matched_random": {"policy.kind": "random"},
    "adamml": {"policy.kind": "gumbel"},
    "relevance": {"policy.kind": "oracle"},
}
"""Name -> overrides; besides them every modality is a method, by its own name. To add one: add a
line. random has p = 0.5, matched_random the rates of the same seed's AdaMML."""
NEEDS = {"matched_random": "adamml"}
"""Method -> the one whose selection rates on validation, at the same seed, it is trained with."""
KNOWS_RELEVANCE = ("relevance",)
"""Only where the manifest says where the evidence is."""


def method_names(config: Config) -> list[str]:
    """Every method, the modalities alone first."""
    return [*config.modalities, *METHODS]


def method_overrides(name: str, config: Config) -> Overrides:
    """The overrides that make a method of the config.

    Raises:
        ValueError: no such method.
    """
    table = {m: _alone(m) for m in config.modalities} | METHODS
    chosen = dict(lookup(table, name, what="method"))
    if chosen["policy.kind"] == "random" and name not in NEEDS:
        chosen |= {f"policy.rates.{m}": 0.5 for m in config.modalities}
    stages = {f"stages.{stage}" for stage in config.stages}
    return {k: v for k, v in chosen.items() if not k.startswith("stages.") or k in stages}


def rates(final: Mapping[str, float], modalities: Sequence[str]) -> Overrides:
    """The random policy's overrides, from a learned one's final metrics on validation."""
    return {f"policy.rates.{m}": final[f"selection_rate.{m}"] for m in modalities}


def recognition_epochs(config: Config) -> int:
    """Epochs in which recognition networks are trained, after the unimodal stage."""
    trained = [s for s, passes in STAGES.items() if RecognitionPass in passes]
    return sum(config.stages.get(stage, 0) for stage in trained)


def _alone(modality: str) -> Overrides:
    alone = {"modalities": [modality], "fusion": "average"}
    return ALWAYS_ON | NOTHING_ON_LOGITS | alone
