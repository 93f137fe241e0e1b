"""The cluster: the code that is shipped, the home every node must share, and room for slots."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import adamml
import pytest
import ray
from adamml.cluster import check_home, compare_sizes, connect, exchange_tokens
from adamml.slots.sizing import require_slots, room_for_slots


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAMML_HOME", str(home))
        patch.setenv("ADAMML_CACHE_GIB", "1.5")
        patch.delenv("RAY_ADDRESS", raising=False)
        with connect(num_cpus=3):
            yield


def children() -> set[int]:
    """Process ids of the descendants of this process."""
    listing = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True
    )
    parents = {
        int(pid): int(parent)
        for pid, parent, stat in (line.split() for line in listing.stdout.splitlines())
        if not stat.startswith("Z")
    }
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_run_this_very_copy_of_adamml(cluster: None) -> None:
    @ray.remote(num_cpus=0)
    def look() -> tuple[str, str]:
        import adamml.slots.dispatcher

        return adamml.__file__ or "", Path(adamml.slots.dispatcher.__file__).read_text()

    where, text = ray.get(look.remote())
    assert "py_modules_files" in where
    own = Path(adamml.__file__ or "").parent / "slots" / "dispatcher.py"
    assert text == own.read_text()


def test_workers_have_the_drivers_home_and_cache_limit(cluster: None) -> None:
    @ray.remote(num_cpus=0)
    def look() -> tuple[str, str]:
        return os.environ["ADAMML_HOME"], os.environ["ADAMML_CACHE_GIB"]

    assert ray.get(look.remote()) == (os.environ["ADAMML_HOME"], "1.5")


def test_a_home_that_every_node_shares_passes_and_is_left_clean(
    cluster: None, tmp_path: Path
) -> None:
    check_home(tmp_path / "new" / "home")
    assert list((tmp_path / "new" / "home").iterdir()) == []


def test_a_home_the_driver_cannot_write_is_refused(cluster: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"home must be a folder the driver can write to, got .*file"):
        check_home(tmp_path / "file")


def test_a_node_reports_what_it_cannot_see_or_write(tmp_path: Path) -> None:
    assert exchange_tokens(str(tmp_path), "n") == "it does not see what the driver wrote there"
    (tmp_path / "driver").write_text("driver")
    assert exchange_tokens(str(tmp_path), "n") is None
    assert (tmp_path / "n").read_text() == "n"
    assert "No such file" in (exchange_tokens(str(tmp_path), "no/such/folder") or "")


def test_a_node_reports_what_it_sees_otherwise_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("video")
    (tmp_path / "pictures").mkdir()
    sizes = {str(tmp_path / "a.mp4"): 5, str(tmp_path / "pictures"): None}
    assert compare_sizes(str(tmp_path), sizes) is None
    assert compare_sizes(str(tmp_path / "b"), {}) == "it has no such folder"
    gone = str(tmp_path / "gone.mp4")
    assert compare_sizes(str(tmp_path), sizes | {gone: 3}) == f"it cannot read {gone}"
    (tmp_path / "a.mp4").write_text("another video")
    assert (compare_sizes(str(tmp_path), sizes) or "").startswith("it sees another size of ")


def test_room_counts_whole_workers(cluster: None) -> None:
    def room(workers: int, cpus: int, gpu: bool = False) -> int:
        return room_for_slots(workers_per_slot=workers, cpus_per_worker=cpus, use_gpu=gpu)

    assert [room(1, 1), room(1, 2), room(2, 1), room(4, 1), room(1, 1, True)] == [3, 1, 1, 0, 0]


def test_slots_that_do_not_fit_are_refused_with_what_is_missing(cluster: None) -> None:
    require_slots(3, workers_per_slot=1, cpus_per_worker=1, use_gpu=False)
    message = (
        r"slots must be at most 1 on this cluster, got 2: each has 2 worker\(s\) with 1 CPU\(s\), "
        r"the cluster has 3 CPUs and 0 GPUs"
    )
    with pytest.raises(ValueError, match=message):
        require_slots(2, workers_per_slot=2, cpus_per_worker=1, use_gpu=False)
    with pytest.raises(ValueError, match=r"1 CPU\(s\) and 1 GPU, .* 0 GPUs"):
        require_slots(1, workers_per_slot=1, cpus_per_worker=1, use_gpu=True)
    with pytest.raises(ValueError, match="workers_per_slot must be at least 1, got 0"):
        require_slots(1, workers_per_slot=0, cpus_per_worker=1, use_gpu=False)


def test_nothing_is_left_of_a_cluster_of_our_own(tmp_path: Path) -> None:
    """In a process of its own, as this one holds the module's cluster."""
    script = (
        "from adamml.cluster import connect\n"
        "import test_cluster\n"
        "with connect(num_cpus=1):\n"
        "    print(*test_cluster.children())\n"
        "print('left')\n"
    )
    folders = [str(Path(adamml.__file__ or "").parent.parent), str(Path(__file__).parent)]
    run = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    *pids, left = run.stdout.split()
    assert left == "left"
    assert len(pids) > 3
    deadline = time.monotonic() + 20
    while any(alive(int(pid)) for pid in pids):
        assert time.monotonic() < deadline, "processes of the cluster are still there"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_node_that_sees_other_videos_is_named(tmp_path: Path) -> None:
    """Two raylets, and a folder that leads somewhere else in each process."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from ray.cluster_utils import Cluster\n"
        "from adamml.cluster import check_readable, connect\n"
        "cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 1})\n"
        "other = cluster.add_node(num_cpus=1)\n"
        "os.environ['RAY_ADDRESS'] = cluster.address\n"
        "os.chdir(sys.argv[1])\n"
        "videos = Path('/proc/self/cwd/videos')\n"
        "with connect():\n"
        "    for folder in (videos.resolve(), videos):\n"
        "        try:\n"
        "            check_readable('--videos', folder, [folder / 'a.mp4', folder / 'gone'])\n"
        "            print('seen')\n"
        "        except OSError as error:\n"
        "            print(error, other.node_id[:8])\n"
        "cluster.shutdown()\n"
    )
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_text("video")
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(adamml.__file__ or "").parent.parent)},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    shared, message = run.stdout.strip().splitlines()[-2:]
    assert shared == "seen"
    assert message.startswith("--videos must be a folder that every node reads, got /proc/self")
    assert f"({message.split()[-1]}): it has no such folder" in message


@pytest.mark.slow
def test_a_node_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """Two raylets of a standing cluster, one of them frozen."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ray.cluster_utils import Cluster\n"
        "from adamml.cluster import check_home, connect\n"
        "import ray\n"
        "cluster = Cluster(initialize_head=True, head_node_args={'num_cpus': 1})\n"
        "other = cluster.add_node(num_cpus=1)\n"
        "os.environ['RAY_ADDRESS'] = cluster.address\n"
        "raylet = other.all_processes['raylet'][0].process\n"
        "with connect():\n"
        "    check_home(Path(sys.argv[1]))\n"
        "    print('both')\n"
        "    os.kill(raylet.pid, signal.SIGSTOP)\n"
        "    try:\n"
        "        check_home(Path(sys.argv[1]), timeout_s=3)\n"
        "    except OSError as error:\n"
        "        print(error, other.node_id[:8])\n"
        "    os.kill(raylet.pid, signal.SIGCONT)\n"
        "cluster.shutdown()\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(adamml.__file__ or "").parent.parent)},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    both, message = run.stdout.strip().splitlines()[-2:]
    assert both == "both"
    node = message.split()[-1]
    assert "home must be one folder that every node reads and writes" in message
    assert f"({node}): it did not answer" in message


@pytest.mark.slow
def test_a_cluster_that_wants_a_token_is_refused_with_what_to_set(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "token").write_text("a" * 64)
    guarded = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"),
    }
    command = f"start --head --port={port} --num-cpus=1 --include-dashboard=false --block"
    ray_command = [str(Path(sys.executable).with_name("ray")), *command.split()]
    head = subprocess.Popen(
        ray_command, env=guarded, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    script = "from adamml.cluster import connect\nwith connect():\n    print('connected')\n"

    def join(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        path = str(Path(adamml.__file__ or "").parent.parent)
        environment = environment | {"RAY_ADDRESS": f"127.0.0.1:{port}", "PYTHONPATH": path}
        return subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True
        )

    try:
        deadline = time.monotonic() + 60
        while (joined := join(guarded)).returncode != 0:
            assert time.monotonic() < deadline, joined.stderr
        refused = join(os.environ | {"RAY_AUTH_MODE": "disabled"})
    finally:
        head.terminate()
        head.wait(30)
    assert joined.stdout == "connected\n"
    assert refused.returncode != 0
    assert f"Cannot join the Ray cluster at RAY_ADDRESS=127.0.0.1:{port}: " in refused.stderr
    assert "set RAY_AUTH_MODE=token" in refused.stderr


def test_a_ray_that_cannot_start_here_is_one_line_with_the_cause(tmp_path: Path) -> None:
    """Its folder has too long a path for sockets."""
    deep = str(tmp_path / ("deep" * 30))
    ended = subprocess.run(
        [sys.executable, "-c", "from adamml.cluster import connect\nwith connect(): pass"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "RAY_TMPDIR": deep},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("ConnectionError: Cannot start Ray on this machine: ")
    assert "AF_UNIX path length" in last
