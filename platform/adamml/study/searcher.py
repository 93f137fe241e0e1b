"""Optuna asked through Ray Tune, with our trial ids and our journal as its memory.

Ray's OptunaSearch keeps no history that outlives it. Ours is told at the start what the journal
holds: finished trials as history, interrupted ones as the first suggestions, under their old ids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from ray.tune.search.optuna import OptunaSearch

from adamml.records import TrialRecord

Space = Callable[[Any], dict[str, Any]]
OBJECTIVES = {"accuracy": "max", "gflops": "min"}
STARTUP_TRIALS = 6
"""Random trials before TPE models anything."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a relay gets: a trial's id and its overrides from the space."""

    id: str
    overrides: dict[str, Any]


def inside(space: Space, point: Mapping[str, Any]) -> bool:
    """Whether the space could have suggested this point (dotted path -> value)."""
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(0)).ask()
    space(trial)
    return all(_allows(d, point.get(path)) for path, d in trial.distributions.items())


def _allows(distribution: optuna.distributions.BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, optuna.distributions.CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(
        distribution,
        optuna.distributions.FloatDistribution | optuna.distributions.IntDistribution,
    )
    return value is not None and distribution.low <= value <= distribution.high


class StudySearch(OptunaSearch):  # type: ignore[misc]
    """Multi-objective TPE over a define-by-run space.

    Args:
        history: the sampled trials of the journal, whatever has become of them.
        first: the number of the first trial that the searcher names.
        known: points to begin with, where there is no history yet; of each what the space asks for.
            One that lies outside the space is left out.
        as_config: what a suggestion becomes for the relay.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        history: Sequence[TrialRecord],
        first: int,
        as_config: Callable[[Suggestion], dict[str, Any]],
        known: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        # A sampler that starts over with its old seed would repeat its first suggestions.
        sampler = optuna.samplers.TPESampler(
            seed=seed + 1000 * len(history), n_startup_trials=STARTUP_TRIALS, multivariate=True
        )
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        super().__init__(
            space, metric=list(OBJECTIVES), mode=list(OBJECTIVES.values()), sampler=sampler
        )
        self._as_config = as_config
        self._ids: dict[str, str] = {}
        self._next = max([first, *(1 + int(r.id.rpartition("-")[2]) for r in history)])
        self._interrupted = [r for r in history if not r.final]
        for record in history:
            if record.final:
                self._remember(record)
        if not history:
            for point in known:
                if inside(space, point):
                    self._ot_study.enqueue_trial(dict(point))

    def _remember(self, record: TrialRecord) -> None:
        trial = self._ask(record.overrides)
        self._ot_study.tell(trial, [record.final[name] for name in OBJECTIVES])

    def _ask(self, overrides: Mapping[str, Any]) -> optuna.Trial:
        """A trial of the study with these values; the space takes of them what it asks for."""
        self._ot_study.enqueue_trial(dict(overrides))
        trial: optuna.Trial = self._ot_study.ask()
        self._space(trial)
        return trial

    def suggest(self, trial_id: str) -> dict[str, Any]:
        if trial_id in self._ids:  # Tune asks again for a trial it retries
            raise ValueError(f"trial {trial_id} was suggested already")
        if self._interrupted:
            record = self._interrupted.pop(0)
            id, self._ot_trials[trial_id] = record.id, self._ask(record.overrides)
        else:
            id, self._next = f"trial-{self._next:03d}", self._next + 1
        self._ids[trial_id] = id
        overrides = super().suggest(trial_id)
        return self._as_config(Suggestion(id=id, overrides=overrides))
