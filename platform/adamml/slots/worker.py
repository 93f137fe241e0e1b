"""The loop inside every worker of a slot: take a trial, run it, clean up, take the next one.

It knows nothing of training: `execute` is a dotted name, imported while the slot has no trial yet.
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

from adamml.slots.dispatcher import LEAVE, Assignment, Stopped

LEAK_BYTES = 256 * 2**20
"""Device memory a trial may leave behind (cuBLAS keeps 32 MiB); with more, workers are replaced."""

_DEVICE_ERROR = re.compile(
    r"\b(cuda|cudnn|cublas\w*|cufft|nccl)\b|device-side assert", re.IGNORECASE
)

Report = Callable[[dict[str, Any]], None]
Execute = Callable[[Assignment, Report, dict[str, Any]], None]


class RestartGroup(RuntimeError):  # noqa: N818 -- a request, not an error
    """Leaves the loop on purpose, so that Ray Train replaces all workers of the slot."""


class DispatcherGone(RuntimeError):  # noqa: N818 -- nobody's fault
    """And with it the driver: there is nobody left to work for, nor other ranks to wait for."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Where a worker stands in its slot, and whom it asks."""

    dispatcher: Any
    slot: str
    incarnation: str
    rank: int
    world_size: int

    def share(self, value: Any) -> Any:
        """Rank 0's value on every rank."""
        if self.world_size == 1:
            return value
        from ray.train.collective import broadcast_from_rank_zero

        return broadcast_from_rank_zero(value)

    def call(self, method: str, *arguments: Any) -> Any:
        return ray.get(getattr(self.dispatcher, method).remote(*arguments))

    def assignments(self) -> Iterator[Assignment]:
        """One assignment after another, the same on all ranks, until the dispatcher says leave."""
        while True:
            told = None
            if self.rank == 0:
                told = self.call("next_assignment", self.slot, self.incarnation)
            # A broadcast is meant for less than a kilobyte: ids travel in it, specs do not.
            short = self.share((told["id"], told["attempt"]) if isinstance(told, dict) else told)
            if short == LEAVE:
                return
            if short is not None:
                id, attempt = short
                spec = told["spec"] if isinstance(told, dict) else self.call("spec", id)
                yield {"id": id, "attempt": attempt, "spec": spec}


def worker_loop(setup: dict[str, Any]) -> None:
    """Runs in every Ray Train worker of a slot, for the whole study.

    Args:
        setup: dispatcher (actor handle), slot, execute, cpus_per_worker, context; see slots.py.
    """
    gc.disable()  # until all is imported: of what that makes nothing can be collected
    import torch

    from adamml.slots.process_group import process_group

    torch.set_num_threads(setup["cpus_per_worker"])
    with contextlib.suppress(DispatcherGone), process_group() as device:
        try:
            run_assignments(setup, str(device))
        except ActorDiedError as error:
            raise DispatcherGone from error


def run_assignments(setup: dict[str, Any], device: str) -> None:
    """One after another, until the dispatcher says leave.

    Raises:
        RestartGroup: see run_assignment and refuse_leak.
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
    with contextlib.suppress(Exception):  # the first trial will say what is wrong with it
        imported(setup["execute"])
    gc.collect()
    gc.freeze()  # modules live as long as the process: no collection between trials looks at them
    gc.enable()
    baseline = release_memory()
    for assignment in member.assignments():
        run_assignment(member, assignment, setup["execute"], context)
        refuse_leak(assignment["id"], release_memory() - baseline)
        if member.world_size > 1:
            # No rank takes the next trial before all have come through this one.
            member.share(None)


def run_assignment(
    member: Membership, assignment: Assignment, execute: str, context: dict[str, Any]
) -> None:
    """Run one trial and tell the dispatcher how it ended.

    Raises:
        RestartGroup: the trial failed in a way that leaves other ranks or the device in doubt.
    """
    id, attempt = assignment["id"], assignment["attempt"]
    status, failure, device_failed = "completed", None, False
    try:
        imported(execute)(assignment, reporter(member, assignment), context)
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
        member.call("finish", member.slot, id, attempt, status, failure)
    if failure is not None and (member.world_size > 1 or device_failed):
        raise RestartGroup(f"{id} failed on rank {member.rank}: {failure.strip().splitlines()[-1]}")


def reporter(member: Membership, assignment: Assignment) -> Report:
    """The `report` of one attempt: rank 0 tells the dispatcher, all ranks hear the same verdict.

    It raises Stopped on every rank when the trial is to end, and ValueError for a metric that is
    no finite number, text or truth value.
    """

    def report(metrics: dict[str, Any]) -> None:
        verdict = None
        if member.rank == 0:
            for name, value in metrics.items():
                _require_plain(name, value)
            arguments = (member.slot, assignment["id"], assignment["attempt"], metrics)
            try:
                verdict = member.call("report", *arguments)
            except ActorDiedError as error:  # the driver's end, which is no failure of the trial
                raise Stopped("closed") from error
        verdict = member.share(verdict)
        if verdict != "go":
            raise Stopped(verdict)

    return report


def imported(reference: str) -> Execute:
    """The function behind "package.module:function".

    Raises:
        ValueError: the reference is not of that form. Import errors pass through.
    """
    module, colon, name = reference.partition(":")
    if not colon:
        raise ValueError(f"execute must be 'module:function', got {reference!r}")
    function: Execute = getattr(importlib.import_module(module), name)
    return function


def is_device_error(error: BaseException) -> bool:
    """Whether the error, or one behind it, came from CUDA: the process is in doubt then."""
    import torch

    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, torch.AcceleratorError | torch.OutOfMemoryError):
            return True
        if isinstance(cause, RuntimeError) and _DEVICE_ERROR.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def release_memory() -> int:
    """Free what the last trial left; returns the device bytes still allocated (0 without CUDA)."""
    import torch

    gc.collect()
    if not torch.cuda.is_available():
        return 0
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    return int(torch.cuda.memory_allocated())


def refuse_leak(id: str, leaked: int) -> None:
    """Raise RestartGroup where a trial left more than LEAK_BYTES of device memory behind."""
    if leaked > LEAK_BYTES:
        raise RestartGroup(f"{leaked / 2**20:.0f} MiB of device memory outlived {id}")


def _require_plain(name: str, value: Any) -> None:
    if not isinstance(value, str | int | float | bool | None):
        raise ValueError(
            f"metric {name!r} must be a plain number or text, got {type(value).__name__}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"metric {name!r} must be finite, got {value}")
