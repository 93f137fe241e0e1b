"""What the jobs ask of their users. Nothing slow is imported here: --help is answered at once."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    recipe: str | None = None
    """demo (small networks, built-in videos), tiny (seconds), or published settings:
    kinetics_sounds, activitynet, fcvid, mini_sports1m. Default: kinetics_sounds where --data is
    given, else demo."""
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
    slots: int | None = None
    """Trials at the same time. Default: as many as the cluster holds."""
    workers_per_slot: int = 1
    """Ray Train workers (one GPU each where there are GPUs) that share one trial."""
    override: tuple[str, ...] = ()
    """Changes to the recipe for all trials, e.g. --override loss.gamma=3 stages.alternating=4."""
    dry_run: bool = False
    """Show what was resolved and what would start; start nothing."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(JobOptions):
    """Search how little computation a multi-modal video classifier needs."""

    trials: int | None = None
    """Number of trials, always-on fusion and published setting included. Default: the space's."""
    joint: int | None = None
    """How many of them are trained jointly after the policy-only stage, besides always-on fusion;
    a scheduler that stops trials decides that itself. Default: the space's."""
    seed: int = 0
    """Of networks, search and built-in videos."""
    sampler: str = "tpe"
    """Who suggests trials: tpe, gp, nsga2, nsga3; random or qmc (quasi-random) as baselines."""
    scheduler: str | None = None
    """Who stops trials early: front_asha (successive halving by quality and GFLOPs), scalar_asha
    (by one number made of both); what they leave goes on to joint training. fifo: nobody. Default:
    the space's."""
    first_rung: int | None = None
    """Policy epochs before a trial is compared with the others. Default: the space's."""
    eta: int | None = None
    """One in eta goes on at a rung; the next has eta times the epochs. Default: the space's."""
    max_gflops: float | None = None
    """The sampler is told that dearer trials are of no use."""
    confirm: bool = True
    """Retrain what was found with fresh seeds, and test each once."""
    confirm_seeds: int = 3
    """How many fresh seeds."""
    confirm_until: int = 0
    """Up to so many for configurations that may or may not be on the front."""
    # Without DisallowNone tyro would ask for a value: --confirm-front True.
    confirm_front: tyro.conf.DisallowNone[bool | None] = None
    """All of the front, the published setting and each modality alone, or else the chosen point and
    always-on fusion. Default: the space's."""
    warm_start: str | None = None
    """Name of a study over the same space: the sampler learns from its finished trials."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(JobOptions):
    """Compare AdaMML with each modality alone, with fusions of all, and with other policies."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Of networks and training, each with its own unimodal networks. Built-in videos are the same
    for all (--override data.synthetic.seed=1 makes others)."""
    methods: tuple[str, ...] = ()
    """A modality, average, weighted, class_wise, max, fc2, random, matched_random, adamml or
    relevance. Default: all that the data allows."""
