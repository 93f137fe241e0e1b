"""What remains of a Tune trial: hand in a spec, repeat the reports. No torch, no CPU."""

from typing import Any

import ray
from ray import tune

RELAY_RESOURCES = {"node:__internal_head__": 0.001}
"""On the head, and startable when slots hold every CPU, where a fraction of a CPU would wait."""


def relay(config: dict[str, Any], dispatcher: Any) -> None:
    """Run the trial config["id"] with config["spec"] on whatever slot is free.

    The id is ours and not Tune's, which changes when a trial is tried again: submitting twice is
    one trial, and the second relay goes on after the last report that the first one repeated.
    Where Tune has stopped the trial, the searcher has told the dispatcher before this can
    (StudySearch's on_end).

    Raises:
        RuntimeError: the trial failed; carries the traceback from its slot.
    """
    id, over = config["id"], False
    after = ray.get(dispatcher.submit.remote(id, config["spec"], config.get("priority", 0)))
    try:
        while True:
            record = ray.get(dispatcher.next_report.remote(id, after))
            if record is None:
                continue
            if record.get("done"):
                over = True
                break
            after += 1
            tune.report(record)  # leaves with SystemExit where Tune has stopped the trial
    finally:
        if not over:
            ray.get(dispatcher.stop.remote(id))
    if record["status"] == "failed":
        raise RuntimeError(f"trial {id} failed:\n{record['error']}")


def relay_trainable(dispatcher: Any) -> Any:
    """What Tuner takes; parameters: {"id": str, "spec": dict, "priority": int, optional}."""
    return tune.with_resources(tune.with_parameters(relay, dispatcher=dispatcher), RELAY_RESOURCES)
