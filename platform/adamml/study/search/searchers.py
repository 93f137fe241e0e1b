"""Search by Optuna through Ray Tune, with the study's trial ids and with its journals as history.

Ray's OptunaSearch has no history that outlives its process. This one gets it from the journals:
finished trials as Optuna's history, interrupted ones as the first suggestions under their old ids.
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
"""Function that asks an Optuna trial for a point, and returns the overrides that are constant."""
STARTUP_TRIALS = 6
"""Number of random trials before TPE or a Gaussian process fits a model."""
POPULATION = 10
"""Population of the genetic samplers. Optuna's default of 50 exceeds the trials of most studies."""
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: samplers.TPESampler(  # constant liar, for parallel trials, is its default
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
"""Name -> function from a seed to Optuna's sampler. random and qmc, which do not learn from trials,
are baselines."""


def build_sampler(name: str, seed: int) -> BaseSampler:
    """Return a sampler of Optuna.

    Args:
        name: entry of SAMPLERS.
        seed: of the sampler.

    Raises:
        ValueError: the name is unknown.
    """
    with warnings.catch_warnings():  # NSGA-III and QMC are experimental interfaces of Optuna 5
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return lookup(SAMPLERS, name, what="sampler")(seed)


def contains(space: Space, point: Mapping[str, Any]) -> bool:
    """Return whether a space could suggest a point (dotted path -> value)."""
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
    """Multi-objective search over a define-by-run space.

    The sampler learns from the objectives of finished trials. A trial that a scheduler stopped is
    reported to it as pruned, because its metrics are those of a half-trained model; a trial that
    failed is reported as failed.

    Args:
        space: to search.
        seed: of the sampler, and of trials.
        history: sampled trials of the study, of any status.
        first_number: number of the first trial that the search suggests.
        assign: makes the assignment of a suggestion.
        sampler: entry of SAMPLERS.
        first_points: points to suggest first if the study has no history. A point may have values
            that the space does not ask for; one that lies outside of the space is left out.
        earlier: finished trials of another study over the same space, to learn from.
        max_gflops: GFLOPs above which the sampler treats a trial as infeasible.
        on_end: called with the key of every assignment that has ended for Tune.
    """

    def __init__(
        self,
        space: Space,
        *,
        seed: int,
        history: Sequence[TrialRecord],
        first_number: int,
        assign: Callable[[Suggestion], Assignment],
        sampler: str = "tpe",
        first_points: Sequence[Mapping[str, Any]] = (),
        earlier: Sequence[TrialRecord] = (),
        max_gflops: float | None = None,
        on_end: Callable[[str], object] = lambda key: None,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        super().__init__(
            space,
            metric=list(OBJECTIVES),
            mode=[objective.direction for objective in OBJECTIVES.values()],
            # In a later session the old seed would repeat the first suggestions.
            sampler=build_sampler(sampler, seed + 1000 * len(history)),
        )
        self._assign, self._seed, self._max_gflops = assign, seed, max_gflops
        self._on_end = on_end
        self._assignments: dict[str, Assignment] = {}
        """Tune's trial id -> assignment of its suggestion."""
        self._suggested: Counter[str] = Counter()
        """Point, as JSON -> how often it was suggested."""
        self._next = max([first_number, *(1 + int(r.id.rpartition("-")[2]) for r in history)])
        self._interrupted = [r for r in history if not r.final and r.status != "stopped"]
        for record in earlier:
            self._remember(record, {"earlier": record.id})
        for record in history:
            if record.final or record.status == "stopped":
                self._suggested[_as_json(self._remember(record))] += 1
        if not history:
            for point in first_points:
                if contains(space, point):
                    self._ot_study.enqueue_trial(dict(point))

    def _remember(
        self, record: TrialRecord, marks: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Tell the sampler of a trial; return the values of the space's parameters."""
        trial = self._ask(record.overrides)
        for name, value in (marks or {}).items():
            trial.set_user_attr(name, value)
        self._tell(trial, record.final, failed=False)
        return dict(trial.params)

    def _ask(self, overrides: Mapping[str, Any]) -> optuna.Trial:
        """Return a trial of Optuna whose point has the values of these overrides."""
        self._ot_study.enqueue_trial(dict(overrides))
        trial: optuna.Trial = self._ot_study.ask()
        self._space(trial)
        return trial

    def _tell(self, trial: optuna.Trial, final: Mapping[str, Any], *, failed: bool) -> None:
        """Tell the sampler the end of a trial.

        Args:
            trial: of Optuna.
            final: metrics of the whole training; empty for a trial that was stopped.
            failed: True if the trial failed.
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
        """Return the config of a relay: key and spec of an assignment."""
        if trial_id in self._assignments:  # Tune would ask again for a trial that it retries
            raise ValueError(f"trial {trial_id} was suggested already")
        seed: dict[str, int] = {}
        if self._interrupted:
            record = self._interrupted.pop(0)
            id, self._ot_trials[trial_id] = record.id, self._ask(record.overrides)
            old_seed = record.overrides.get("seed", self._seed)
            seed = {"seed": old_seed} if old_seed != self._seed else {}
        else:
            id, self._next = f"trial-{self._next:03d}", self._next + 1
        with warnings.catch_warnings():  # of a slow suggestion, which a Gaussian process may make
            warnings.filterwarnings("ignore", message="Define-by-run function")
            overrides = super().suggest(trial_id)
        point = _as_json(self._ot_trials[trial_id].params)
        # A point that was suggested before gets another seed: the same one would repeat the trial.
        if self._suggested[point] and not seed:
            seed = {"seed": self._seed + self._suggested[point]}
        self._suggested[point] += 1
        assignment = self._assign(Suggestion(id=id, overrides=overrides | seed))
        self._assignments[trial_id] = assignment
        return {"key": assignment.key, "spec": assignment.to_wire()}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell the sampler that a trial of Tune has ended.

        Args:
            trial_id: of Tune.
            result: last report of the trial.
            error: True if the trial failed.
        """
        self._on_end(self._assignments[trial_id].key)
        # Only the last report of a whole training has a fidelity.
        final = result if result and "fidelity" in result else {}
        self._tell(self._ot_trials[trial_id], final, failed=error)
        self._completed_trials.add(trial_id)


def _as_json(point: Mapping[str, Any]) -> str:
    return json.dumps(dict(sorted(point.items())))
