"""What a trial costs besides its training: the documented Train-in-Tune form against slots.

    python benchmarks/trial_turnaround.py

Both run the same trial, which reports once and does nothing else, through Ray Tune, one form after
the other on one Ray. Documented: a Tune function that calls TorchTrainer(...).fit() with a
TuneReportCallback. Slots: relays and warm workers; the first trial of each slot waits for their
start and is reported apart.

Both have as many trials at a time. Seconds per trial are the wall time of the trials counted,
divided by the rounds they took. The last line is JSON with both and their `ratio`.
"""

import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "platform"))

# Tune's own loggers write and sync files for every report, and import torch to do it.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")

import ray.train
import tyro
from adamml.cluster import connect
from adamml.study.relay import StopRelay, relay_trainable
from adamml.study.slots import start_slots
from ray import tune


@dataclass(frozen=True)
class Options:
    trials: int = 4
    """Trials in the documented form: tens of seconds each."""
    slot_trials: int = 40
    """Trials on slots, after the first one of each slot."""
    slots: int = 2
    """Trials at a time, in both forms."""


class Clock(tune.Callback):
    """When each trial ended, in seconds after the start of the Tune run."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.ends: list[float] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.ends.append(time.monotonic() - self.start)


def report_once(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """The trial on a slot."""
    report({"epoch": 1, "accuracy": 0.5})


def report_once_to_train(config: dict[str, Any]) -> None:
    """The same trial in the documented form."""
    ray.train.report({"epoch": 1, "accuracy": 0.5})


def train_in_tune(config: dict[str, Any]) -> None:
    """The documented Tune function: a TorchTrainer of its own for every trial."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    TorchTrainer(
        report_once_to_train,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=1, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(
            name=config["id"], storage_path=config["storage"], callbacks=[TuneReportCallback()]
        ),
    ).fit()


def ends_of(trainable: Any, ids: list[str], storage: str, concurrent: int, *more: Any) -> Clock:
    """Run one Tune trial per id.

    Raises:
        RuntimeError: a trial failed, so the times mean nothing.
    """
    clock = Clock()
    results = tune.Tuner(
        trainable,
        param_space=tune.grid_search([{"id": i, "spec": {}, "storage": storage} for i in ids]),
        tune_config=tune.TuneConfig(max_concurrent_trials=concurrent, reuse_actors=True),
        run_config=tune.RunConfig(
            name=ids[0], storage_path=storage, verbose=0, callbacks=[clock, *more]
        ),
    ).fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials failed: {results.errors[0]}")
    return clock


def documented_seconds(options: Options, storage: str) -> float:
    """Seconds per trial when each starts its own TorchTrainer."""
    ids = [f"documented-{n}" for n in range(options.trials)]
    clock = ends_of(train_in_tune, ids, storage, options.slots)
    return clock.ends[-1] / math.ceil(len(ids) / options.slots)


def slot_seconds(options: Options, storage: str) -> tuple[float, float]:
    """Seconds from nothing to the end of each slot's first trial; seconds per trial after it."""
    begun = time.monotonic()
    with start_slots(
        count=options.slots,
        workers_per_slot=1,
        cpus_per_worker=1,
        use_gpu=False,
        storage=Path(storage),
        execute=f"{Path(__file__).stem}:report_once",
        context={},
    ) as slots:
        while len(slots.state()["ready"]) < options.slots:
            time.sleep(0.1)
        ids = [f"slot-{n}" for n in range(options.slots + options.slot_trials)]
        stop = StopRelay(slots.dispatcher)
        clock = ends_of(relay_trainable(slots.dispatcher), ids, storage, options.slots, stop)
    first, last = clock.ends[options.slots - 1], clock.ends[-1]
    rounds = math.ceil(options.slot_trials / options.slots)
    return clock.start - begun + first, (last - first) / rounds


def main(options: Options) -> None:
    # Logical CPUs: each documented trial asks for one for its Tune function and one for its worker.
    num_cpus = max(os.cpu_count() or 1, 2 * options.slots)
    with (
        tempfile.TemporaryDirectory() as storage,
        connect(modules=[Path(__file__).resolve()], num_cpus=num_cpus),
    ):
        print(f"{options.trials} trials, each with a TorchTrainer of its own ...", flush=True)
        documented_s = documented_seconds(options, storage)
        print(f"{options.slot_trials} trials on {options.slots} slots ...", flush=True)
        first_s, slot_s = slot_seconds(options, storage)
    result = {
        "cpus": os.cpu_count(),
        "trials_at_a_time": options.slots,
        "documented_trials": options.trials,
        "slot_trials": options.slot_trials,
        "documented_s_per_trial": round(documented_s, 2),
        "slot_first_trial_s": round(first_s, 2),
        "slot_s_per_trial": round(slot_s, 3),
        "ratio": round(documented_s / slot_s, 1),
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
