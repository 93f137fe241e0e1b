"""Plans: the options of a job made definite, before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config
from adamml.methods import policy_epochs
from adamml.records import TrialRecord
from adamml.study.options.settings import ComparisonSettings, Settings
from adamml.study.search.schedulers import Halving, Scheduler, scheduler_of
from adamml.study.search.searchers import Space


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The parts of a plan that every job over slots has."""

    config: Config
    """Config that all trials start from."""
    base: Mapping[str, Any]
    """Overrides that make it from its recipe: those of the command line, and the seeds."""
    folder: Path
    """Folder of the study in the home."""
    data: Path
    """Folder of the videos."""
    built_in: bool
    """True for the built-in dataset, whose missing videos are made."""
    tracking_uri: str
    """MLflow server or database."""
    slots: int | None
    """Trials at the same time; None for as many as the cluster holds."""
    workers_per_slot: int
    """Ray Train workers that share one trial."""
    settings: Settings | ComparisonSettings
    """Content of study.json: two runs with equal settings are one study."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the study in MLflow, besides the config."""
        return {}

    @property
    def num_trials(self) -> int:
        """Trials of the complete study, retrainings not counted."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class ConfirmPlan:
    """Retraining with fresh seeds after the search."""

    seeds: int
    """Fresh seeds of each configuration; 0 retrains nothing."""
    until: int
    """Most seeds of a configuration that may or may not be on the front."""
    whole_front: bool
    """True for all of the validation front, the published setting and each modality alone; False
    for the chosen point and always-on fusion."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan(Plan):
    """A search and the confirmation of its result."""

    settings: Settings
    space: Space
    """Define-by-run search space."""
    recognition: Mapping[str, Sequence[str]]
    """Modality -> recognition backbones that the space searches."""
    trials: int
    """All trials, baselines included."""
    joint: int
    """Trials that are trained jointly after the policy-only stage, besides always-on fusion."""
    confirm: ConfirmPlan
    earlier: Sequence[TrialRecord] = ()
    """Finished trials of another study that the sampler starts from."""

    @property
    def params(self) -> dict[str, Any]:
        return {f"search.{name}": value for name, value in self.settings.search.items()}

    @property
    def num_trials(self) -> int:
        return self.trials

    @property
    def first_fidelity(self) -> str:
        """Fidelity of every trial before any is promoted."""
        return "policy" if self.config.stages.get("policy_only") else "joint"

    @property
    def stops_early(self) -> bool:
        """Whether the scheduler stops trials at rungs."""
        return self._scheduler.stops_early

    @property
    def sampled_fidelity(self) -> str:
        """Fidelity that a sampled trial is trained to.

        Where a scheduler decides which trials continue, joint: from the first policy epoch to the
        last joint one. Else the first fidelity; the best are promoted when all are there.
        """
        return "joint" if self.stops_early else self.first_fidelity

    @property
    def policy_epochs(self) -> int:
        """Epochs in which a sampled trial trains its policy."""
        return policy_epochs(self.config, self.sampled_fidelity)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Policy epochs at which sampled trials are compared."""
        return self._scheduler.rungs(self.halving, self.policy_epochs)

    @property
    def _scheduler(self) -> Scheduler:
        return scheduler_of(self.settings.search["scheduler"])

    @property
    def halving(self) -> Halving:
        """Times and share of successive halving."""
        search = self.settings.search
        return Halving(first_rung=search["first_rung"], eta=search["eta"])


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan(Plan):
    """A comparison of methods at several seeds."""

    settings: ComparisonSettings
    methods: tuple[str, ...]
    """Compared methods, in the order of the table."""
    seeds: tuple[int, ...]
    """Seeds of networks and training."""

    @property
    def num_trials(self) -> int:
        return len(self.methods) * len(self.seeds)
