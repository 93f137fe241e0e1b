"""Plans: the resolved options of a job, fixed before anything starts."""

from abc import ABC, abstractmethod
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
class Plan(ABC):
    """Resolved options of any job over a study."""

    config: Config
    """Config that all trials start from."""
    base: Mapping[str, Any]
    """Overrides that make the config from its recipe: those of the command line, and the seeds."""
    folder: Path
    """Folder of the study in the home."""
    data: Path
    """Folder of the videos."""
    built_in: bool
    """True for the built-in dataset, whose missing videos are generated."""
    tracking_uri: str
    """URI of the MLflow server or database."""
    slots: int | None
    """Number of trials at the same time; None for as many as the cluster has room for."""
    workers_per_slot: int
    """Number of Ray Train workers that train one trial together."""
    settings: Settings | ComparisonSettings
    """Content of study.json, by which a later run knows that it continues the study."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the study in MLflow, besides the config."""
        return {}

    @property
    @abstractmethod
    def num_trials(self) -> int:
        """Number of trials of the complete study, without retrainings."""


@dataclass(frozen=True, kw_only=True)
class ConfirmPlan:
    """Plan of the retraining with fresh seeds after the search."""

    seeds: int
    """Number of fresh seeds of each configuration; 0 for no retraining."""
    until: int
    """Largest number of fresh seeds of a configuration that may or may not be on the front."""
    whole_front: bool
    """True to retrain the whole validation front, the published setting and each modality alone;
    False for the chosen trial and always-on fusion."""


@dataclass(frozen=True, kw_only=True)
class SweepPlan(Plan):
    """Plan of a search, and of the retraining of its results."""

    settings: Settings
    space: Space
    """Search space, as a define-by-run function of Optuna."""
    recognition: Mapping[str, Sequence[str]]
    """Modality -> recognition backbones that the space searches."""
    trials: int
    """Number of trials, baselines included."""
    joint: int
    """Number of trials that are trained jointly after the policy-only stage, besides always-on
    fusion."""
    confirm: ConfirmPlan
    """Plan of the retraining."""
    earlier: Sequence[TrialRecord] = ()
    """Finished trials of an earlier study that the sampler learns from (warm start)."""

    @property
    def params(self) -> dict[str, Any]:
        return {f"search.{name}": value for name, value in self.settings.search.items()}

    @property
    def num_trials(self) -> int:
        return self.trials

    @property
    def first_fidelity(self) -> str:
        """Fidelity of every trial before promotion: policy with a policy-only stage, else joint."""
        return "policy" if self.config.stages.get("policy_only") else "joint"

    @property
    def stops_early(self) -> bool:
        """True if the scheduler stops trials at rungs."""
        return self._scheduler.stops_early

    @property
    def sampled_fidelity(self) -> str:
        """Fidelity that a sampled trial is trained to before it may be promoted.

        It is joint if a scheduler decides at rungs which trials continue. Otherwise it is the first
        fidelity, and the best trials are promoted when all have reached it.
        """
        return "joint" if self.stops_early else self.first_fidelity

    @property
    def policy_epochs(self) -> int:
        """Number of epochs in which a sampled trial trains its policy."""
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
        """Settings of successive halving."""
        search = self.settings.search
        return Halving(first_rung=search["first_rung"], eta=search["eta"])


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan(Plan):
    """Plan of a comparison of methods at several seeds."""

    settings: ComparisonSettings
    methods: tuple[str, ...]
    """Methods to compare, in the order of METHODS."""
    seeds: tuple[int, ...]
    """Seeds of networks and training."""

    @property
    def num_trials(self) -> int:
        return len(self.methods) * len(self.seeds)
