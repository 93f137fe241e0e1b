"""Trials without training, shipped to the workers of test slots; `run` is their `execute`."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Trial = Callable[[dict[str, Any], Any, dict[str, Any]], None]


def run(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """spec["kind"] names one of the functions below."""
    globals()[assignment["spec"]["kind"]](assignment, report, context)


def succeed(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """spec: epochs, seconds per epoch. Goes on after the epoch it finds in context["folder"]."""
    checkpoint = Path(context["folder"]) / assignment["key"]
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done + 1, assignment["spec"]["epochs"] + 1):
        time.sleep(assignment["spec"].get("seconds", 0.0))
        if context["rank"] == 0:
            checkpoint.write_text(str(epoch))
        report({"epoch": epoch, "pid": os.getpid(), "attempt": assignment["attempt"]})


def describe(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """What a trial finds around it."""
    import torch
    import torch.distributed

    ranks = torch.tensor([float(context["rank"])])
    if context["world_size"] > 1:
        torch.distributed.all_reduce(ranks)
    report(
        {
            "epoch": 1,
            "threads": torch.get_num_threads(),
            "world_size": context["world_size"],
            "device": context["device"],
            "slot": context["slot"],
            "sum_of_ranks": ranks.item(),
            "spec_length": len(assignment["spec"].get("ballast", "")),
        }
    )


def fail(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    report({"epoch": 1, "pid": os.getpid()})
    raise ValueError("this trial fails on purpose")


def fail_on_device(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """As torch words it; the error itself needs a device."""
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def fail_on_last_rank(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """The other ranks wait in a collective that never comes to its end."""
    import torch.distributed

    if context["rank"] == context["world_size"] - 1:
        raise ValueError("the last rank fails on purpose")
    torch.distributed.barrier()


def note_stop(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """Leaves a file per rank with the reason for which it was stopped."""
    from adamml.slots.dispatcher import Stopped

    epoch = 0
    try:
        while True:
            epoch += 1
            report({"epoch": epoch})
            time.sleep(0.05)
    except Stopped as stopped:
        note = Path(context["folder"]) / f"{assignment['key']}-{context['rank']}"
        note.write_text(stopped.reason)
        raise


def report_nan(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    report({"epoch": 1, "loss": float("nan")})


def die(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train_policy(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """Report policy epochs with the quality of the assignment; leave a file when stopped."""
    from adamml.slots.dispatcher import Stopped

    spec = assignment["spec"]
    quality = float(spec["overrides"]["quality"])
    epoch = 0
    try:
        for epoch in range(1, 9):
            report({"epoch": epoch, "policy_epoch": epoch, "quality": quality, "gflops": 1.0})
    except Stopped as stopped:
        note = Path(context["folder"]) / f"stopped-{spec['id']}"
        note.write_text(f"{stopped.reason} {epoch}")
        raise
    report({"epoch": 8, "fidelity": "joint", "quality": quality, "gflops": 1.0})
