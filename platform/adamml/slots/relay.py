"""The part of a Tune trial that remains: submit a spec and repeat its reports, without a CPU."""

from typing import Any

import ray
from ray import tune

RELAY_RESOURCES = {"node:__internal_head__": 0.001}
"""Resources of a relay. On the head it starts even when slots hold every CPU, where a fraction of a
CPU would wait."""


def relay(config: dict[str, Any], dispatcher: Any) -> None:
    """Run config["spec"] under config["key"] on whichever slot is free.

    The key is ours, because Tune's own id changes when a trial is tried again: submitting twice is
    one trial, and the second relay continues after the last report that the first one repeated.
    Where Tune has stopped the trial, the searcher has told the dispatcher already (on_end of
    study/search/searchers.py).

    Args:
        config: key, spec and, optionally, priority.
        dispatcher: the actor's handle.

    Raises:
        RuntimeError: the trial failed; carries the traceback from its slot.
    """
    key, over = config["key"], False
    after = ray.get(dispatcher.submit.remote(key, config["spec"], config.get("priority", 0)))
    try:
        while True:
            record = ray.get(dispatcher.next_report.remote(key, after))
            if record is None:
                continue
            if record.get("done"):
                over = True
                break
            after += 1
            tune.report(record)  # leaves with SystemExit where Tune has stopped the trial
    finally:
        if not over:
            ray.get(dispatcher.stop.remote(key))
    if record["status"] == "failed":
        raise RuntimeError(f"trial {key} failed:\n{record['error']}")


def relay_trainable(dispatcher: Any) -> Any:
    """Return the trainable for Tuner; its parameters are {"key": str, "spec": dict}."""
    return tune.with_resources(tune.with_parameters(relay, dispatcher=dispatcher), RELAY_RESOURCES)
