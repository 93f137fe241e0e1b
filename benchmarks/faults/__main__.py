"""Losses of a study when parts of its sweep are killed at random moments.

    python benchmarks/faults --rounds 5

A round runs `jobs/sweep_ks.py --recipe tiny` (videos and unimodal networks are made once), waits
until a random number of epochs is in the journals, and sends SIGKILL to one process of the kind.
Where the job need not survive, the same command is run again. Then the study must have every trial
exactly once, with every epoch, finite values, and one MLflow run. Nothing may be left of the job:
no process, and on a standing cluster no actor and no placement group of it or of Ray Train.

Kinds: worker, controller (of Ray Train), dispatcher, relay, driver, ray (the whole local instance),
node (one of two raylets of a standing cluster), cluster_driver (the driver on such a cluster). The
last line is JSON.
"""

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "platform"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.faults.checks import LostError, check_cluster, check_processes, check_study
from benchmarks.faults.injection import (
    KINDS,
    STANDING,
    cluster,
    finish,
    kill,
    start,
    wait_for_epochs,
)
from benchmarks.faults.template import make_template

SURVIVED = ("worker", "controller", "relay", "node")
"""Kinds whose loss a job survives; after the loss of another, the same command is run again."""
TRIALS, POLICY_EPOCHS = 4, 12
SLOTS = 2
SWEEP = ["--recipe", "tiny", "--name", "n", "--trials", str(TRIALS)]
SWEEP += ["--no-confirm", "--override", f"stages.policy_only={POLICY_EPOCHS}"]


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    kinds: tuple[str, ...] = KINDS
    """Parts to kill: worker, controller, dispatcher, relay, driver, ray; and, on a standing
    cluster, node and cluster_driver."""
    rounds: int = 5
    """Number of studies per kind."""
    seed: int = 0
    """Seed of the moments."""
    slots: int = SLOTS
    """Number of trials at the same time."""
    together: bool = False
    """Kill one of each kind in the same study, one after another."""
    template: Path | None = None
    """Home that every round begins with, made by template.py. Default: a new one."""


def main(options: Options) -> None:
    if unknown := set(options.kinds) - set(KINDS):
        raise SystemExit(f"error: unknown kind {unknown.pop()!r}; choose from {', '.join(KINDS)}")
    groups = [options.kinds] if options.together else [(kind,) for kind in options.kinds]
    counts = {}
    with tempfile.TemporaryDirectory(prefix="adamml-faults-") as name:
        folder = Path(name)
        template = options.template or make_template(folder)
        for kinds in groups:
            group = "+".join(kinds)
            dice, good = random.Random(f"{options.seed} {group}"), 0
            for number in range(options.rounds):
                home = folder / f"{group}-{number}"
                try:
                    outcome = play_round(kinds, template, home, dice, options.slots)
                    good += 1
                except LostError as lost:
                    outcome = f"LOST: {lost}"
                print(f"{group} {number}: {outcome}", flush=True)
                shutil.rmtree(home, ignore_errors=True)
            counts[group] = good
    print(json.dumps({"rounds": options.rounds, "whole": counts}), flush=True)
    if any(count < options.rounds for count in counts.values()):
        raise SystemExit(1)


def play_round(
    kinds: Sequence[str], template: Path, home: Path, dice: random.Random, slots: int
) -> str:
    """Run one study, and kill one process of each kind in turn.

    Args:
        kinds: kinds to kill, all of them STANDING or none.
        template: the home to copy.
        home: where to copy it.
        dice: chooses the moments and the processes.
        slots: number of trials at the same time.

    Returns:
        A sentence about what was killed and when.

    Raises:
        LostError: the study has lost something, or left something behind.
    """
    shutil.copytree(template, home, symlinks=True)
    options = ["--slots", str(slots), *SWEEP]
    killed, study, share = [], home / "studies" / "n", TRIALS * POLICY_EPOCHS // len(kinds)
    with cluster(kinds) as (environment, kill_node):
        process = start(home, environment, options)
        for number, kind in enumerate(kinds):
            epochs = wait_for_epochs(process, study, number * share + dice.randrange(1, share))
            hit = kill_node() if kind == "node" else kill(kind, process, dice)
            killed.append(f"{hit} killed after {epochs} epochs")
            if kind not in SURVIVED:
                killed.append(f"the job ended with {finish(process)} and was run again")
                process = start(home, environment, options)
        finish(process, expected=(0,))
        check_study(study, home, TRIALS, POLICY_EPOCHS)
        check_processes(home)
        if set(kinds) & set(STANDING):
            check_cluster(environment["RAY_ADDRESS"])
    return "; ".join(killed)


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Options, description=__doc__))
