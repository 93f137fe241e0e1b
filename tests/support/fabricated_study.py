"""A study's folder as a finished sweep leaves it, made up: for tests of what reads journals."""

import json
import math
import random
from pathlib import Path

from adamml.journal import Journal
from adamml.objectives.table import OBJECTIVES, maximise, points
from adamml.records import read_study
from adamml.statistics.fronts import non_dominated

ALL_ON = 0.55  # GFLOPs per video
HOSTILE = "<script>alert('x')</script>"
OTHERS = dict.fromkeys(OBJECTIVES, 1.0)
"""Values of the objectives that nothing here varies."""
CHOSEN = "adamml-16"
"""Trials: the chosen one, and the one of the chosen operating point."""


def write_study(
    folder: Path, *, trials: int = 18, ended: bool = True, began: float = 1.7e9
) -> Path:
    """Write studies/<name> with its unimodal networks, fusions and trials; one trial has failed."""
    clock = _Clock(began)
    study = Journal(folder / "journal.jsonl", clock=clock)
    study.append("start", name=folder.name, params={"seed": 0, "trials": trials, "recipe": "demo"})
    study.append("data", bad={f"test/{HOSTILE}.mp4": "no frames"}, silent=3, videos=2560)
    for modality, accuracy, gflops in (("rgb", 0.72, 0.5), ("audio", 0.61, 0.05)):
        _fixed(folder, clock, f"unimodal-{modality}-0123", "unimodal", modality, accuracy, gflops)
    for method, accuracy in (("average", 0.88), ("weighted", 0.905), ("max", 0.871)):
        _fixed(folder, clock, f"fusion-{method}", "fusion", method, accuracy, ALL_ON)
    for number in range(trials):
        _trial(folder, clock, number)
        study.append("metrics", metrics={"hypervolume": 0.5 * (1 - math.exp(-number / 5))})
    study.append(
        "references",
        relevance_policy={"quality": 0.955, "gflops": 0.305},
        oracle_front={"quality": [0.62, 0.9, 0.97, 0.985], "gflops": [0.06, 0.14, 0.22, 0.36]},
    )
    for id in front(folder):
        study.append("tags", id=id, tags={"on_front": "true"})
    if ended:
        study.append("tags", id=CHOSEN, tags={"chosen": "true"})
        bias = {"rgb": 0.25, "audio": 0.25}
        study.append("tags", id=CHOSEN, tags={"operating_point": json.dumps(bias)})
        others = {f"test_{name}": value for name, value in OTHERS.items()}
        test = others | {"test_quality": 0.909, "test_gflops": 0.301}
        test |= {f"test_bias.{m}": value for m, value in bias.items()}
        study.append("test", id=CHOSEN, metrics=test)
        test = others | {"test_quality": 0.902, "test_gflops": ALL_ON}
        study.append("test", id="fusion-weighted", metrics=test)
        study.append("end", status="completed")
    return folder


def front(folder: Path) -> list[str]:
    """Ids of the trials that no other one beats."""
    trials = [t for t in read_study(folder).trials if t.kind == "trial" and t.final]
    mask = non_dominated(points([t.final for t in trials]), maximise=maximise())
    return [trial.id for trial, keep in zip(trials, mask, strict=True) if keep]


class _Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1.25
        return self.now


def _fixed(
    folder: Path, clock: _Clock, id: str, kind: str, method: str, accuracy: float, gflops: float
) -> None:
    journal = Journal(folder / "trials" / id / "journal.jsonl", clock=clock)
    name = f"{method} alone" if kind == "unimodal" else f"{method} fusion"
    journal.append("start", id=id, kind=kind, method=method, name=name, params={}, overrides={})
    epochs = 4 if kind == "unimodal" else 0
    for epoch in range(1, epochs + 1):
        metrics = {"loss": 2 / epoch, "quality": accuracy * epoch / epochs}
        journal.append("epoch", epoch=epoch, stage="unimodal", metrics=metrics)
    rates = {f"selection_rate.{m}": float(method in (m, *FUSIONS)) for m in ("rgb", "audio")}
    final = OTHERS | {"quality": accuracy, "gflops": gflops, **rates}
    journal.append("final", fidelity="joint", metrics=final)
    journal.append("end", status="completed", error=None)


FINAL = ("quality", "gflops", "selection_rate")
FUSIONS = ("average", "weighted", "max")


def _trial(folder: Path, clock: _Clock, number: int) -> None:
    dice = random.Random(number)
    method = ("always_on", "published")[number] if number < 2 else "adamml"
    id = f"{method}-{number:02d}" if method == "adamml" else method
    journal = Journal(folder / "trials" / id / "journal.jsonl", clock=clock)
    rgb = 1.0 if method == "always_on" else (number * 0.37) % 0.9 + 0.05
    audio = 1.0 if method == "always_on" else 0.4 + 0.6 * dice.random()
    overrides = {} if number < 2 else _overrides(dice)
    name = HOSTILE if number == 7 else f"{method} {number}"
    params = {"recipe": "demo", "seed": 0, "rgb.train_short_side": [50, 58], **overrides}
    start = {"id": id, "kind": "trial", "method": method, "name": name, "attempt": 1}
    journal.append("start", params=params, overrides=overrides, **start)
    joint = number % 4 == 0 or number % 9 == 5
    gflops = ALL_ON * (0.03 + 0.88 * rgb + 0.09 * audio)
    best = 0.915 - 0.32 * math.exp(-7 * rgb) - 0.06 * dice.random() + 0.02 * joint
    stages = ["policy_only"] * 6 + ["alternating"] * (2 * joint)
    for epoch, stage in enumerate(stages, start=1):
        if number == 7 and epoch == 3:
            error = f"Traceback (most recent call last):\n  ...\nValueError: loss is NaN {HOSTILE}"
            journal.append("end", status="failed", error=error)
            return
        metrics = {
            "loss": 2.0 / epoch,
            "quality": best * (1 - 0.3 / epoch),
            "gflops": gflops * (1 + 0.3 / epoch),
            "temperature": 5 * 0.965**epoch,
            "selection_rate.rgb": rgb,
            "selection_rate.audio": audio,
        }
        if stage == "policy_only":
            metrics["policy.usage"] = 0.2 / epoch
        journal.append("epoch", epoch=epoch, stage=stage, metrics=metrics)
    final = {k: v for k, v in metrics.items() if k.partition(".")[0] in FINAL}
    final |= OTHERS | {"quality": best, "gflops": gflops}
    fidelity = "joint" if joint else "policy"
    if method == "adamml":
        journal.append("operating_points", fidelity=fidelity, points=_points(final))
    journal.append("final", fidelity=fidelity, metrics=final)
    journal.append("end", status="completed", error=None)


def _points(final: dict[str, float]) -> list[dict[str, float]]:
    """Little for little, less, the same, a little more."""
    changes = {-6.0: (-0.3, 0.1), -0.5: (-0.02, 0.9), 0.0: (0.0, 1.0), 0.25: (0.01, 1.02)}
    return [
        final
        | {"quality": final["quality"] + more, "gflops": final["gflops"] * factor}
        | {"bias.rgb": bias, "bias.audio": bias}
        for bias, (more, factor) in changes.items()
    ]


def _overrides(dice: random.Random) -> dict[str, object]:
    return {
        "gumbel.temperature": round(dice.uniform(1, 8), 2),
        "gumbel.decay": 0.965,
        "loss.lambdas.rgb": round(10 ** dice.uniform(-2, 0), 4),
        "loss.lambdas.audio": round(10 ** dice.uniform(-3, -1), 5),
        "loss.gamma": round(dice.uniform(0, 5), 2),
        "recognition.rgb.name": dice.choice(["resnet10", "conv3"]),
    }
