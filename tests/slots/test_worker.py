"""What a worker decides by itself; the loop as a whole runs in test_slots.py and beside it."""

import json
from typing import Any

import pytest
import torch
from adamml.slots.dispatcher import Stopped
from adamml.slots.worker import (
    LEAK_BYTES,
    Membership,
    RestartGroup,
    imported,
    is_device_error,
    refuse_leak,
    release_memory,
    reporter,
)
from ray.exceptions import ActorDiedError


def chained(inner: BaseException) -> BaseException:
    """A ValueError that hides the inner error."""
    try:
        try:
            raise inner
        except BaseException as error:
            raise ValueError("the trial went wrong") from error
    except ValueError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("device-side assert triggered"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("NCCL communicator was aborted"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
    ],
    ids=lambda error: str(error)[:20],
)
def test_device_errors_are_known_also_behind_others(error: BaseException) -> None:
    assert is_device_error(error)
    assert is_device_error(chained(error))


def test_other_errors_leave_the_process_trusted() -> None:
    for error in (ValueError("lr must be positive"), RuntimeError("shape mismatch")):
        assert not is_device_error(error)
        assert not is_device_error(chained(error))


def test_memory_that_outlives_a_trial_asks_for_new_workers() -> None:
    refuse_leak("t", LEAK_BYTES)
    with pytest.raises(RestartGroup, match="257 MiB of device memory outlived t"):
        refuse_leak("t", LEAK_BYTES + 2**20)


class Deserted(Membership):
    """Whose dispatcher has died."""

    def call(self, method: str, *arguments: Any) -> Any:
        raise ActorDiedError


def test_a_trial_without_its_driver_is_closed_and_has_not_failed() -> None:
    member = Deserted(dispatcher=None, slot="slot-0", incarnation="a", rank=0, world_size=1)
    with pytest.raises(Stopped, match="closed"):
        reporter(member, {"key": "t", "attempt": 1, "spec": {}})({"epoch": 1})


@pytest.mark.gpu
def test_release_memory_counts_what_is_still_held() -> None:
    before = release_memory()
    held = torch.empty(2**20, device="cuda")
    assert release_memory() - before == 4 * 2**20
    del held
    assert release_memory() == before


def test_execute_is_found_by_its_dotted_name() -> None:
    assert imported("json:loads") is json.loads
    with pytest.raises(ValueError, match=r"execute must be 'module:function', got 'json\.loads'"):
        imported("json.loads")
