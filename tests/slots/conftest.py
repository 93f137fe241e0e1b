from collections.abc import Iterator
from pathlib import Path

import pytest
from adamml.cluster import connect
from adamml.slots.pool import Slots
from warm_slots import TRIALS, slots_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slots")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    with connect(modules=[TRIALS], num_cpus=4):
        yield


@pytest.fixture(scope="module")
def slots(cluster: None, folder: Path) -> Iterator[Slots]:
    """Two slots of one worker each."""
    with slots_of(1, folder, count=2) as started:
        yield started


@pytest.fixture(scope="module")
def pair(cluster: None, folder: Path) -> Iterator[Slots]:
    """One slot of two workers; with the two others it holds every CPU of the cluster."""
    with slots_of(2, folder) as started:
        yield started
