"""Slots: warm groups of Ray Train workers, started once, each running one trial after another.

A Tune trial that starts its own TorchTrainer pays for fresh processes and their imports every time
(benchmarks/trial_turnaround.py measures it). Here one Ray Train run per slot lasts for the whole
study; worker.py is the loop inside it, dispatcher.py the queue, relay.py the part of a Tune trial
that remains.
"""

import contextlib
import logging
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayError

from adamml.cluster import driver_node, on_node
from adamml.slots.dispatcher import Dispatcher
from adamml.slots.orphans import remove_orphans
from adamml.slots.sizing import require_slots
from adamml.slots.worker import worker_loop

log = logging.getLogger(__name__)

PLACEMENT_FAILURES = 3
"""Failed placements or starts (60 s each), over the whole study, after which a slot is given up."""
CONTROLLER_DEATHS = 3
"""Deaths of Ray Train's controller, over the whole study, after which a slot is given up."""


@dataclass(slots=True)
class Slots:
    """Running slots, and the handle of their dispatcher: `slots.dispatcher.submit.remote(...)`."""

    dispatcher: Any
    launchers: list[Any]
    storage: Path
    closed: bool = False

    def state(self) -> dict[str, Any]:
        """Return a snapshot of the queue (Dispatcher.state)."""
        return dict(ray.get(self.dispatcher.state.remote()))

    def run(
        self,
        specs: Mapping[str, dict[str, Any]],
        *,
        priority: int = 0,
        on_report: Callable[[str, dict[str, Any]], None] = lambda key, metrics: None,
        then: Callable[[], Mapping[str, dict[str, Any]]] = dict,
    ) -> dict[str, dict[str, Any]]:
        """Run work that no searcher asked for (pretraining, baselines, ...) and wait for all of it.

        Args:
            specs: key -> spec.
            priority: the highest is run first.
            on_report: called in this thread with each report as it comes.
            then: called whenever work has ended; returns more to run.

        Returns:
            Key -> end record. Failed work is in there too, and raises nothing.
        """
        after: dict[str, int] = {}
        pending: dict[Any, str] = {}

        def submit(specs: Mapping[str, dict[str, Any]]) -> None:
            for key, spec in specs.items():
                after[key] = ray.get(self.dispatcher.submit.remote(key, spec, priority))
                pending[self.dispatcher.next_report.remote(key, after[key])] = key

        submit(specs)
        ends: dict[str, dict[str, Any]] = {}
        while pending:
            (ref, *_), _ = ray.wait(list(pending))
            key, record = pending.pop(ref), ray.get(ref)
            if record is not None and record.get("done"):
                ends[key] = record
                submit(then())
                continue
            # None: nothing new within the dispatcher's poll_s; the same report is asked for again.
            if record is not None:
                after[key] += 1
                on_report(key, record)
            pending[self.dispatcher.next_report.remote(key, after[key])] = key
        return ends

    def close(self, patience_s: float = 60.0) -> None:
        """End the slots; kill those that are still in an epoch after patience_s seconds."""
        if self.closed:
            return
        self.closed = True
        try:
            ray.get(self.dispatcher.close.remote())
        except RayError as error:
            log.warning("the dispatcher was gone before the slots: %s", error)
        _, busy = ray.wait(self.launchers, num_returns=len(self.launchers), timeout=patience_s)
        for launcher in busy:
            # It owns the Train controller, which owns the workers: all of them end with it.
            ray.cancel(launcher, force=True)
        if busy:
            log.warning(
                "%d slot(s) did not leave within %g s and were ended", len(busy), patience_s
            )
            ray.wait(busy, num_returns=len(busy), timeout=patience_s)
        ray.kill(self.dispatcher)
        shutil.rmtree(self.storage, ignore_errors=True)


@contextlib.contextmanager
def start_slots(
    *,
    count: int,
    workers_per_slot: int,
    cpus_per_worker: int,
    use_gpu: bool,
    storage: Path,
    execute: str,
    context: dict[str, Any],
) -> Iterator[Slots]:
    """Start slots, and end them with the block.

    Args:
        count: slots to start.
        workers_per_slot: Ray Train workers that share one trial.
        cpus_per_worker: CPUs asked of the cluster, and torch threads, per worker.
        use_gpu: one GPU per worker.
        storage: a folder all nodes reach, for Ray Train's own small files; emptied at the end.
        execute: "module:function" of execute(attempt, report, context), imported in the workers.
            It returns when the trial is complete, lets Stopped (raised by report) pass, and raises
            anything else to fail the trial.
        context: handed to execute with slot, rank, world_size and device ("cpu", "cuda:0") added.

    Raises:
        ValueError: the cluster has no room for so many slots; says what is missing.
    """
    require_slots(
        count, workers_per_slot=workers_per_slot, cpus_per_worker=cpus_per_worker, use_gpu=use_gpu
    )
    remove_orphans()
    names = [f"slot-{n}" for n in range(count)]
    beside_driver = on_node(driver_node())
    dispatcher = ray.remote(num_cpus=0, max_concurrency=10_000, scheduling_strategy=beside_driver)(
        Dispatcher
    ).remote(names)
    storage = storage / f"slots-{uuid.uuid4().hex[:8]}"
    setup = {
        "dispatcher": dispatcher,
        "execute": execute,
        "cpus_per_worker": cpus_per_worker,
        "context": context,
    }
    # Only the death of the launcher's own process is retried, without end: the dispatcher counts
    # what that does to trials. One call per process: the process would keep the controller alive.
    # With several Rays on a machine, what Ray Train leaves to free the workers of a dead launcher
    # needs to be told which one is meant.
    launch = ray.remote(
        num_cpus=0,
        max_retries=-1,
        max_calls=1,
        scheduling_strategy=beside_driver,
        runtime_env={"env_vars": {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}},
    )(run_slot)
    launchers = [
        launch.remote(setup | {"slot": name}, workers_per_slot, use_gpu, str(storage))
        for name in names
    ]
    slots = Slots(dispatcher=dispatcher, launchers=launchers, storage=storage)
    try:
        yield slots
    except BaseException:
        slots.close(patience_s=10.0)
        raise
    slots.close()


def run_slot(setup: dict[str, Any], workers: int, use_gpu: bool, storage: str) -> None:
    """Launch one slot: one Ray Train run for the whole study.

    Worker groups are restarted without limit (each failing trial of a slot with several workers
    costs a restart); a group that cannot be placed is given up after PLACEMENT_FAILURES, one whose
    controller dies after CONTROLLER_DEATHS, and the dispatcher is told why.

    Args:
        setup: as for worker_loop.
        workers: of the slot.
        use_gpu: one GPU per worker.
        storage: folder for Ray Train's own small files.
    """
    from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig

    from adamml.slots.slot_down import SlotDown
    from adamml.slots.train_run import SlotTrainer

    resources = {"CPU": float(setup["cpus_per_worker"])} | ({"GPU": 1.0} if use_gpu else {})
    trainer = SlotTrainer(
        worker_loop,
        train_loop_config=setup,
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=setup["slot"],
            storage_path=storage,
            failure_config=FailureConfig(
                max_failures=-1, controller_failure_limit=PLACEMENT_FAILURES
            ),
            logging_config=LoggingConfig(log_level="ERROR"),
            callbacks=[SlotDown(setup["dispatcher"], setup["slot"])],
        ),
    )
    dispatcher, slot, cause = setup["dispatcher"], setup["slot"], Exception()
    for _ in range(CONTROLLER_DEATHS):
        try:
            trainer.fit()
            return
        except ActorDiedError as error:  # the controller; its workers went with it
            cause = error
            ray.get(dispatcher.slot_down.remote(slot))
        except Exception as error:
            cause = error
            break
    ray.get(dispatcher.slot_lost.remote(slot, f"{type(cause).__name__}: {cause}"))
