"""A sweep from the user's options to the study's last line; what jobs/sweep_ks.py calls."""

import json
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from adamml import cluster, home
from adamml.config import Config, flatten, override
from adamml.data.manifest import Manifest, load_manifest
from adamml.data.synthetic import ensure_synthetic, synthetic_name
from adamml.follower import Follower, check_tracking_uri, default_tracking_uri
from adamml.overrides import parse
from adamml.recipes import RECIPES
from adamml.study.progress import Display, Expected
from adamml.study.run import Plan, Study
from adamml.study.settings import open_study, study_settings
from adamml.study.sizing import slot_size
from adamml.study.slots import start_slots
from adamml.tables import lookup

Draw = Callable[[Path, str], Iterable[Path]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Search how little computation a multi-modal video classifier needs."""

    recipe: str | None = None
    """demo (small networks, built-in videos), tiny (seconds), or kinetics_sounds (the published
    settings). Default: kinetics_sounds where --data is given, else demo."""
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    resolved: Resolved
    failed: dict[str, str]
    """Trial id -> traceback."""
    behind: str | None
    """Why MLflow does not show everything, if so."""


def resolve(options: Options, space_of: Callable[[str], ModuleType]) -> Resolved:
    """Check everything that can be checked before anything starts.

    Raises:
        ValueError: an unknown recipe or override, a data folder without manifest, a tracking URI
            that MLflow does not take.
    """
    if options.home is not None:
        os.environ["ADAMML_HOME"] = str(options.home.expanduser().absolute())
    recipe = options.recipe or ("kinetics_sounds" if options.data else "demo")
    config = lookup(RECIPES, recipe, what="recipe")()
    space = space_of(recipe)
    _at_least(options.trials, 2, "trials (always-on fusion and the published setting come first)")
    _at_least(options.slots, 1, "slots")
    _at_least(options.workers_per_slot, 1, "workers-per-slot")
    base = _base(options, config)
    config = override(config, base)
    data = options.data.expanduser().absolute() if options.data else _built_in(config)
    settings = study_settings(
        config,
        space=space.__name__,
        recognition=space.RECOGNITION,
        data=str(data) if options.data else "built-in",
        workers_per_slot=options.workers_per_slot,
    )
    plan = Plan(
        config=config,
        base=base,
        space=space.space,
        recognition=space.RECOGNITION,
        settings=settings,
        folder=home.home() / "studies" / _name(options.name or settings.default_name),
        trials=options.trials or space.TRIALS,
        joint=space.JOINT,
    )
    uri = check_tracking_uri(options.tracking_uri or default_tracking_uri())
    return Resolved(
        options=options, plan=plan, tracking_uri=uri, data=data, built_in=options.data is None
    )


def sweep(resolved: Resolved, draw: Draw) -> Outcome:
    """Run the study.

    Args:
        draw: (study folder, tracking URI) -> files to attach to the study in MLflow; called when
            all is done.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call goes on with the study.
    """
    _quiet_tune()
    plan, options = resolved.plan, resolved.options
    open_study(plan.folder, plan.settings)
    with Display(plan.folder, plan.settings, _expected(plan)) as display:
        display.phase("starting Ray")
        with cluster.connect(), _terminate_like_interrupt():
            cluster.check_home(home.home())
            size = slot_size(options.slots, options.workers_per_slot)
            with start_slots(
                **size,
                storage=plan.folder / "train",
                execute="adamml.study.execute:execute",
                context={
                    "home": str(home.home()),
                    "study": str(plan.folder),
                    "data": str(resolved.data),
                    "recipe": plan.config.recipe,
                },
            ) as slots:
                display.resize(size["count"])
                study = Study(plan, slots, size["count"], display.phase)
                behind = _run(study, resolved, display, draw)
    return Outcome(resolved=resolved, failed=study.failed, behind=behind)


def _run(study: Study, resolved: Resolved, display: Display, draw: Draw) -> str | None:
    """The study between its first and its last journal line; returns what MLflow lacks."""
    plan = resolved.plan
    manifest = _manifest(resolved, display)
    study.journal.append("start", name=plan.folder.name, params=flatten(plan.config))
    follower = Follower(plan.folder, resolved.tracking_uri)
    status = "failed"
    try:
        study.run(manifest)
        status = "failed" if study.failed else "completed"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        display.phase("writing the report")
        study.journal.append("end", status=status)
        for path in draw(plan.folder, resolved.tracking_uri):
            study.journal.append("artifact", path=str(path.relative_to(plan.folder)))
        behind = follower.finish()
    return behind


def dry_run(resolved: Resolved) -> str:
    """What --dry-run prints: JSON of the config, the space and what would start."""
    plan = resolved.plan
    shown = {
        "study": str(plan.folder),
        "data": str(resolved.data),
        "tracking_uri": resolved.tracking_uri,
        "space": plan.settings.space,
        "searched": _searched(plan),
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


def _searched(plan: Plan) -> dict[str, str]:
    import optuna

    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    constants = plan.space(trial)
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


def _manifest(resolved: Resolved, display: Display) -> Manifest:
    synthetic = resolved.plan.config.data.synthetic
    if not resolved.built_in or synthetic is None:
        return load_manifest(resolved.data)
    display.phase("making the built-in dataset")
    processes = len(os.sched_getaffinity(0))
    progress = display.counter("making videos")
    return ensure_synthetic(resolved.data, synthetic, processes=processes, progress=progress)


def _expected(plan: Plan) -> Expected:
    """Every epoch of a complete study, by stage."""
    stages, epochs = plan.config.stages, dict[str, int]()
    unimodal = plan.config.unimodal
    epochs["unimodal"] = sum(
        unimodal[m].epochs * len(names) for m, names in plan.recognition.items()
    )
    first = plan.first_fidelity
    for stage, count in stages.items():
        policy = stage == "policy_only"
        jointly = plan.joint + 2 if first == "policy" else plan.trials + 1
        epochs[stage] = count * (plan.trials + 1 if policy else jointly)
    return Expected(epochs=epochs, slots=1, trials=plan.trials)


def _quiet_tune() -> None:
    """The journal and the display say what happens; Ctrl-C is ours to handle."""
    os.environ |= {
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
    }
    # Without Tune's own result files it warns at the end that there are none.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that slots are seen off.

    Only after ray.init, which installs a handler of its own.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
