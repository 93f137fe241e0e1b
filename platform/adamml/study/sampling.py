"""The trials that Tune and Optuna ask for: relays in Tune, the work in slots."""

import tempfile
from dataclasses import replace
from functools import partial

from ray import tune

from adamml.config import flatten
from adamml.slots.relay import relay_trainable
from adamml.study import specs
from adamml.study.options.plan import SweepPlan
from adamml.study.phases import num_unsampled, sampled_records
from adamml.study.running.runner import Runner
from adamml.study.search.schedulers import build_scheduler
from adamml.study.search.searchers import StudySearch
from adamml.trials.assignment import Assignment

RELAY_RETRIES = 3
"""Times that Tune starts a relay again. A trial that failed fails again at once, without being run:
the dispatcher remembers."""


def run_sampled(plan: SweepPlan, runner: Runner) -> None:
    """Run as many sampled trials as the study lacks, one per slot at a time; known points first.

    Args:
        plan: of the sweep.
        runner: of the study, with slots.
    """
    assert runner.slots is not None
    study, settings = runner.record, plan.settings
    history, fidelity = sampled_records(study), plan.sampled_fidelity
    search = StudySearch(
        plan.space,
        sampler=settings.search["sampler"],
        seed=plan.config.seed,
        # The sampler compares like with like: finals of the fidelity that sampled trials reach.
        history=[replace(r, final=r.finals.get(fidelity, r.final)) for r in history],
        earlier=plan.earlier,
        first=len(specs.BASELINES),
        assign=partial(specs.sampled, plan.base, fidelity, plan.rungs),
        known=[flatten(plan.config)],
        max_gflops=settings.search["max_gflops"],
        # Not a Tune callback: to count those, Tune would import MLflow, which takes seconds.
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
                num_samples=num_unsampled(plan, study),
                max_concurrent_trials=runner.session.num_slots,
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
            assignment = Assignment.from_wire(result.config["spec"])
            runner.note_failure(assignment, str(result.error))
