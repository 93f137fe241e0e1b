"""What every study runs before its searcher is asked, and what its winners are compared with."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from adamml.config import Config, override
from adamml.recipes import lambdas
from adamml.trials.pretrained import unimodal_key

Spec = dict[str, Any]

ALWAYS_ON = {"policy.kind": "always_on"}
PUBLISHED = {
    "loss.correctness": "argmax",
    "loss.gamma": 10.0,
    "gumbel.temperature": 5.0,
    "gumbel.decay": 0.965,
    "policy_optimizer.lr": 0.01,
}
"""The published setting (paper.md 1.3), in the recipe's backbones. Outside every space."""
BASELINES: dict[str, dict[str, Any]] = {"always_on": ALWAYS_ON, "published": PUBLISHED}
"""Without the published lambdas, which baseline_specs adds."""
UNTRAINED_FUSIONS = ("average", "max")
TRAINED_FUSION = "fusion-average-trained"
"""Average fusion with as many recognition epochs as the trials that are trained jointly."""


def baseline_specs(config: Config, base: Mapping[str, Any], fidelity: str) -> list[Spec]:
    """The first trials of a study: always-on fusion and the published setting.

    Args:
        base: the study's own overrides of its recipe.
    """
    published = {f"loss.lambdas.{m}": value for m, value in lambdas(config.modalities).items()}
    return [
        {
            "kind": "trial",
            "id": f"trial-{number:03d}",
            "method": method,
            "name": f"{number:03d} {method}",
            "fidelity": fidelity,
            "overrides": {**base, **changes} | (published if method == "published" else {}),
        }
        for number, (method, changes) in enumerate(BASELINES.items())
    ]


def fusion_specs(config: Config, base: Mapping[str, Any], fidelity: str) -> list[Spec]:
    """Fusions of the unimodal networks as they are: no epoch of training."""
    untrained = {f"stages.{stage}": 0 for stage in config.stages}
    return [
        _fusion(f"fusion-{name}", f"{name} fusion", name, {**base, **untrained}, fidelity)
        for name in UNTRAINED_FUSIONS
    ]


def trained_fusion_spec(base: Mapping[str, Any]) -> Spec:
    return _fusion(TRAINED_FUSION, "average fusion, trained", "average", base, "joint")


def _fusion(id: str, name: str, fusion: str, base: Mapping[str, Any], fidelity: str) -> Spec:
    return {
        "kind": "fusion",
        "id": id,
        "method": fusion,
        "name": name,
        "fidelity": fidelity,
        "overrides": {**base, **ALWAYS_ON, "fusion": fusion},
    }


def unimodal_specs(
    config: Config,
    base: Mapping[str, Any],
    recognition: Mapping[str, Sequence[str]],
    data: str,
) -> list[Spec]:
    """One network for each modality and backbone of the space and the recipe, dearest first.

    Args:
        data: the manifest's fingerprint.
    """
    specs: dict[str, Spec] = {}
    for changes in [{}, *backbone_overrides(recognition)]:
        variant = override(config, changes)
        for modality in config.modalities:
            backbone = variant.recognition[modality].name
            id = f"unimodal-{modality}-{unimodal_key(variant, modality, data)}"
            specs[id] = {
                "kind": "unimodal",
                "id": id,
                "method": modality,
                "name": f"{modality} alone ({backbone})",
                "modality": modality,
                "overrides": {**base, f"recognition.{modality}.name": backbone},
            }
    return sorted(specs.values(), key=lambda spec: config.modalities.index(spec["modality"]))


def backbone_overrides(recognition: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """One set of overrides per combination of recognition backbones."""
    paths = [f"recognition.{modality}.name" for modality in recognition]
    return [
        dict(zip(paths, names, strict=True)) for names in itertools.product(*recognition.values())
    ]
