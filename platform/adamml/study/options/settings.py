"""What a study is: fixed in study.json before its first trial, and the same whenever it goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config, fingerprint, flatten, override
from adamml.cost.flops import count_costs
from adamml.files import whole
from adamml.models.weight_files import with_weight_digests
from adamml.objectives.table import Bounds, worst_values
from adamml.study.specs import backbone_overrides


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Two runs of a job with equal settings are one study."""

    recipe: str
    space: str
    """The search space's module."""
    searched: dict[str, str]
    """Dotted path -> its distribution, or its constant."""
    config: dict[str, Any]
    """The flattened config that every trial starts from."""
    data: str
    """The fingerprint of the user's manifest, or "built-in"."""
    workers_per_slot: int
    search: dict[str, Any]
    """sampler, scheduler, first_rung, eta, max_gflops and warm_start; job_options.py says what."""
    quality: str
    """The name of the objective that is maximised (config.data.quality); the other is gflops. In
    journals its key is "quality", in MLflow this name."""
    reference: tuple[float, ...]
    """Worst value of each objective, from which hypervolume is measured (objectives/table.py)."""

    @property
    def default_name(self) -> str:
        return f"{self.recipe}-{_digest(self)}"


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings:
    """Two comparisons with equal settings are one: seeds and methods may be added to it."""

    recipe: str
    methods: dict[str, dict[str, Any]]
    """All there are, each with its overrides."""
    config: dict[str, Any]
    """The flattened config that every method starts from."""
    data: str
    """The fingerprint of the user's manifest, or "built-in"."""
    workers_per_slot: int

    @property
    def default_name(self) -> str:
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
    """Settings of a study over these recognition backbones (modality -> names)."""
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
            Bounds(
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
    """Create study.json, or make sure that it says the same.

    Raises:
        ValueError: the study exists with other settings; each difference is shown.
    """
    path = folder / "study.json"
    fields = json.loads(json.dumps(asdict(settings)))
    if not path.exists():
        with whole(path) as part:
            part.write_text(json.dumps(fields, indent=2) + "\n")
        return
    there = flatten(json.loads(path.read_text()))
    here = flatten(fields)
    differences = [
        f"  {key}: there {there.get(key)!r}, here {here.get(key)!r}"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]
    if differences:
        raise ValueError(
            f"study {folder.name!r} exists with other settings; choose another --name, "
            "or the settings it was started with:\n" + "\n".join(differences)
        )
