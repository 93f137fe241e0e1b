"""Slots on a real Ray whose workers, launchers or controllers die: what becomes of their trials."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from adamml.slots.dispatcher import MAX_SILENT_ATTEMPTS
from adamml.slots.pool import CONTROLLER_DEATHS, Slots
from ray.util.state import list_tasks
from warm_slots import address, alive, run_one, slots_of, wait_until

pytestmark = pytest.mark.slow


def test_a_trial_that_always_kills_its_workers_is_given_up(slots: Slots) -> None:
    before = sum(slots.state()["restarts"].values())
    ends = slots.run({"poison": {"kind": "die"}, "bystander": {"kind": "succeed", "epochs": 1}})
    assert ends["poison"]["status"] == "failed"
    assert f"{MAX_SILENT_ATTEMPTS} attempts in a row died" in ends["poison"]["error"]
    assert ends["bystander"]["status"] == "completed"
    wait_until(lambda: sum(slots.state()["restarts"].values()) == before + MAX_SILENT_ATTEMPTS)


def test_a_device_error_replaces_the_worker_and_fails_the_trial(slots: Slots) -> None:
    before = sum(slots.state()["restarts"].values())
    end, _ = run_one(slots, "cuda", kind="fail_on_device")
    assert end["status"] == "failed"
    wait_until(lambda: sum(slots.state()["restarts"].values()) == before + 1)
    assert run_one(slots, "after-cuda", kind="succeed", epochs=1)[0]["status"] == "completed"


def test_a_slot_whose_launcher_is_killed_comes_back(slots: Slots) -> None:
    wait_until(lambda: len(slots.state()["ready"]) == 2)
    launchers = list_tasks(
        address(), filters=[("name", "=", "run_slot"), ("state", "=", "RUNNING")], detail=True
    )
    reports: list[dict[str, Any]] = []

    def kill_launchers(_: str, metrics: dict[str, Any]) -> None:
        reports.append(metrics)
        if metrics["epoch"] == 1:
            for launcher in launchers:
                os.kill(launcher.worker_pid, signal.SIGKILL)

    assert launchers
    spec = {"kind": "succeed", "epochs": 4, "seconds": 1.0}
    ends = slots.run({"orphan": spec}, on_report=kill_launchers)
    assert ends["orphan"]["status"] == "completed"
    assert [m["epoch"] for m in reports] == [1, 2, 3, 4]


def test_a_slot_whose_controllers_are_killed_comes_back_until_it_is_given_up(
    cluster: None, tmp_path: Path
) -> None:
    """The only slot there is."""
    reports: list[dict[str, Any]] = []
    attempts = list(range(1, CONTROLLER_DEATHS + 1))

    def kill_controller(_: str, metrics: dict[str, Any]) -> None:
        new = metrics["attempt"] not in {m["attempt"] for m in reports}
        reports.append(metrics)
        if new:
            for controller in set(alive("TrainController")) - others:
                os.kill(controller, signal.SIGKILL)

    others = set(alive("TrainController"))
    with slots_of(1, tmp_path) as alone:
        spec = {"kind": "succeed", "epochs": 10, "seconds": 1.0}
        end = alone.run({"orphan": spec}, on_report=kill_controller)["orphan"]
        assert [m["epoch"] for m in reports] == list(range(1, len(reports) + 1))
        assert sorted({m["attempt"] for m in reports}) == attempts
        assert alone.state()["restarts"] == {"slot-0": CONTROLLER_DEATHS - 1}
        assert end["status"] == "failed"
        assert "no slot is left to run it (slot-0: ActorDiedError" in end["error"]
