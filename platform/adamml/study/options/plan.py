"""What a study will do: the user's options, resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamml.config import Config
from adamml.records import TrialRecord
from adamml.study.options.settings import Settings
from adamml.study.search.schedulers import Halving, Scheduler, scheduler_of
from adamml.study.search.searchers import Space
from adamml.training.loop import plan
from adamml.training.passes import policy_passes
from adamml.training.tasks import FIDELITIES


@dataclass(frozen=True, kw_only=True)
class ConfirmPlan:
    """What is retrained with fresh seeds after the search."""

    seeds: int
    """0: nothing is."""
    until: int
    """Contested configurations get up to so many seeds."""
    whole_front: bool
    """All of the validation front, the published setting and each modality alone; else the chosen
    point and always-on fusion."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """See the fields; `jobs/` builds one from its options."""

    config: Config
    base: Mapping[str, Any]
    """The study's overrides of its recipe: those of the command line, and the seeds."""
    space: Space
    recognition: Mapping[str, Sequence[str]]
    settings: Settings
    folder: Path
    trials: int
    """All trials, the baselines included."""
    joint: int
    """How many of them are trained jointly after the policy-only stage."""
    confirm: ConfirmPlan
    earlier: Sequence[TrialRecord] = ()
    """Finished trials of the study that the sampler starts from."""

    @property
    def first_fidelity(self) -> str:
        """What every trial is trained to before any is promoted."""
        return "policy" if self.config.stages.get("policy_only") else "joint"

    @property
    def stops_early(self) -> bool:
        """Whether the scheduler stops trials at rungs."""
        return self._scheduler.stops_early

    @property
    def sampled_fidelity(self) -> str:
        """What a sampled trial is trained to: where a scheduler decides who goes on, from the first
        epoch of the policy to the last joint one; else to the first fidelity, and the best are
        promoted when all are there."""
        return "joint" if self.stops_early else self.first_fidelity

    @property
    def policy_epochs(self) -> int:
        """How often a sampled trial trains its policy."""
        epochs = plan(self.config.stages, until=FIDELITIES[self.sampled_fidelity])
        return policy_passes(stage for stage, _ in epochs)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Policy epochs at which sampled trials are compared."""
        return self._scheduler.rungs(self.halving, self.policy_epochs)

    @property
    def _scheduler(self) -> Scheduler:
        return scheduler_of(self.settings.search["scheduler"])

    @property
    def halving(self) -> Halving:
        search = self.settings.search
        return Halving(first_rung=search["first_rung"], eta=search["eta"])
