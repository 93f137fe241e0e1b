"""The loop inside every worker of a slot: take work, run it, clean up, take the next.

It knows nothing of training: `execute` is a dotted name, imported while the slot has no work yet.
"""

import contextlib
import gc
import importlib
import math
import re
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorDiedError

from adamml.slots.dispatcher import LEAVE, Attempt, Report, Stopped

LEAK_BYTES = 256 * 2**20
"""Device memory that a trial may leave behind; with more, the workers are replaced. cuBLAS alone
keeps 32 MiB."""

_DEVICE_ERROR = re.compile(
    r"\b(cuda|cudnn|cublas\w*|cufft|nccl)\b|device-side assert", re.IGNORECASE
)

Execute = Callable[[Attempt, Report, dict[str, Any]], None]


class RestartGroup(RuntimeError):  # noqa: N818 -- a request, not an error
    """A way out of the loop on purpose, after which Ray Train replaces all workers of the slot."""


class DispatcherGone(RuntimeError):  # noqa: N818 -- no fault of the worker
    """The end of the dispatcher, and with it of the driver: no work and no rank is left."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Place of a worker in its slot, and its line to the dispatcher."""

    dispatcher: Any
    slot: str
    incarnation: str
    rank: int
    world_size: int

    def share(self, value: Any) -> Any:
        """Return rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        from ray.train.collective import broadcast_from_rank_zero

        return broadcast_from_rank_zero(value)

    def call(self, method: str, *arguments: Any) -> Any:
        return ray.get(getattr(self.dispatcher, method).remote(*arguments))

    def attempts(self) -> Iterator[Attempt]:
        """Yield attempts, the same on all ranks, until the dispatcher says leave."""
        while True:
            answer = None
            if self.rank == 0:
                answer = self.call("next_attempt", self.slot, self.incarnation)
            # A broadcast is meant for less than a kilobyte: keys travel in it, specs do not.
            short = self.share(
                (answer["key"], answer["attempt"]) if isinstance(answer, dict) else answer
            )
            if short == LEAVE:
                return
            if short is not None:
                key, attempt = short
                spec = answer["spec"] if isinstance(answer, dict) else self.call("spec", key)
                yield {"key": key, "attempt": attempt, "spec": spec}


def worker_loop(setup: dict[str, Any]) -> None:
    """Work in every Ray Train worker of a slot, for the whole study.

    Args:
        setup: dispatcher (actor handle), slot, execute, cpus_per_worker, context; see pool.py.
    """
    gc.disable()  # until all is imported: imports leave no garbage, and collections cost seconds
    import torch

    from adamml.slots.process_group import process_group

    torch.set_num_threads(setup["cpus_per_worker"])
    with contextlib.suppress(DispatcherGone), process_group() as device:
        try:
            run_attempts(setup, str(device))
        except ActorDiedError as error:
            raise DispatcherGone from error


def run_attempts(setup: dict[str, Any], device: str) -> None:
    """Run one attempt after another, until the dispatcher says leave.

    Args:
        setup: as for worker_loop.
        device: of this worker, "cpu" or "cuda:0".

    Raises:
        RestartGroup: see run_attempt and refuse_leak.
        ActorDiedError: the dispatcher is gone.
    """
    from ray import train

    ranks = train.get_context()
    member = Membership(
        dispatcher=setup["dispatcher"],
        slot=setup["slot"],
        incarnation=uuid.uuid4().hex,
        rank=ranks.get_world_rank(),
        world_size=ranks.get_world_size(),
    )
    context = setup["context"] | {
        "slot": member.slot,
        "rank": member.rank,
        "world_size": member.world_size,
        "device": device,
    }
    with contextlib.suppress(Exception):  # the first attempt imports it again, and reports why
        imported(setup["execute"])
    gc.collect()
    gc.freeze()  # modules live as long as the process: no collection between trials looks at them
    gc.enable()
    baseline = release_memory()
    for attempt in member.attempts():
        run_attempt(member, attempt, setup["execute"], context)
        refuse_leak(attempt["key"], release_memory() - baseline)
        if member.world_size > 1:
            # No rank takes the next work before all have come through this one.
            member.share(None)


def run_attempt(
    member: Membership, attempt: Attempt, execute: str, context: dict[str, Any]
) -> None:
    """Execute one attempt and tell the dispatcher how it ended.

    Args:
        member: this worker.
        attempt: key, number and spec.
        execute: "module:function".
        context: of the slot, handed to the function.

    Raises:
        RestartGroup: it failed in a way that leaves other ranks or the device in doubt.
    """
    key, number = attempt["key"], attempt["attempt"]
    status, failure, device_failed = "completed", None, False
    try:
        imported(execute)(attempt, reporter(member, attempt), context)
        member.share(None)  # completed means: on every rank
    except Stopped:
        status = "stopped"
    except ActorDiedError:
        raise
    except Exception as error:
        status, device_failed = "failed", is_device_error(error)
        failure = traceback.format_exc()
    # The exception, its frames and the tensors they hold are gone here.
    if member.rank == 0 or failure is not None:
        member.call("finish", member.slot, key, number, status, failure)
    if failure is not None and (member.world_size > 1 or device_failed):
        raise RestartGroup(
            f"{key} failed on rank {member.rank}: {failure.strip().splitlines()[-1]}"
        )


def reporter(member: Membership, attempt: Attempt) -> Report:
    """Return the `report` of one attempt: rank 0 tells the dispatcher, all hear the same verdict.

    It raises Stopped on every rank when the trial is to end, and ValueError for a metric that is
    no finite number, text or truth value.
    """

    def report(metrics: dict[str, Any]) -> None:
        verdict = None
        if member.rank == 0:
            for name, value in metrics.items():
                _require_plain(name, value)
            arguments = (member.slot, attempt["key"], attempt["attempt"], metrics)
            try:
                verdict = member.call("report", *arguments)
            except ActorDiedError as error:  # the driver's end, which is no failure of the trial
                raise Stopped("closed") from error
        verdict = member.share(verdict)
        if verdict != "go":
            raise Stopped(verdict)

    return report


def imported(reference: str) -> Execute:
    """Return the function behind "package.module:function".

    Raises:
        ValueError: the reference is not of that form. Import errors pass through.
    """
    module, colon, name = reference.partition(":")
    if not colon:
        raise ValueError(f"execute must be 'module:function', got {reference!r}")
    function: Execute = getattr(importlib.import_module(module), name)
    return function


def is_device_error(error: BaseException) -> bool:
    """Return whether the error, or one behind it, came from CUDA: the process is in doubt then."""
    import torch

    seen: set[int] = set()
    cause: BaseException | None = error
    # Causes may form a circle.
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, torch.AcceleratorError | torch.OutOfMemoryError):
            return True
        # Some errors of CUDA are plain RuntimeErrors, known by their text alone.
        if isinstance(cause, RuntimeError) and _DEVICE_ERROR.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def release_memory() -> int:
    """Free memory that the last trial left; return the device bytes still in use (0 on a CPU)."""
    import torch

    gc.collect()
    if not torch.cuda.is_available():
        return 0
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return int(torch.cuda.memory_allocated())


def refuse_leak(key: str, leaked: int) -> None:
    """Raise RestartGroup if a trial left more than LEAK_BYTES of device memory behind."""
    if leaked > LEAK_BYTES:
        raise RestartGroup(f"{leaked / 2**20:.0f} MiB of device memory outlived {key}")


def _require_plain(name: str, value: Any) -> None:
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError(
            f"metric {name!r} must be a plain number or text, got {type(value).__name__}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"metric {name!r} must be finite, got {value}")
