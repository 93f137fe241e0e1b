"""What the user asked for, made definite before anything starts."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from adamml import home
from adamml.config import Config, flatten, override
from adamml.data.manifest import load_manifest
from adamml.data.synthetic import synthetic_name
from adamml.follower import check_tracking_uri, default_tracking_uri
from adamml.overrides import parse
from adamml.recipes import RECIPES, parse_task
from adamml.study.plan import Plan
from adamml.study.searcher import Space
from adamml.study.settings import study_settings
from adamml.tables import lookup


@dataclass(frozen=True, kw_only=True)
class Options:
    """Search how little computation a multi-modal video classifier needs."""

    recipe: str | None = None
    """demo (small networks, built-in videos), tiny (seconds), or kinetics_sounds (the published
    settings). Default: kinetics_sounds where --data is given, else demo."""
    task: str = "rgb+audio"
    """Modalities to choose among: any of rgb, audio, flow and rgbdiff, joined by +."""
    data: Path | None = None
    """Folder of your videos, with a manifest.parquet. Default: built-in videos are generated."""
    home: Path | None = None
    """Where data, networks and studies are kept; all nodes must reach it. Default: $ADAMML_HOME,
    else ~/.adamml."""
    tracking_uri: str | None = None
    """MLflow server or database. Default: $MLFLOW_TRACKING_URI, else a SQLite file in the home."""
    name: str | None = None
    """Of the study. The same name with the same settings goes on with it. Default: made from the
    settings."""
    trials: int | None = None
    """Number of trials, always-on fusion and published setting included. Default: the space's."""
    slots: int | None = None
    """Trials at the same time. Default: as many as the cluster holds."""
    workers_per_slot: int = 1
    """Ray Train workers (one GPU each where there are GPUs) that share one trial."""
    seed: int = 0
    """Of networks, search and built-in videos."""
    override: tuple[str, ...] = ()
    """Changes to the recipe for all trials, e.g. --override loss.gamma=3 stages.alternating=4."""
    dry_run: bool = False
    """Show the resolved config, the space and what would start; start nothing."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Options made definite; nothing has been started yet."""

    options: Options
    plan: Plan
    tracking_uri: str
    data: Path
    """The videos' folder."""
    built_in: bool

    @property
    def folder(self) -> Path:
        return self.plan.folder


def resolve(options: Options, space_of: Callable[[str], ModuleType]) -> Resolved:
    """Check everything that can be checked before anything starts.

    Raises:
        ValueError: an unknown recipe or override, a data folder without manifest, a tracking URI
            that MLflow does not take.
    """
    if options.home is not None:
        os.environ["ADAMML_HOME"] = str(options.home.expanduser().absolute())
    recipe = options.recipe or ("kinetics_sounds" if options.data else "demo")
    modalities = parse_task(options.task)
    config = lookup(RECIPES, recipe, what="recipe")(modalities)
    module = space_of(recipe)
    space = partial(module.space, modalities=modalities)
    recognition = {m: module.RECOGNITION[m] for m in modalities}
    _at_least(options.trials, 2, "trials (always-on fusion and the published setting come first)")
    _at_least(options.slots, 1, "slots")
    _at_least(options.workers_per_slot, 1, "workers-per-slot")
    base = _base(options, config)
    config = override(config, base)
    data = options.data.expanduser().absolute() if options.data else _built_in(config)
    settings = study_settings(
        config,
        space=module.__name__,
        searched=_searched(space),
        recognition=recognition,
        data=f"manifest {load_manifest(data).fingerprint}" if options.data else "built-in",
        workers_per_slot=options.workers_per_slot,
    )
    plan = Plan(
        config=config,
        base=base,
        space=space,
        recognition=recognition,
        settings=settings,
        folder=home.home() / "studies" / _name(options.name or settings.default_name),
        trials=options.trials or module.TRIALS,
        joint=module.JOINT,
    )
    uri = check_tracking_uri(options.tracking_uri or default_tracking_uri())
    return Resolved(
        options=options, plan=plan, tracking_uri=uri, data=data, built_in=options.data is None
    )


def dry_run(resolved: Resolved) -> str:
    """What --dry-run prints: JSON of the config, the space and what would start."""
    plan = resolved.plan
    shown = {
        "study": str(plan.folder),
        "data": str(resolved.data),
        "tracking_uri": resolved.tracking_uri,
        "space": plan.settings.space,
        "searched": plan.settings.searched,
        "recognition": {m: list(names) for m, names in plan.recognition.items()},
        "reference": dict(
            zip((plan.settings.quality, "gflops"), plan.settings.reference, strict=True)
        ),
        "trials": plan.trials,
        "trained_jointly": plan.joint,
        "workers_per_slot": plan.settings.workers_per_slot,
        "config": flatten(plan.config),
    }
    return json.dumps(shown, indent=2)


def _searched(space: Space) -> dict[str, str]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    constants = space(trial)
    return {k: str(d) for k, d in trial.distributions.items()} | {
        k: str(v) for k, v in constants.items()
    }


def _base(options: Options, config: Config) -> dict[str, Any]:
    base: dict[str, Any] = {"seed": options.seed}
    if config.data.synthetic is not None and options.data is None:
        base["data.synthetic.seed"] = options.seed
    if options.data is not None:
        base["data.num_classes"] = len(load_manifest(options.data).classes)
    return base | parse(options.override, config)


def _built_in(config: Config) -> Path:
    if config.data.synthetic is None:
        raise ValueError(
            f"recipe {config.recipe} needs --data, a folder with your videos and a manifest.parquet"
        )
    return home.home() / "data" / synthetic_name(config.data.synthetic)


def _name(name: str) -> str:
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(f"name must be one a folder can have, got {name!r}")
    return name


def _at_least(value: int | None, least: int, what: str) -> None:
    if value is not None and value < least:
        raise ValueError(f"{what} must be at least {least}, got {value}")
