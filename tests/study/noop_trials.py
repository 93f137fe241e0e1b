"""Trials without training: each is an `execute`, shipped to the workers of test slots."""

import os
import time
from pathlib import Path
from typing import Any


def succeed(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """spec: {"epochs": int, "seconds": float per epoch}."""
    spec = assignment["spec"]
    for epoch in range(1, spec.get("epochs", 2) + 1):
        time.sleep(spec.get("seconds", 0.0))
        report({"epoch": epoch, "pid": os.getpid(), "attempt": assignment["attempt"]})


def resume(assignment: dict[str, Any], report: Any, context: dict[str, Any]) -> None:
    """Like succeed, with the epoch number as its checkpoint in context["folder"]."""
    checkpoint = Path(context["folder"]) / assignment["id"]
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    for epoch in range(done + 1, assignment["spec"]["epochs"] + 1):
        time.sleep(assignment["spec"]["seconds"])
        checkpoint.write_text(str(epoch))
        report({"epoch": epoch, "pid": os.getpid(), "attempt": assignment["attempt"]})
