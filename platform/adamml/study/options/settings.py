"""Settings of a study: fixed in study.json before its first trial, equal whenever it continues."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config, fingerprint, flatten, override
from adamml.cost.flops import count_costs
from adamml.files import whole
from adamml.models.weight_files import with_weight_digests
from adamml.objectives.table import Extremes, worst_values
from adamml.study.specs import backbone_overrides


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Content of a sweep's study.json. Two sweeps with equal settings are one study."""

    recipe: str
    """Name of the recipe."""
    space: str
    """Name of the module that defines the search space."""
    searched: dict[str, str]
    """Dotted path -> distribution or constant, as text."""
    config: dict[str, Any]
    """Flattened config that every trial starts from, with digests of weight files."""
    data: str
    """Fingerprint of the user's manifest, or "built-in"."""
    workers_per_slot: int
    """Number of Ray Train workers that train one trial together."""
    search: dict[str, Any]
    """Options of the search: sampler, scheduler, first_rung, eta, max_gflops and warm_start
    (SweepOptions)."""
    quality: str
    """Name of the quality, accuracy or map (config.data.quality). In journals its key is "quality",
    in MLflow this name."""
    reference: tuple[float, ...]
    """Worst value of each objective, from which hypervolume is measured (objectives/table.py)."""

    @property
    def default_name(self) -> str:
        """Name of the study if the user gives none."""
        return f"{self.recipe}-{_digest(self)}"


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """Content of a comparison's study.json. Two comparisons with equal settings are one study.

    Seeds and compared methods are not settings: they may be added to a study.
    """

    recipe: str
    """Name of the recipe."""
    methods: dict[str, dict[str, Any]]
    """Method -> its overrides, for all methods that exist."""
    config: dict[str, Any]
    """Flattened config that every method starts from, with digests of weight files."""
    data: str
    """Fingerprint of the user's manifest, or "built-in"."""
    workers_per_slot: int
    """Number of Ray Train workers that train one trial together."""

    @property
    def default_name(self) -> str:
        """Name of the study if the user gives none."""
        return f"compare-{self.recipe}-{_digest(self)}"


def study_settings(
    config: Config,
    *,
    space: str,
    searched: dict[str, str],
    recognition: Mapping[str, Sequence[str]],
    data: str,
    workers_per_slot: int,
    search: Mapping[str, Any],
) -> Settings:
    """Return the settings of a sweep.

    Args:
        config: that every trial starts from.
        space: name of the module that defines the search space.
        searched: dotted path -> distribution or constant, as text.
        recognition: modality -> backbones that the space searches.
        data: fingerprint of the user's manifest, or "built-in".
        workers_per_slot: Ray Train workers that train one trial together.
        search: options of the search.
    """
    return Settings(
        recipe=config.recipe,
        space=space,
        searched=searched,
        config=with_weight_digests(flatten(config)),
        data=data,
        workers_per_slot=workers_per_slot,
        search=dict(search),
        quality=config.data.quality,
        reference=worst_values(
            Extremes(
                chance_quality=1 / config.data.num_classes,
                dearest_gflops=_dearest(config, recognition),
            )
        ),
    )


def _digest(settings: Settings | ComparisonSettings) -> str:
    return fingerprint(json.loads(json.dumps(asdict(settings))))[:6]


def _dearest(config: Config, recognition: Mapping[str, Sequence[str]]) -> float:
    variants = [override(config, changes) for changes in backbone_overrides(recognition)]
    costs = [count_costs(variant, variant.data.num_classes) for variant in variants]
    return max(cost.all_on(config.data.test_segments) for cost in costs)


def open_study(folder: Path, settings: Settings | ComparisonSettings) -> None:
    """Create study.json, or check that an existing one has the same settings.

    Raises:
        ValueError: the study exists with other settings; the message has each difference.
    """
    path = folder / "study.json"
    fields = json.loads(json.dumps(asdict(settings)))
    if not path.exists():
        with whole(path) as part:
            part.write_text(json.dumps(fields, indent=2) + "\n")
        return
    stored, given = flatten(json.loads(path.read_text())), flatten(fields)
    differences = [
        f"  {key}: in the study {stored.get(key)!r}, here {given.get(key)!r}"
        for key in sorted(stored.keys() | given.keys())
        if stored.get(key) != given.get(key)
    ]
    if differences:
        raise ValueError(
            f"study {folder.name!r} exists with other settings; give another --name, or the "
            "settings of the study:\n" + "\n".join(differences)
        )
