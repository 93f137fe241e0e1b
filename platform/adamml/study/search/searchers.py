"""Optuna asked through Ray Tune, with our trial ids and our journal as its memory.

Ray's OptunaSearch keeps no history that outlives it. Ours is told at the start what the journal
holds: finished trials as history, interrupted ones as the first suggestions, under their old ids.
"""

import json
import math
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna import samplers
from optuna.samplers import BaseSampler
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from adamml.objectives.table import OBJECTIVES
from adamml.records import TrialRecord
from adamml.tables import lookup
from adamml.trials.assignment import Assignment, Suggestion

Space = Callable[[Any], dict[str, Any]]
STARTUP_TRIALS = 6
"""Random trials before TPE or a Gaussian process models anything."""
POPULATION = 10
"""Of the genetic samplers; Optuna's 50 would be more than most studies have trials."""
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: samplers.TPESampler(  # constant liar for parallel trials is its default
        seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True
    ),
    "nsga2": lambda seed: samplers.NSGAIISampler(seed=seed, population_size=POPULATION),
    "nsga3": lambda seed: samplers.NSGAIIISampler(seed=seed, population_size=POPULATION),
    "gp": lambda seed: samplers.GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
    "random": lambda seed: samplers.RandomSampler(seed=seed),
    "qmc": lambda seed: samplers.QMCSampler(
        seed=seed, scramble=True, warn_independent_sampling=False, warn_asynchronous_seeding=False
    ),
}
"""Name -> seed -> Optuna's sampler. Those without a model of the objectives are baselines."""


def build_sampler(name: str, seed: int) -> BaseSampler:
    """
    Raises:
        ValueError: an unknown name.
    """
    with warnings.catch_warnings():  # NSGA-III and QMC are experimental interfaces of Optuna 5
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return lookup(SAMPLERS, name, what="sampler")(seed)


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
    """A multi-objective sampler over a define-by-run space, told the truth.

    A finished trial is told with its values, one that was stopped early as pruned (its values are
    those of a half-trained model), one that failed as failed.

    Args:
        sampler: an entry of SAMPLERS.
        history: the sampled trials of the journal, whatever has become of them.
        earlier: finished trials of another study over the same space: told, and never named.
        first: the number of the first trial that the searcher names.
        known: points to begin with, where there is no history yet; of each what the space asks for.
            One that lies outside the space is left out.
        max_gflops: the sampler is told that trials above it are infeasible.
        assign: makes a suggestion the assignment that a relay submits.
        on_end: called with the key of every assignment that Tune is done with, however that came.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        history: Sequence[TrialRecord],
        first: int,
        assign: Callable[[Suggestion], Assignment],
        sampler: str = "tpe",
        known: Sequence[Mapping[str, Any]] = (),
        earlier: Sequence[TrialRecord] = (),
        max_gflops: float | None = None,
        on_end: Callable[[str], object] = lambda key: None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        super().__init__(
            space,
            metric=list(OBJECTIVES),
            mode=[objective.direction for objective in OBJECTIVES.values()],
            # A sampler that starts over with its old seed would repeat its first suggestions.
            sampler=build_sampler(sampler, seed + 1000 * len(history)),
        )
        self._assign, self._seed, self._max_gflops = assign, seed, max_gflops
        self._on_end = on_end
        self._assignments: dict[str, Assignment] = {}
        """Tune's trial id -> the assignment that was made of its suggestion."""
        self._asked: Counter[str] = Counter()
        self._next = max([first, *(1 + int(r.id.rpartition("-")[2]) for r in history)])
        self._interrupted = [r for r in history if not r.final and r.status != "stopped"]
        for record in earlier:
            self._remember(record, {"earlier": record.id})
        for record in history:
            if record.final or record.status == "stopped":
                self._asked[_key(self._remember(record))] += 1
        if not history:
            for point in known:
                if inside(space, point):
                    self._ot_study.enqueue_trial(dict(point))

    def _remember(
        self, record: TrialRecord, marks: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Tell the sampler of a trial; returns what the space asked for."""
        trial = self._ask(record.overrides)
        for name, value in (marks or {}).items():
            trial.set_user_attr(name, value)
        self._tell(trial, record.final, failed=False)
        return dict(trial.params)

    def _ask(self, overrides: Mapping[str, Any]) -> optuna.Trial:
        """A trial of the study with these values; the space takes of them what it asks for."""
        self._ot_study.enqueue_trial(dict(overrides))
        trial: optuna.Trial = self._ot_study.ask()
        self._space(trial)
        return trial

    def _tell(self, trial: optuna.Trial, final: Mapping[str, Any], *, failed: bool) -> None:
        """
        Args:
            final: metrics of the whole training; empty for a trial that did not come so far.
        """
        values = [float(final[name]) for name in OBJECTIVES] if final else []
        if failed or not all(map(math.isfinite, values)):
            self._ot_study.tell(trial, state=TrialState.FAIL)
        elif not final:
            self._ot_study.tell(trial, state=TrialState.PRUNED)
        else:
            if self._max_gflops is not None:
                trial.set_constraint("max_gflops", final["gflops"] - self._max_gflops)
            self._ot_study.tell(trial, values)

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the relay's config: key and spec of the assignment.

        A point that was suggested before comes with another seed: the same one would be a copy.
        """
        if trial_id in self._assignments:  # Tune asks again for a trial it retries
            raise ValueError(f"trial {trial_id} was suggested already")
        seed: dict[str, int] = {}
        if self._interrupted:
            record = self._interrupted.pop(0)
            id, self._ot_trials[trial_id] = record.id, self._ask(record.overrides)
            own = record.overrides.get("seed", self._seed)
            seed = {"seed": own} if own != self._seed else {}
        else:
            id, self._next = f"trial-{self._next:03d}", self._next + 1
        with warnings.catch_warnings():  # that a suggestion took long: a Gaussian process may
            warnings.filterwarnings("ignore", message="Define-by-run function")
            overrides = super().suggest(trial_id)
        key = _key(self._ot_trials[trial_id].params)
        if self._asked[key] and not seed:
            seed = {"seed": self._seed + self._asked[key]}
        self._asked[key] += 1
        assignment = self._assign(Suggestion(id=id, overrides=overrides | seed))
        self._assignments[trial_id] = assignment
        return {"key": assignment.key, "spec": assignment.to_wire()}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """
        Args:
            result: the last one; only that of a whole training has a fidelity.
        """
        self._on_end(self._assignments[trial_id].key)
        final = result if result and "fidelity" in result else {}
        self._tell(self._ot_trials[trial_id], final, failed=error)
        self._completed_trials.add(trial_id)


def _key(point: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(point.items())))
