"""What the user asked of a comparison, made definite before anything starts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config, flatten
from adamml.data.manifest import load_manifest
from adamml.data.relevance import relevance_known
from adamml.home import study_folder
from adamml.models.weight_files import with_weight_digests
from adamml.study.methods import (
    KNOWS_RELEVANCE,
    NEEDS,
    method_names,
    method_overrides,
    recognition_epochs,
)
from adamml.study.options.jobs import CompareOptions
from adamml.study.options.resolving import (
    at_least,
    base_overrides,
    data_folder,
    data_identity,
    recipe_config,
)
from adamml.study.options.settings import ComparisonSettings
from adamml.tracking.follower import check_tracking_uri, default_tracking_uri


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Options made definite; nothing has been started yet."""

    options: CompareOptions
    config: Config
    base: dict[str, Any]
    """The overrides of the recipe that all methods share."""
    methods: tuple[str, ...]
    settings: ComparisonSettings
    folder: Path
    tracking_uri: str
    data: Path
    """The videos' folder."""
    built_in: bool

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.options.seeds


def resolve_comparison(options: CompareOptions) -> Comparison:
    """Check everything that can be checked before anything starts.

    Raises:
        ValueError: an unknown recipe, method or override, seeds that are not distinct, a data
            folder without manifest, a tracking URI that MLflow does not take.
    """
    recipe = recipe_config(options)
    at_least(len(options.seeds), 1, "the number of seeds")
    at_least(min(options.seeds), 0, "seeds")
    if len(set(options.seeds)) < len(options.seeds):
        raise ValueError(f"seeds must be distinct, got {options.seeds}")
    config, base = base_overrides(options, recipe, {})
    if "seed" in base:
        raise ValueError(f"seed must be given as --seeds, got --override seed={base['seed']}")
    data = data_folder(options, config)
    settings = ComparisonSettings(
        recipe=config.recipe,
        methods={name: method_overrides(name, config) for name in method_names(config)},
        config=with_weight_digests(flatten(config)),
        data=data_identity(options, data),
        workers_per_slot=options.workers_per_slot,
    )
    return Comparison(
        options=options,
        config=config,
        base=base,
        methods=_methods(options.methods, config, options.data),
        settings=settings,
        folder=study_folder(options.name or settings.default_name),
        tracking_uri=check_tracking_uri(options.tracking_uri or default_tracking_uri()),
        data=data,
        built_in=options.data is None,
    )


def dry_run_comparison(comparison: Comparison) -> str:
    """What --dry-run prints: JSON of the config, the methods and what would start."""
    shown = {
        "study": str(comparison.folder),
        "data": str(comparison.data),
        "tracking_uri": comparison.tracking_uri,
        "seeds": list(comparison.seeds),
        "methods": {m: comparison.settings.methods[m] for m in comparison.methods},
        "recognition_epochs": recognition_epochs(comparison.config),
        "workers_per_slot": comparison.options.workers_per_slot,
        "config": flatten(comparison.config),
    }
    return json.dumps(shown, indent=2)


def _methods(asked: Sequence[str], config: Config, data: Path | None) -> tuple[str, ...]:
    """In the order of the table, each once."""
    for name in asked:
        method_overrides(name, config)  # refuses an unknown one
    known = data is None or relevance_known(load_manifest(data), config)
    for name in asked:
        if name in KNOWS_RELEVANCE and not known:
            raise ValueError(
                f"method {name} must have a manifest that says where the evidence is "
                f"(columns <modality>_stretches), got {data}"
            )
        if name in NEEDS and NEEDS[name] not in asked:
            raise ValueError(f"method {name} must be compared with {NEEDS[name]}, got {asked}")
    possible = [m for m in method_names(config) if known or m not in KNOWS_RELEVANCE]
    return tuple(m for m in possible if not asked or m in asked)
