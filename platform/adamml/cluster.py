"""The Ray cluster: joined or started here alone, with this very copy of adamml on every node.

Folders that all nodes must reach are checked here too.
"""

import contextlib
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import AuthenticationError, GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

PACKAGE = Path(__file__).resolve().parent
"""Folder of this package, which is shipped to workers."""
NODE_TIMEOUT_S = 60.0
"""Longest wait for the nodes to answer a check, in seconds."""

_WORKER_ENVIRONMENT = {
    # Seconds between two looks of Ray Train at a slot's workers; 2 by default.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    # One process less per slot: a reclaimed node shows as dead workers, which are restarted.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # NCCL needs the workers of a slot to see each other's GPUs.
    "TRAIN_ENABLE_SHARE_CUDA_VISIBLE_DEVICES": "1",
}
_WORKERS_STARTING = "64"
"""Number of worker processes that a local cluster starts at the same time. Ray's default is the
number of cores, and it warns on the terminal from four times as many."""
_DEAD_AFTER_S = "20"
"""Seconds without an answer after which a local cluster counts as dead. Ray waits a minute, for a
restart that a local cluster never gets."""
_PASSED_ON = ("ADAMML_HOME", "ADAMML_CACHE", "ADAMML_CACHE_GIB")
"""Environment variables that workers get with the driver's values, where the driver has them."""
_LOCAL_OBJECT_STORE_BYTES = 512 * 2**20
_NO_CONNECTION = (
    "Cannot join the Ray cluster at RAY_ADDRESS={address}: either none runs there, or it requires "
    "a token (Ray does not tell the two apart). Start a cluster there, or set RAY_AUTH_MODE=token "
    "with the token in RAY_AUTH_TOKEN or ~/.ray/auth_token, both here and where the cluster is "
    "started. `ray job submit` to a cluster that requires a token fails with 401 without it."
)
_NO_START = (
    "Cannot start Ray on this machine: {why}. Run the same command again if the machine was busy."
)


@contextlib.contextmanager
def connect(
    *,
    modules: Sequence[Path] = (),
    num_cpus: int | None = None,
    dashboard: bool = True,
) -> Iterator[None]:
    """Connect to Ray for the time of a `with` block.

    Joins the cluster of RAY_ADDRESS where that is set (Ray sets it in submitted jobs). Otherwise
    starts a local cluster on this machine, of which nothing is left afterwards. ADAMML_HOME,
    ADAMML_CACHE and ADAMML_CACHE_GIB are passed on to workers with the driver's values.

    Args:
        modules: further packages or single .py files to ship to workers, beside adamml.
        num_cpus: CPUs of a local cluster; those of the machine by default.
        dashboard: whether a local cluster has one. Ray Train needs it to free the worker groups of
            stopped runs; a job without Ray Train starts faster without.

    Raises:
        ConnectionError: no cluster runs at RAY_ADDRESS, or it requires a token; or Ray cannot start
            on this machine.
    """
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    options: dict[str, Any] = {
        "runtime_env": {
            "py_modules": [str(PACKAGE), *map(str, modules)],
            "env_vars": variables | _WORKER_ENVIRONMENT,
        },
        "logging_level": logging.WARNING,
        "log_to_driver": False,
    }
    # A submitted job's own variables are in this process's environment and so in env_vars again;
    # without this, Ray refuses a variable that is given twice.
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        # Ray warns of a cluster without tokens; this one is on loopback and ends with the process.
        logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
        # Several processes per core are intended: most of them hardly ever work.
        os.environ.setdefault("RAY_worker_maximum_startup_concurrency", _WORKERS_STARTING)
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", _DEAD_AFTER_S)
        # Ray would start a worker process per CPU without this job's environment, and wait for all
        # of them, though the job cannot use them.
        os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
        options |= {
            "include_dashboard": dashboard,
            "dashboard_host": "127.0.0.1",
            "num_cpus": num_cpus,
            "object_store_memory": _LOCAL_OBJECT_STORE_BYTES,
        }
    try:
        # Without an address Ray follows the last cluster of this machine, also a dead one, and
        # waits for minutes.
        ray.init(address or "local", **options)
    except (AuthenticationError, ConnectionError) as error:
        raise ConnectionError(_NO_CONNECTION.format(address=address)) from error
    except Exception as error:  # Ray raises a bare Exception for a node that is not up in time
        if address:
            raise
        raise ConnectionError(_NO_START.format(why=" ".join(str(error).split()))) from error
    try:
        yield
    finally:
        ray.shutdown()


def on_node(node_id: str) -> NodeAffinitySchedulingStrategy:
    """Return the scheduling strategy that pins a task or an actor to one node."""
    return NodeAffinitySchedulingStrategy(node_id, soft=False)


def driver_node() -> str:
    """Return the id of the node that this process runs on."""
    return str(ray.get_runtime_context().get_node_id())


def check_home(home: Path, *, option: str = "home", timeout_s: float = NODE_TIMEOUT_S) -> None:
    """Raise unless home is one and the same writable folder for the driver and for every node.

    Args:
        home: the folder.
        option: name of the option that the folder was given with, for the message.
        timeout_s: longest wait for an answer.

    Raises:
        OSError: names the nodes that do not answer, cannot read or write there, or see another
            folder.
    """
    meeting = home / f".check-{uuid.uuid4().hex[:8]}"
    try:
        meeting.mkdir(parents=True)
        (meeting / "driver").write_text("driver")
    except OSError as error:
        raise OSError(
            f"{option} must be a folder the driver can write to, got {home}: {error}"
        ) from error
    try:
        faults = _ask_nodes(lambda id: partial(exchange_tokens, str(meeting), id), timeout_s)
        for id, fault in faults.items():
            # A node may have another folder at the same path. It then writes without an error, but
            # its file does not appear here.
            if fault is None and not (meeting / id).is_file():
                faults[id] = "what it wrote there does not reach the driver"
    finally:
        shutil.rmtree(meeting, ignore_errors=True)
    if named := _named(faults):
        raise OSError(
            f"{option} must be one folder that every node reads and writes, got {home}: {named}"
        )


def check_readable(
    option: str, folder: Path, files: Sequence[Path], *, timeout_s: float = NODE_TIMEOUT_S
) -> None:
    """Raise unless every node reads a folder and sees the same files in it as the driver.

    Nothing is written: the folder may be read-only.

    Args:
        option: name of the option that the folder was given with, for the message.
        folder: the folder.
        files: files or folders that it should hold; of a large folder, a few. Those that the driver
            cannot read itself, and links that lead out of the folder, are left out.
        timeout_s: longest wait for an answer.

    Raises:
        OSError: names the nodes that do not answer, and those that see no such folder, or not these
            files with the sizes that the driver sees.
    """
    root = folder.resolve()
    sizes = {
        str(file): _size(file)
        for file in files
        if os.access(file, os.R_OK) and file.resolve().is_relative_to(root)
    }
    faults = _ask_nodes(lambda id: partial(compare_sizes, str(folder), sizes), timeout_s)
    if named := _named(faults):
        raise OSError(f"{option} must be a folder that every node reads, got {folder}: {named}")


def _named(faults: Mapping[str, str | None]) -> str:
    """Return the faults in one line, with the addresses of their nodes."""
    addresses = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes()}
    return "; ".join(
        f"node {addresses[id]} ({id[:8]}): {fault}" for id, fault in faults.items() if fault
    )


def _ask_nodes(
    probe_of: Callable[[str], Callable[[], str | None]], timeout_s: float
) -> dict[str, str | None]:
    """Run a probe on every node but the driver's.

    Args:
        probe_of: returns, for the id of a node, the probe that it is to run, which returns what is
            wrong there.
        timeout_s: longest wait for the answers.

    Returns:
        Node id -> what is wrong there; None where nothing is.
    """
    # A task on the driver's own node would tell what the driver sees itself, but seconds later.
    here = driver_node()
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != here]
    if not nodes:
        return {}
    run = ray.remote(num_cpus=0, max_retries=0)(_call)
    answers = {
        id: run.options(scheduling_strategy=on_node(id)).remote(probe_of(id)) for id in nodes
    }
    ray.wait(list(answers.values()), num_returns=len(answers), timeout=timeout_s)
    return {id: _answer(ref) for id, ref in answers.items()}


def _call(probe: Callable[[], str | None]) -> str | None:
    return probe()


def _answer(ref: Any) -> str | None:
    try:
        fault: str | None = ray.get(ref, timeout=0)
    except GetTimeoutError:
        ray.cancel(ref, force=True)
        return "it did not answer"
    except RayError as error:
        return f"its test task died: {error}"
    return fault


def exchange_tokens(meeting: str, token: str) -> str | None:
    """Read the driver's token in a folder and leave another one. Runs on each node.

    Args:
        meeting: the folder.
        token: name and content of the file to leave.

    Returns:
        What went wrong; None where nothing did.
    """
    try:
        if not (Path(meeting) / "driver").is_file():
            return "it does not see what the driver wrote there"
        file = Path(meeting) / token
        file.write_text(token)
        return None if file.read_text() == token else "it reads back something else than it wrote"
    except OSError as error:
        return str(error)


def compare_sizes(folder: str, sizes: Mapping[str, int | None]) -> str | None:
    """Compare a node's view of a folder with the driver's. Runs on each node.

    Args:
        folder: a folder that must be readable.
        sizes: bytes of files that the driver sees; None of what is no file.

    Returns:
        What differs; None where nothing does.
    """
    if not os.path.isdir(folder):
        return "it has no such folder"
    for file, size in sizes.items():
        if not os.access(file, os.R_OK):  # opening it could block: it may be a pipe
            return f"it cannot read {file}"
        if _size(Path(file)) != size:
            return f"it sees another size of {file} than the driver"
    return None


def _size(path: Path) -> int | None:
    return path.stat().st_size if os.path.isfile(path) else None
