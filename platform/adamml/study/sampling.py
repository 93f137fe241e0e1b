"""The search phase: Optuna suggests trials, Tune runs a relay for each, slots train them."""

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
"""Number of times that Tune restarts a relay. A trial that failed is not run again: the dispatcher
answers the new relay with the failure."""


def run_sampled(plan: SweepPlan, runner: Runner) -> None:
    """Run the sampled trials that the study lacks, one per slot at a time.

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
        # The sampler must compare results of one fidelity: the one that sampled trials reach.
        history=[replace(r, final=r.finals.get(fidelity, r.final)) for r in history],
        earlier=plan.earlier,
        first_number=len(specs.BASELINES),
        assign=partial(specs.sampled, plan.base, fidelity, plan.rungs),
        first_points=[flatten(plan.config)],
        max_gflops=settings.search["max_gflops"],
        # Not a callback of Tune: with one, Tune would import MLflow, which takes seconds.
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
                # A relay that died is restarted, and repeats what its trial has reported since.
                failure_config=tune.FailureConfig(max_failures=RELAY_RETRIES),
                storage_path=storage,
                verbose=0,
            ),
        ).fit()
    for result in results:
        if result.error is not None and result.config:
            assignment = Assignment.from_wire(result.config["spec"])
            runner.note_failure(assignment, str(result.error))
