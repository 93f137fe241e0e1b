"""Cost of a trial besides its training, in the documented Train-in-Tune form and on slots.

    python benchmarks/trial_turnaround.py

Both forms run the same trial, which reports once and does nothing else, through Ray Tune, one form
after the other on one Ray. The documented form is a Tune function that calls
TorchTrainer(...).fit() with a TuneReportCallback. The other form is relays and the warm workers of
slots; the first trial of each slot waits for their start and is reported apart.

Both run as many trials at a time, and the first trial of each place is not counted, because it
waits for Tune's actors. On slots the first trials also wait for each other: Tune gives up an actor
that is starting as soon as another one becomes free, so that with trials shorter than such a start
only one place would ever run. Seconds per trial are the wall time of the counted trials, divided by
the rounds they took. The last line is JSON with both and their `ratio`.
"""

import json
import logging
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
from adamml.slots.pool import start_slots
from adamml.slots.relay import relay_trainable
from ray import tune

MEETING_S = 120.0
"""Longest wait of the first trial of a slot for those of the others, in seconds."""


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    trials: int = 2
    """Number of trials in the documented form, after the first one of each place. Each takes tens
    of seconds."""
    slot_trials: int = 40
    """Number of trials on slots, after the first one of each slot."""
    slots: int = 2
    """Number of places, which is that of trials at a time, in both forms."""


class Clock(tune.Callback):
    """Tune callback that records when each trial ended, in seconds after the start of the run."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.ends: list[float] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.ends.append(time.monotonic() - self.start)


def report_once(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """Run the trial on a slot; with {"meet": n} it first waits until n such trials are running.

    Raises:
        TimeoutError: the others did not come within MEETING_S.
    """
    if meet := assignment["spec"].get("meet"):
        meeting = Path(context["meeting"])
        (meeting / assignment["key"]).touch()
        deadline = time.monotonic() + MEETING_S
        while len(list(meeting.iterdir())) < meet:
            if time.monotonic() > deadline:
                raise TimeoutError(f"fewer than {meet} trials ran at a time within {MEETING_S} s")
            time.sleep(0.01)
    report({"epoch": 1, "accuracy": 0.5})


def report_once_to_train(config: dict[str, Any]) -> None:
    """Run the same trial in the documented form."""
    ray.train.report({"epoch": 1, "accuracy": 0.5})


def train_in_tune(config: dict[str, Any]) -> None:
    """Run a trial as documented: a Tune function with a TorchTrainer of its own for every trial."""
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    TorchTrainer(
        report_once_to_train,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=1, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(
            name=config["key"], storage_path=config["storage"], callbacks=[TuneReportCallback()]
        ),
    ).fit()


def ends_of(trainable: Any, specs: dict[str, Any], storage: str, concurrent: int) -> list[float]:
    """Run one Tune trial per id.

    Args:
        trainable: a Tune function or class.
        specs: spec of the trial by its id.
        storage: folder for Tune.
        concurrent: number of trials at a time.

    Returns:
        When each trial ended, in seconds after the start of the run.

    Raises:
        RuntimeError: a trial failed, so the times mean nothing.
    """
    clock = Clock()
    configs = [{"key": id, "spec": spec, "storage": storage} for id, spec in specs.items()]
    results = tune.Tuner(
        trainable,
        param_space=tune.grid_search(configs),
        tune_config=tune.TuneConfig(max_concurrent_trials=concurrent, reuse_actors=True),
        run_config=tune.RunConfig(
            name=next(iter(specs)), storage_path=storage, verbose=0, callbacks=[clock]
        ),
    ).fit()
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials failed: {results.errors[0]}")
    return clock.ends


def seconds_per_trial(ends: list[float], places: int) -> float:
    """Return the seconds per trial, from the end of the first trial of each place on."""
    return (ends[-1] - ends[places - 1]) / math.ceil((len(ends) - places) / places)


def documented_seconds(options: Options, storage: str) -> float:
    """Measure the seconds per trial when each starts its own TorchTrainer."""
    specs: dict[str, Any] = {f"documented-{n}": {} for n in range(options.slots + options.trials)}
    return seconds_per_trial(ends_of(train_in_tune, specs, storage, options.slots), options.slots)


def slot_seconds(options: Options, storage: str) -> tuple[float, float]:
    """Measure the seconds until each slot has ended its first trial, and those per later trial."""
    begun = time.monotonic()
    meeting = Path(storage, "meeting")
    meeting.mkdir()
    with start_slots(
        count=options.slots,
        workers_per_slot=1,
        cpus_per_worker=1,
        use_gpu=False,
        storage=Path(storage),
        execute=f"{Path(__file__).stem}:report_once",
        context={"meeting": str(meeting)},
    ) as slots:
        while len(slots.state()["ready"]) < options.slots:
            time.sleep(0.1)
        started_s = time.monotonic() - begun
        specs = {
            f"slot-{n}": {"meet": options.slots} if n < options.slots else {}
            for n in range(options.slots + options.slot_trials)
        }
        ends = ends_of(relay_trainable(slots.dispatcher), specs, storage, options.slots)
    return started_s + ends[options.slots - 1], seconds_per_trial(ends, options.slots)


def main(options: Options) -> None:
    for name, value in vars(options).items():
        if value < 1:
            raise SystemExit(f"error: --{name.replace('_', '-')} must be at least 1, got {value}")
    # Tune would print a line per trial about files that are missing, as no logger writes them.
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    # A documented trial takes two logical CPUs: one for its Tune function and one for its worker.
    num_cpus = max(os.cpu_count() or 1, 2 * options.slots)
    with (
        tempfile.TemporaryDirectory() as storage,
        connect(modules=[Path(__file__).resolve()], num_cpus=num_cpus),
    ):
        print(
            f"{options.slots} + {options.trials} trials, each with a TorchTrainer of its own ...",
            flush=True,
        )
        documented_s = documented_seconds(options, storage)
        print(f"{options.slots} + {options.slot_trials} trials on slots ...", flush=True)
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
