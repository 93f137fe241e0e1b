"""A benchmark as its user runs it, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def last_line(benchmark: str, *options: object) -> dict[str, Any]:
    """The JSON that it prints last, once it has exited with 0."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ADAMML_")}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / benchmark), *map(str, options)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    numbers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return numbers
