import os
import subprocess
import sys
from pathlib import Path

import pytest

# Tests run side by side: threads that wait for each other would cost more than they do.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TEMPLATE = Path(__file__).parents[1] / "benchmarks" / "faults" / "template.py"
LONGEST = ("test_faults.py", "test_hostile_media.py", "test_compare_methods.py", "test_ceilings.py")
"""Files of several minutes: begun first, so that none runs alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch  # importing it takes seconds

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; copy it with mlflow_stores.fresh_database."""
    from adamml.tracking.store import connect  # importing MLflow takes seconds

    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home with the tiny recipe's videos, decoded frames and unimodal networks, an empty MLflow
    database, and no study.

    Made once for all test processes; copy it.
    """
    from adamml.files import locked

    root = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        root = root.parent
    with locked(root / "tiny-home.lock"):
        home = root / "tiny-home" / "template"
        if not (root / "tiny-home.made").exists():
            subprocess.run([sys.executable, str(TEMPLATE), str(root / "tiny-home")], check=True)
            (root / "tiny-home.made").touch()
    return home
