"""The only module that makes assignments: a function for each reason to decode, train or test."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from adamml.config import Config, override
from adamml.data.manifest import Split
from adamml.methods import ALWAYS_ON, method_overrides
from adamml.recipes import lambdas
from adamml.records import TrialRecord
from adamml.trials.assignment import Assignment, Suggestion
from adamml.trials.pretrained import unimodal_key

Overrides = Mapping[str, Any]
"""Dotted path of the config -> value."""

PUBLISHED = {
    "loss.correctness": "argmax",
    "loss.gamma": 10.0,
    "gumbel.temperature": 5.0,
    "gumbel.decay": 0.965,
    "policy_optimizer.lr": 0.01,
}
"""Overrides of the published setting (docs/paper.md 1.3), in the recipe's backbones. The setting
lies outside of every search space."""
BASELINES: dict[str, dict[str, Any]] = {"always_on": ALWAYS_ON, "published": PUBLISHED}
"""Name -> overrides of the first trials of a sweep; baselines() adds the published lambdas."""
UNTRAINED_FUSIONS = ("average", "max")
"""Fusions of the unimodal networks that need no training."""
TRAINED_FUSION = "fusion-average-trained"
"""Id of average fusion that is trained through all stages, as the jointly trained trials are."""


def decoding(id: str, base: Overrides, *splits: Split) -> Assignment:
    """Return the decoding of splits into the cache of the node that runs it."""
    return Assignment(kind="prepare", id=id, overrides=base, splits=splits)


def decoding_everywhere(num_slots: int, base: Overrides, *splits: Split) -> list[Assignment]:
    """Return a decoding of splits for each slot; the slots of a node share its work."""
    return [decoding(f"{'+'.join(splits)} {n}", base, *splits) for n in range(num_slots)]


def unimodals(
    config: Config, base: Overrides, recognition: Mapping[str, Sequence[str]], data: str
) -> list[Assignment]:
    """Return one network for each modality and backbone of the space and the recipe.

    Args:
        config: that the study's trials start from. The networks' content addresses follow from it.
        base: overrides of the recipe that make the config.
        recognition: modality -> backbones that the space searches.
        data: fingerprint of the manifest.

    Returns:
        The networks in the order of the config's modalities, which is the dearest first.
    """
    networks: dict[str, Assignment] = {}
    for changes in [{}, *backbone_overrides(recognition)]:
        variant = override(config, changes)
        for modality in config.modalities:
            backbone = variant.recognition[modality].name
            network = Assignment(
                kind="unimodal",
                id=f"unimodal-{modality}-{unimodal_key(variant, modality, data)}",
                fidelity="unimodal",
                method=modality,
                name=f"{modality} alone ({backbone})",
                modality=modality,
                overrides={**base, f"recognition.{modality}.name": backbone},
            )
            networks[network.id] = network
    return sorted(networks.values(), key=lambda each: config.modalities.index(each.modality))


def unimodals_at(
    seed: int, config: Config, base: Overrides, data: str, *, kind: str = "unimodal"
) -> list[Assignment]:
    """Return the unimodal networks of a seed, in the config's backbones.

    Args:
        seed: of networks and training.
        config: that the study's trials start from, at any seed.
        base: overrides of the recipe that make the config.
        data: fingerprint of the manifest.
        kind: unimodal, or confirm_unimodal for a retraining.
    """
    config = override(config, {"seed": seed})
    return [
        Assignment(
            kind=kind,
            id=f"unimodal-{m}-{unimodal_key(config, m, data)}",
            fidelity="unimodal",
            method=m,
            name=f"{m} network ({config.recognition[m].name}), seed {seed}",
            modality=m,
            overrides={**base, "seed": seed},
        )
        for m in config.modalities
    ]


def backbone_overrides(recognition: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Return overrides for every combination of recognition backbones.

    >>> backbone_overrides({"rgb": ["conv3", "resnet10"], "audio": ["conv3"]})[1]
    {'recognition.rgb.name': 'resnet10', 'recognition.audio.name': 'conv3'}
    """
    paths = [f"recognition.{modality}.name" for modality in recognition]
    return [
        dict(zip(paths, names, strict=True)) for names in itertools.product(*recognition.values())
    ]


def baselines(config: Config, base: Overrides, fidelity: str) -> list[Assignment]:
    """Return the first trials of a sweep: always-on fusion and the published setting."""
    published = {f"loss.lambdas.{m}": value for m, value in lambdas(config.modalities).items()}
    return [
        Assignment(
            kind="trial",
            id=trial_id(number),
            fidelity=fidelity,
            method=method,
            name=f"{number:03d} {method}",
            overrides={**base, **changes} | (published if method == "published" else {}),
        )
        for number, (method, changes) in enumerate(BASELINES.items())
    ]


def trial_id(number: int) -> str:
    """Return the id of a sweep's trial. Trials are numbered from 0, baselines first."""
    return f"trial-{number:03d}"


def untrained_fusions(config: Config, base: Overrides, fidelity: str) -> list[Assignment]:
    """Return the fusions of the unimodal networks that are evaluated without training."""
    untrained = {f"stages.{stage}": 0 for stage in config.stages}
    return [
        _fusion(f"fusion-{name}", f"{name} fusion", name, {**base, **untrained}, fidelity)
        for name in UNTRAINED_FUSIONS
    ]


def trained_fusion(base: Overrides) -> Assignment:
    """Return average fusion, trained through all stages."""
    return _fusion(TRAINED_FUSION, "average fusion, trained", "average", base, "joint")


def _fusion(id: str, name: str, fusion: str, base: Overrides, fidelity: str) -> Assignment:
    return Assignment(
        kind="fusion",
        id=id,
        fidelity=fidelity,
        method=fusion,
        name=name,
        overrides={**base, **ALWAYS_ON, "fusion": fusion},
    )


def sampled(
    base: Overrides, fidelity: str, rungs: Sequence[int], suggestion: Suggestion
) -> Assignment:
    """Return the trial of a suggested point.

    Args:
        base: overrides of the recipe that all trials have.
        fidelity: to train to, policy or joint.
        rungs: policy epochs at which a scheduler may stop the trial.
        suggestion: id and overrides of the point.
    """
    return Assignment(
        kind="trial",
        id=suggestion.id,
        fidelity=fidelity,
        method="adamml",
        name=f"{suggestion.id.rpartition('-')[2]} adamml",
        overrides={**base, **suggestion.overrides},
        rungs=tuple(rungs),
    )


def joint(record: TrialRecord) -> Assignment:
    """Return the joint training of a trial that was trained to a lower fidelity."""
    return Assignment(
        kind=record.kind,
        id=record.id,
        fidelity="joint",
        method=record.method,
        name=record.name,
        overrides=record.overrides,
    )


def method_trial(
    name: str, seed: int, config: Config, base: Overrides, rates: Overrides
) -> Assignment:
    """Return the trial of a compared method at a seed.

    Args:
        name: entry of METHODS, or a modality.
        seed: of networks and training.
        config: that all methods start from.
        base: overrides of the recipe that make the config.
        rates: overrides from the result of another method, for a method that needs one.
    """
    return Assignment(
        kind="trial",
        id=method_id(name, seed),
        fidelity="joint",
        method=name,
        name=f"{name}, seed {seed}",
        overrides={**base, "seed": seed, **method_overrides(name, config), **rates},
    )


def method_id(method: str, seed: int) -> str:
    """Return the id of a method's trial at a seed."""
    return f"{method}-seed-{seed}"


def retraining(key: str, name: str, method: str, overrides: Overrides, seed: int) -> Assignment:
    """Return the training of a candidate through all stages with a fresh seed.

    Args:
        key: of the candidate.
        name: of the candidate, for people.
        method: method or baseline that it stands for.
        overrides: of the candidate, with the seed of the search.
        seed: fresh seed.
    """
    return Assignment(
        kind="confirm",
        id=retraining_id(key, seed),
        fidelity="joint",
        method=method,
        name=f"{name}, seed {seed}",
        overrides={**overrides, "seed": seed},
    )


def retraining_id(key: str, seed: int) -> str:
    """Return the id of a candidate's retraining at a seed."""
    return f"confirm-{key}-seed-{seed}"


def bounds(always_on: TrialRecord) -> Assignment:
    """Return the evaluation of relevance policy and oracle front, with a trial's networks."""
    return Assignment(kind="references", id=always_on.id, overrides=always_on.overrides)


def evaluation(record: TrialRecord, bias: Mapping[str, float], *, kind: str = "test") -> Assignment:
    """Return the evaluation of a trained trial on the test split.

    Args:
        record: of the trial.
        bias: modality -> decision bias; empty for none.
        kind: test, or test_videos to store the result of every video.
    """
    return Assignment(kind=kind, id=record.id, overrides=record.overrides, decision_bias=bias)
