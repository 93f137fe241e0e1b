"""Resolving the options of a sweep to a plan, before anything starts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from adamml.config import Config, flatten, override
from adamml.home import study_folder
from adamml.models.weights import check_weights
from adamml.objectives.table import OBJECTIVES
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.plan import ConfirmPlan, SweepPlan
from adamml.study.options.resolving import (
    at_least,
    base_overrides,
    data_folder,
    data_identity,
    recipe_config,
)
from adamml.study.options.settings import Settings, study_settings
from adamml.study.options.space import StudySpace
from adamml.study.options.warm_start import earlier_trials
from adamml.study.search.schedulers import build_scheduler
from adamml.study.search.searchers import Space, build_sampler
from adamml.study.specs import backbone_overrides
from adamml.tracking.follower import check_tracking_uri, default_tracking_uri

SEARCH_OPTIONS = ("sampler", "scheduler", "first_rung", "eta", "max_gflops", "warm_start")
"""Options that study.json has as settings of the search."""


def resolve(options: SweepOptions, space_of: Callable[[str], StudySpace]) -> SweepPlan:
    """Resolve the options of a sweep to a plan; check all that can be checked before a start.

    Args:
        options: of the sweep.
        space_of: returns the search space of a recipe, by the recipe's name.

    Raises:
        ValueError: an unknown recipe, override, sampler or scheduler, a data folder without
            manifest, weights that do not exist or do not fit every backbone searched, a tracking
            URI that MLflow does not take, or a study to start from that has another space.
    """
    recipe = recipe_config(options)
    study_space = space_of(recipe.recipe)
    space = partial(study_space.suggest, modalities=recipe.modalities)
    recognition = {m: study_space.recognition[m] for m in recipe.modalities}
    at_least(options.joint, 1, "joint")
    at_least(options.trials, 2, "trials (always-on fusion and the published setting come first)")
    config, base = base_overrides(options, recipe, _seeds(options, recipe))
    _check_searched_weights(config, recognition)
    data = data_folder(options, config)
    settings = study_settings(
        config,
        space=study_space.name,
        searched=_searched(space),
        recognition=recognition,
        data=data_identity(options, data),
        workers_per_slot=options.workers_per_slot,
        search=_search(options, study_space),
    )
    uri = check_tracking_uri(options.tracking_uri or default_tracking_uri())
    plan = SweepPlan(
        config=config,
        base=base,
        space=space,
        recognition=recognition,
        settings=settings,
        folder=study_folder(options.name or settings.default_name),
        data=data,
        built_in=options.data is None,
        tracking_uri=uri,
        slots=options.slots,
        workers_per_slot=options.workers_per_slot,
        trials=options.trials or study_space.trials,
        joint=study_space.joint if options.joint is None else options.joint,
        confirm=_confirm_plan(options, study_space),
        earlier=earlier_trials(options.warm_start, settings) if options.warm_start else (),
    )
    build_scheduler(
        settings.search["scheduler"], plan.halving, plan.policy_epochs, settings.reference
    )
    return plan


def describe(plan: SweepPlan) -> dict[str, Any]:
    """Return the plan as plain values, for --dry-run."""
    return {
        "study": str(plan.folder),
        "data": str(plan.data),
        "tracking_uri": plan.tracking_uri,
        "space": plan.settings.space,
        "searched": plan.settings.searched,
        "recognition": {m: list(names) for m, names in plan.recognition.items()},
        "search": plan.settings.search,
        "warm_start_trials": len(plan.earlier),
        "reference": _reference(plan.settings),
        "trials": plan.trials,
        "trained_jointly": plan.joint,
        "confirm": asdict(plan.confirm),
        "workers_per_slot": plan.settings.workers_per_slot,
        "config": flatten(plan.config),
    }


def _reference(settings: Settings) -> dict[str, float]:
    """Return the worst value of each objective, with accuracy or map in place of quality."""
    names = [settings.quality if name == "quality" else name for name in OBJECTIVES]
    return dict(zip(names, settings.reference, strict=True))


def _check_searched_weights(config: Config, recognition: Mapping[str, Sequence[str]]) -> None:
    """Raise if the config's weights do not fit every backbone that is searched."""
    for searched in backbone_overrides(recognition):
        try:
            check_weights(override(config, searched))
        except ValueError as error:
            tried = ", ".join(f"{path}={name}" for path, name in searched.items())
            raise ValueError(f"{error} (the search tries {tried})") from error


def _searched(space: Space) -> dict[str, str]:
    """Return the distributions and constants of a space as text, by dotted path."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    constants = space(trial)
    return {k: str(d) for k, d in trial.distributions.items()} | {
        k: str(v) for k, v in constants.items()
    }


def _confirm_plan(options: SweepOptions, space: StudySpace) -> ConfirmPlan:
    at_least(options.confirm_seeds, 1, "confirm-seeds")
    front = options.confirm_front
    return ConfirmPlan(
        seeds=options.confirm_seeds if options.confirm else 0,
        until=options.confirm_until,
        whole_front=space.confirm_front if front is None else front,
    )


def _search(options: SweepOptions, space: StudySpace) -> dict[str, Any]:
    """Return the settings of the search, with the space's defaults for options that are not given.

    Raises:
        ValueError: an unknown sampler, or a limit that is not a number above 0.
    """
    build_sampler(options.sampler, 0)
    if options.max_gflops is not None and not 0 < options.max_gflops < math.inf:
        raise ValueError(f"max-gflops must be a number above 0, got {options.max_gflops}")
    defaults = {"scheduler": space.scheduler, "first_rung": space.first_rung, "eta": space.eta}
    given = {name: getattr(options, name) for name in SEARCH_OPTIONS}
    return given | {n: v for n, v in defaults.items() if given[n] is None}


def _seeds(options: SweepOptions, recipe: Config) -> dict[str, Any]:
    """Return the overrides by which --seed sets the seeds of networks and of built-in videos."""
    built_in = recipe.data.synthetic is not None and options.data is None
    return {"seed": options.seed} | ({"data.synthetic.seed": options.seed} if built_in else {})
