"""Cleaners of Ray Train that a killed driver left on a cluster that goes on."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
import ray
from adamml.slots.orphans import remove_orphans
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.slow

DRIVER = """
import ray, time

ray.init({address!r}, log_to_driver=False)

class PlacementGroupCleaner:
    def pid(self):
        import os
        return os.getpid()

actor = ray.remote(PlacementGroupCleaner).options(num_cpus=0, lifetime="detached").remote()
print(ray.get(actor.pid.remote()), flush=True)
time.sleep(600)
"""
"""A detached actor of the cleaner's name, for one that cannot end itself."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = {"num_cpus": 2, "include_dashboard": True, "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster.address
    cluster.shutdown()


def driver(address: str) -> tuple[subprocess.Popen[str], psutil.Process]:
    """A driver, and the process of its cleaner."""
    code = DRIVER.format(address=address)
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    with started.stdout as said:
        return started, psutil.Process(int(said.readline()))


def test_only_the_cleaners_of_drivers_that_are_gone_are_ended(address: str) -> None:
    killed, orphan = driver(address)
    alive, cleaner = driver(address)
    killed.kill()
    killed.wait()
    ray.init(address, log_to_driver=False)
    try:
        assert orphan.is_running(), "a detached actor outlives its driver"
        removed = 0
        for _ in range(30):  # until Ray knows that the driver is gone
            removed = remove_orphans()
            if removed:
                break
        assert removed == 1
        orphan.wait(10)
        assert cleaner.is_running()
    finally:
        ray.shutdown()
        alive.kill()
        alive.wait()
