"""Resolving the options of a comparison to a plan, before anything starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adamml.config import Config, flatten
from adamml.data.manifest import load_manifest
from adamml.data.relevance import relevance_known
from adamml.home import study_folder
from adamml.methods import method_names, method_overrides, methods_of, recognition_epochs
from adamml.models.weight_files import with_weight_digests
from adamml.study.options.jobs import CompareOptions
from adamml.study.options.plan import ComparisonPlan
from adamml.study.options.resolving import (
    at_least,
    base_overrides,
    data_folder,
    data_identity,
    recipe_config,
)
from adamml.study.options.settings import ComparisonSettings
from adamml.tracking.follower import check_tracking_uri, default_tracking_uri


def resolve_comparison(options: CompareOptions) -> ComparisonPlan:
    """Resolve the options of a comparison to a plan; check all that can be checked before a start.

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
    return ComparisonPlan(
        config=config,
        base=base,
        methods=_methods(options.methods, config, options.data),
        settings=settings,
        folder=study_folder(options.name or settings.default_name),
        tracking_uri=check_tracking_uri(options.tracking_uri or default_tracking_uri()),
        data=data,
        built_in=options.data is None,
        seeds=options.seeds,
        slots=options.slots,
        workers_per_slot=options.workers_per_slot,
    )


def describe_comparison(plan: ComparisonPlan) -> dict[str, Any]:
    """Return the plan as plain values, for --dry-run."""
    return {
        "study": str(plan.folder),
        "data": str(plan.data),
        "tracking_uri": plan.tracking_uri,
        "seeds": list(plan.seeds),
        "methods": {m: plan.settings.methods[m] for m in plan.methods},
        "recognition_epochs": recognition_epochs(plan.config),
        "workers_per_slot": plan.workers_per_slot,
        "config": flatten(plan.config),
    }


def _methods(names: Sequence[str], config: Config, data: Path | None) -> tuple[str, ...]:
    """Return the methods of the options, each once, in the order of the table; all for no names."""
    for name in names:
        method_overrides(name, config)  # raises for an unknown name
    has_relevance = data is None or relevance_known(load_manifest(data), config)
    table = methods_of(config)
    for name in names:
        if table[name].knows_relevance and not has_relevance:
            raise ValueError(
                f"method {name} must have a manifest that says where the evidence is "
                f"(columns <modality>_stretches), got {data}"
            )
        needs = table[name].needs
        if needs and needs not in names:
            raise ValueError(f"method {name} must be compared with {needs}, got {names}")
    possible = [m for m, method in table.items() if has_relevance or not method.knows_relevance]
    return tuple(m for m in possible if not names or m in names)
