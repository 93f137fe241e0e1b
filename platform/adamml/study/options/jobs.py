"""Options of the jobs. This module is light to import, so that --help answers at once."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """Options that a sweep and a comparison have in common."""

    recipe: str | None = None
    """Recipe: demo (small networks, built-in videos), tiny (trains in seconds), or the published
    settings of a dataset: kinetics_sounds, activitynet, fcvid, mini_sports1m. Default:
    kinetics_sounds with --data, else demo."""
    task: str = "rgb+audio"
    """Modalities that the policy chooses from: any of rgb, audio, flow and rgbdiff, joined by +."""
    data: Path | None = None
    """Folder of your videos, with a manifest.parquet. Default: built-in videos, generated at the
    first run."""
    home: Path | None = None
    """Folder of data, networks and studies, which all nodes must reach. Default: $ADAMML_HOME, else
    ~/.adamml."""
    tracking_uri: str | None = None
    """URI of the MLflow server or database. Default: $MLFLOW_TRACKING_URI, else a SQLite file in
    the home."""
    name: str | None = None
    """Name of the study. With the name and the settings of an earlier study, that study continues.
    Default: a name made from the settings."""
    slots: int | None = None
    """Number of trials at the same time. Default: as many as the cluster has room for."""
    workers_per_slot: int = 1
    """Number of Ray Train workers that train one trial together, with one GPU each if the cluster
    has GPUs."""
    override: tuple[str, ...] = ()
    """Changes of the recipe for all trials, e.g. --override loss.gamma=3 stages.alternating=4."""
    dry_run: bool = False
    """Print the resolved settings and the phases that are left, as JSON, and start nothing."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(JobOptions):
    """Search how little computation a multi-modal video classifier needs."""

    trials: int | None = None
    """Number of trials, always-on fusion and the published setting included. Default: set by the
    search space."""
    joint: int | None = None
    """Number of trials that are trained jointly after the policy-only stage, besides always-on
    fusion. A scheduler that stops trials decides this itself. Default: set by the search space."""
    seed: int = 0
    """Seed of the networks, the search and the built-in videos."""
    sampler: str = "tpe"
    """Sampler that suggests trials: tpe, gp, nsga2 or nsga3; random or qmc (quasi-random) as
    baselines."""
    scheduler: str | None = None
    """Scheduler that stops trials early: front_asha (successive halving by quality and GFLOPs) or
    scalar_asha (by one number made of both); trials that it does not stop are trained jointly. fifo
    stops none. Default: set by the search space."""
    first_rung: int | None = None
    """Number of policy epochs before a scheduler first compares a trial with others. Default: set
    by the search space."""
    eta: int | None = None
    """Factor of successive halving: at each rung one in eta trials continues, and the next rung has
    eta times the epochs. Default: set by the search space."""
    max_gflops: float | None = None
    """Limit in GFLOPs per video, above which the sampler treats a trial as infeasible. Default:
    none."""
    confirm: bool = True
    """Retrain the results of the search with fresh seeds, and test each retraining once."""
    confirm_seeds: int = 3
    """Number of fresh seeds of each configuration."""
    confirm_until: int = 0
    """Largest number of fresh seeds of configurations that may or may not be on the front."""
    # Without DisallowNone tyro would require a value: --confirm-front True.
    confirm_front: tyro.conf.DisallowNone[bool | None] = None
    """Retrain the whole front, the published setting and each modality alone; otherwise only the
    chosen trial and always-on fusion. Default: set by the search space."""
    warm_start: str | None = None
    """Name of an earlier study over the same space, whose finished trials the sampler learns from.
    Default: none."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(JobOptions):
    """Compare AdaMML with each modality alone, with fusions of all, and with other policies."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of networks and training, each with its own unimodal networks. Built-in videos are the
    same for all seeds; --override data.synthetic.seed=1 generates others."""
    methods: tuple[str, ...] = ()
    """Methods to compare: modalities, average, weighted, class_wise, max, fc2, random,
    matched_random, adamml, relevance. Default: all that the data allows."""
