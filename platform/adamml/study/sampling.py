"""The trials that Tune and Optuna ask for: relays in Tune, the work in slots."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ray import tune

from adamml.config import flatten
from adamml.slots.relay import relay_trainable
from adamml.study.options.plan import Plan
from adamml.study.running.runner import Runner
from adamml.study.search.schedulers import build_scheduler
from adamml.study.search.searchers import StudySearch, Suggestion
from adamml.study.specs import BASELINES

RELAY_RETRIES = 3
"""A trial that failed fails again at once, without being run again: the dispatcher remembers."""


def run_sampled(plan: Plan, runner: Runner, num_slots: int) -> None:
    """As many sampled trials as the plan lacks, num_slots at a time; the recipe's point first."""
    history = [r for r in runner.records if r.kind == "trial" and r.method not in BASELINES]
    finished = [r for r in history if r.status in ("completed", "stopped") or r.final]
    count = plan.trials - len(BASELINES) - len(finished)
    if count <= 0:
        return
    settings, fidelity = plan.settings, plan.sampled_fidelity
    search = StudySearch(
        plan.space,
        sampler=settings.search["sampler"],
        seed=plan.config.seed,
        # The sampler compares like with like: not those trained further with the others.
        history=[replace(r, final=r.finals.get(fidelity, r.final)) for r in history],
        earlier=plan.earlier,
        first=len(BASELINES),
        as_config=partial(relay_config, plan.base, fidelity, plan.rungs),
        known=[flatten(plan.config)],
        max_gflops=settings.search["max_gflops"],
        # Not a callback: Tune imports MLflow, which takes seconds, to count those it is given.
        on_end=runner.slots.dispatcher.stop.remote,
    )
    scheduler = build_scheduler(
        settings.search["scheduler"],
        plan.halving,
        plan.policy_epochs,
        settings.reference,
        history,
    )
    with tempfile.TemporaryDirectory(prefix="adamml-tune-") as storage:
        results = tune.Tuner(
            relay_trainable(runner.slots.dispatcher),
            tune_config=tune.TuneConfig(
                search_alg=search,
                scheduler=scheduler,
                num_samples=count,
                max_concurrent_trials=num_slots,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sampled",
                # A relay that dies is tried again, and repeats what its trial has reported since.
                failure_config=tune.FailureConfig(max_failures=RELAY_RETRIES),
                storage_path=storage,
                verbose=0,
            ),
        ).fit()
    for result in results:
        if result.error is not None and result.config:
            runner.note_failure(result.config["spec"], str(result.error))


def relay_config(
    base: Mapping[str, Any], fidelity: str, rungs: Sequence[int], suggestion: Suggestion
) -> dict[str, Any]:
    """What a relay hands to the dispatcher for a suggested trial."""
    spec = {
        "kind": "trial",
        "id": suggestion.id,
        "method": "adamml",
        "name": f"{suggestion.id.rpartition('-')[2]} adamml",
        "fidelity": fidelity,
        "overrides": {**base, **suggestion.overrides},
        "rungs": list(rungs),
    }
    return {"id": f"{suggestion.id} {fidelity}", "spec": spec}
