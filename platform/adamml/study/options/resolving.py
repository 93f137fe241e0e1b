"""Resolving the options that all jobs have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adamml import home
from adamml.config import Config, override
from adamml.config.overrides import parse
from adamml.data.dataset import check_labels
from adamml.data.manifest import load_manifest
from adamml.data.stored_flow import unread, warn_once
from adamml.data.synthetic.generation import synthetic_name
from adamml.home import move_home
from adamml.models.weight_files import with_absolute_weights
from adamml.models.weights import check_weights
from adamml.recipes import RECIPES, parse_task
from adamml.study.options.jobs import JobOptions
from adamml.tables import lookup


def recipe_config(options: JobOptions) -> Config:
    """Return the recipe's config for the options' modalities, without overrides. Set the home.

    Raises:
        ValueError: an unknown recipe or modality, or fewer than one slot or worker.
    """
    move_home(options.home)
    at_least(options.slots, 1, "slots")
    at_least(options.workers_per_slot, 1, "workers-per-slot")
    recipe = options.recipe or ("kinetics_sounds" if options.data else "demo")
    return lookup(RECIPES, recipe, what="recipe")(parse_task(options.task))


def base_overrides(
    options: JobOptions, config: Config, job: Mapping[str, Any]
) -> tuple[Config, dict[str, Any]]:
    """Return the config that all trials start from, and the overrides that make it from its recipe.

    Args:
        options: of the job.
        config: of the recipe.
        job: overrides of the job, e.g. its seed; the user's are applied after them.

    Raises:
        ValueError: an override that the config refuses, a data folder without a manifest, or
            weights that do not exist or do not fit.
    """
    base = dict(job)
    manifest = load_manifest(options.data) if options.data is not None else None
    if manifest is not None:
        base |= {"data.num_classes": len(manifest.classes), "data.quality": manifest.quality}
    base |= with_absolute_weights(parse(options.override, config))
    config = override(config, base)
    if manifest is not None:
        check_labels(manifest, config)
        if warning := unread(config, manifest.flow):
            warn_once(warning)
    check_weights(config)
    return config, base


def data_folder(options: JobOptions, config: Config) -> Path:
    """Return the folder of the videos: that of --data, or of the built-in videos in the home.

    Raises:
        ValueError: --data is not given and the recipe has no built-in videos.
    """
    if options.data is not None:
        return options.data.expanduser().absolute()
    if config.data.synthetic is None:
        raise ValueError(
            f"recipe {config.recipe} needs --data, a folder with your videos and a manifest.parquet"
        )
    return home.home() / "data" / synthetic_name(config.data.synthetic)


def data_identity(options: JobOptions, data: Path) -> str:
    """Return the text that identifies the data in study.json."""
    # The built-in videos follow from the config, which study.json has too.
    return f"manifest {load_manifest(data).fingerprint}" if options.data else "built-in"


def at_least(value: int | None, least: int, what: str) -> None:
    """Raise if an option is too small.

    Args:
        value: of the option; None if it is not given.
        least: smallest valid value.
        what: name of the option.

    Raises:
        ValueError: the value is below the least one.
    """
    if value is not None and value < least:
        raise ValueError(f"{what} must be at least {least}, got {value}")
