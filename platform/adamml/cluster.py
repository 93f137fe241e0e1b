"""The only ray.init: a cluster, found or started, with this very copy of adamml everywhere."""

import contextlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import AuthenticationError, GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

PACKAGE = Path(__file__).resolve().parent
NODE_TIMEOUT_S = 60.0
"""Longest wait for a node to answer check_home."""

_WORKER_ENVIRONMENT = {
    # How often Ray Train looks whether a slot's workers are alive; 2 s by default.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    # One process less per slot: a reclaimed node shows as dead workers, restarted like any.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # A slot's workers see each other's GPUs, as NCCL likes it.
    "TRAIN_ENABLE_SHARE_CUDA_VISIBLE_DEVICES": "1",
}
STARTS_AT_ONCE = "64"
"""Worker processes; Ray warns on the terminal from four times as many, which is the cores' number
by default."""
GONE_AFTER_S = "20"
"""So long a Ray of our own may not answer before it counts as dead; Ray waits a minute for one that
may be restarted, which nobody does here."""
_PASSED_ON = ("ADAMML_HOME", "ADAMML_CACHE")
_LOCAL_OBJECT_STORE_BYTES = 512 * 2**20
_NO_CONNECTION = (
    "no Ray cluster lets us in at RAY_ADDRESS={address}: either none runs there, or it wants a "
    "token (Ray does not say which): set RAY_AUTH_MODE=token, with the token in RAY_AUTH_TOKEN or "
    "~/.ray/auth_token, here and where the cluster is started (`ray job submit`: 401 without it)"
)
_NO_START = "Ray cannot start on this machine: {why} (a busy machine may need a second try)"


@contextlib.contextmanager
def connect(
    *,
    modules: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    num_cpus: int | None = None,
    temp_dir: Path | None = None,
    dashboard: bool = True,
) -> Iterator[None]:
    """Ray for the time of a `with` block.

    It joins the cluster of RAY_ADDRESS where that is set (Ray sets it in submitted jobs) and else
    starts one on this machine, of which nothing is left afterwards.

    Args:
        modules: further packages or single .py files to ship to workers, beside adamml.
        environment: further environment variables for workers; ADAMML_HOME and ADAMML_CACHE are
            passed on as they are here.
        num_cpus: CPUs of a cluster of our own; those of the machine by default.
        temp_dir: where a cluster of our own keeps sockets (keep it short) and logs; Ray's choice
            by default.
        dashboard: whether a cluster of our own has one: without it Ray Train never frees the worker
            groups of stopped runs. What uses no Ray Train starts faster without.

    Raises:
        ConnectionError: no cluster at RAY_ADDRESS, or one that wants a token; or Ray cannot start.
    """
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    variables |= _WORKER_ENVIRONMENT | dict(environment or {})
    options: dict[str, Any] = {
        "runtime_env": {
            "py_modules": [str(PACKAGE), *map(str, modules)],
            "env_vars": variables,
        },
        "logging_level": logging.WARNING,
        "log_to_driver": False,
    }
    # A submitted job's own environment variables are ours too: said twice, Ray would refuse them.
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        # That it needs a token matters to nobody: this cluster is ours alone, on loopback.
        logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
        # Several processes per core that hardly ever work are what we mean, and no warning's worth.
        os.environ.setdefault("RAY_worker_maximum_startup_concurrency", STARTS_AT_ONCE)
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", GONE_AFTER_S)
        # Ray would start a worker process per CPU, and wait for them, in no job's environment: of
        # no use to a job that has one.
        os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
        options |= {
            "include_dashboard": dashboard,
            "dashboard_host": "127.0.0.1",
            "num_cpus": num_cpus,
            "object_store_memory": _LOCAL_OBJECT_STORE_BYTES,
            "_temp_dir": str(temp_dir) if temp_dir else None,
        }
    try:
        # Without an address Ray follows the last cluster of this machine, also a dead one, and
        # waits for minutes.
        ray.init(address or "local", **options)
    except (AuthenticationError, ConnectionError) as error:
        raise ConnectionError(_NO_CONNECTION.format(address=address)) from error
    except Exception as error:  # Ray's own for a node that is not up in time is a bare one
        if address:
            raise
        raise ConnectionError(_NO_START.format(why=" ".join(str(error).split()))) from error
    try:
        yield
    finally:
        ray.shutdown()


def on_node(node_id: str) -> NodeAffinitySchedulingStrategy:
    """Pin a task or an actor to one node."""
    return NodeAffinitySchedulingStrategy(node_id, soft=False)


def driver_node() -> str:
    """The id of the node this process runs on."""
    return str(ray.get_runtime_context().get_node_id())


def check_home(home: Path, *, timeout_s: float = NODE_TIMEOUT_S) -> None:
    """Prove that home is one and the same writable folder for the driver and for every node.

    Raises:
        OSError: names the nodes that do not answer, cannot read or write there, or see another
            folder.
    """
    room = home / f".check-{uuid.uuid4().hex[:8]}"
    try:
        room.mkdir(parents=True)
        (room / "driver").write_text("driver")
    except OSError as error:
        raise OSError(
            f"home must be a folder the driver can write to, got {home}: {error}"
        ) from error
    try:
        faults = _faults(room, timeout_s)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    if faults:
        raise OSError(
            f"home must be one folder that every node reads and writes, got {home}: "
            + "; ".join(faults)
        )


def _faults(room: Path, timeout_s: float) -> list[str]:
    alive = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    own = driver_node()  # a task there would tell what the driver has seen, seconds later
    nodes = {id: address for id, address in alive.items() if id != own}
    if not nodes:
        return []
    probe = ray.remote(num_cpus=0, max_retries=0)(exchange_tokens)
    asked = {
        id: probe.options(scheduling_strategy=on_node(id)).remote(str(room), id) for id in nodes
    }
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=timeout_s)
    faults: list[str] = []
    for id, ref in asked.items():
        fault = _answer(ref)
        if fault is None and not (room / id).is_file():
            fault = "what it wrote there does not reach the driver"
        if fault is not None:
            faults.append(f"node {nodes[id]} ({id[:8]}): {fault}")
    return faults


def _answer(ref: Any) -> str | None:
    try:
        fault: str | None = ray.get(ref, timeout=0)
    except GetTimeoutError:
        ray.cancel(ref, force=True)
        return "it did not answer"
    except RayError as error:
        return f"its test task died: {error}"
    return fault


def exchange_tokens(room: str, token: str) -> str | None:
    """Runs on each node: read the driver's token, leave one; returns what went wrong."""
    try:
        if not (Path(room) / "driver").is_file():
            return "it does not see what the driver wrote there"
        own = Path(room) / token
        own.write_text(token)
        return None if own.read_text() == token else "it reads back something else than it wrote"
    except OSError as error:
        return str(error)
