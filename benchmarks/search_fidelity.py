"""Agreement of the cheap fidelity with the dear one, and the training time that it saves.

    python benchmarks/search_fidelity.py --home fidelity

A sweep over the built-in videos, in which every sampled trial is trained with the policy alone,
against frozen recognition networks, and then jointly too. Each configuration then has both results
on validation. Printed are Kendall's tau between them, of accuracy and of GFLOPs; the hypervolume
that a search would have reached if it had trained only the best few jointly (study/selection.py
chooses them); and the training time that it would have taken. The last line is JSON. After an
interruption, run the same command again to continue.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "platform")]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the benchmark."""

    home: Path
    """Folder of data, networks and the study."""
    recipe: str = "demo"
    """Recipe of the trials."""
    configurations: int = 24
    """Number of configurations that are trained in both fidelities."""
    seed: int = 0
    """Seed of the study."""
    sampler: str = "qmc"
    """Sampler of configurations. The default is quasi-random: it spreads them over the space, which
    a ranking needs."""


def main(options: Options) -> None:
    from adamml.records import read_study
    from adamml.study.options.jobs import SweepOptions
    from adamml.study.options.sweep import resolve
    from adamml.study.specs import BASELINES
    from adamml.study.sweep import sweep

    from search_spaces import space_of

    sweep_options = SweepOptions(
        recipe=options.recipe,
        home=options.home,
        name="search-fidelity",
        seed=options.seed,
        trials=options.configurations + len(BASELINES),
        joint=options.configurations + 1,
        sampler=options.sampler,
        scheduler="fifo",
        confirm=False,
    )
    plan = resolve(sweep_options, space_of)
    sweep(plan, lambda folder, uri: [], lambda console, folder: None)
    trials = [t for t in read_study(plan.folder).trials if t.kind == "trial"]
    both = [t for t in trials if {"policy", "joint"} <= t.finals.keys() and t.method != "always_on"]
    result = {"recipe": options.recipe, "seed": options.seed, "configurations": len(both)}
    journals = {t.id: plan.folder / "trials" / t.id / "journal.jsonl" for t in both}
    seconds = {id: seconds_by_fidelity(journal) for id, journal in journals.items()}
    result |= agreement(both) | saving(trials, both, seconds, plan.settings.reference)
    print(json.dumps(result), flush=True)


def agreement(trials: list) -> dict[str, float]:
    """Return Kendall's tau between the fidelities, and the median change by joint training."""
    import numpy as np
    from scipy.stats import kendalltau

    result = {}
    for name in ("quality", "gflops"):
        cheap, dear = (np.array([t.finals[f][name] for t in trials]) for f in ("policy", "joint"))
        result[f"tau_{name}"] = round(float(kendalltau(cheap, dear).statistic), 3)
        result[f"median_change_{name}"] = round(float(np.median(dear - cheap)), 4)
    return result


def saving(
    trials: list, both: list, seconds: dict[str, dict[str, float]], reference: tuple[float, ...]
) -> dict[str, object]:
    """Compare hypervolume and training time by the number of trials that are trained jointly."""
    from adamml.study.selection import promoted

    policy = sum(s["policy"] for s in seconds.values())
    everything = policy + sum(s["joint"] for s in seconds.values())
    cheap = [replace(t, final=t.finals["policy"], fidelity="policy") for t in trials if t.finals]
    order = [t.id for t in promoted(cheap, len(trials), reference) if t.id in seconds]
    by_id = {t.id: t for t in trials}
    always_on = [t for t in trials if t.method == "always_on"]
    whole = hypervolume([*always_on, *both], reference)
    rows = []
    for count in range(1, len(order) + 1):
        joint = [by_id[id] for id in order[:count]]
        spent = policy + sum(seconds[id]["joint"] for id in order[:count])
        reached = hypervolume([*always_on, *joint], reference) / whole
        rows.append((count, round(reached, 4), round(spent / everything, 3)))
    print("trained jointly | of the whole hypervolume | of the training time")
    for count, reached, spent in rows:
        print(f"{count:15d} | {100 * reached:23.2f}% | {100 * spent:19.1f}%")
    first = next(row for row in rows if row[1] >= 0.99)
    return {
        "policy_s": round(policy / len(both), 2),
        "joint_s": round((everything - policy) / len(both), 2),
        "hypervolume": round(whole, 4),
        "trained_jointly_for_99_percent": first[0],
        "training_time_for_99_percent": first[2],
    }


def hypervolume(trials: list, reference: tuple[float, ...]) -> float:
    from adamml.objectives import table
    from adamml.statistics import fronts

    return fronts.hypervolume_fraction(
        table.points([t.finals["joint"] for t in trials if "joint" in t.finals]),
        maximise=table.maximise(),
        reference=reference,
        ideal=table.best_values(),
    )


def seconds_by_fidelity(journal: Path) -> dict[str, float]:
    """Sum the seconds of a trial's epochs, each from the event before it in the journal."""
    from adamml.journal import read_journal

    spent, before = {"policy": 0.0, "joint": 0.0}, 0.0
    for event in read_journal(journal):
        if event["event"] == "epoch":
            fidelity = "policy" if event["stage"] == "policy_only" else "joint"
            spent[fidelity] += event["time"] - before
        before = event["time"]
    return spent


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Options, description=__doc__))
