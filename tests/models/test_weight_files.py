"""Reading, downloading and naming files of weights."""

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from adamml.models.weight_files import (
    download,
    read_weights,
    with_absolute_weights,
    with_weight_digests,
)
from safetensors.torch import save_file

FIELD = "recognition.rgb.weights"
CONTENT = bytes(range(256)) * 4096


class _Malicious:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.ran,)


@pytest.mark.parametrize("inside", ["alone", "beside tensors"])
def test_a_pickle_that_would_run_is_refused(inside: str, tmp_path: Path) -> None:
    path, bait = tmp_path / "w.pth", _Malicious(tmp_path / "ran")
    torch.save(bait if inside == "alone" else {"a": torch.ones(2), "b": bait}, path)
    with pytest.raises(ValueError, match="holds objects that loading would run") as refused:
        read_weights(path, FIELD)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)  # it would have, indeed
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 broken", b"\x80\x02."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_damaged_file_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{FIELD} must be a file of tensors and nothing else"):
        read_weights(path, FIELD)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="it is damaged"):
        read_weights(path, FIELD)


@pytest.mark.parametrize(
    ("content", "description"),
    [
        ({"state_dict": {"a": torch.ones(1)}, "epoch": 3}, "a dict of state_dict, epoch"),
        ([torch.ones(1)], "list"),
    ],
)
def test_what_is_no_state_dict_is_described(
    content: object, description: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(
        ValueError, match=f"state dict of names and tensors, got .*: {description}$"
    ):
        read_weights(tmp_path / "w.pth", FIELD)


def test_a_missing_file_and_another_suffix_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "w.bin").touch()
    with pytest.raises(ValueError, match=r'"", "imagenet" or a file .* got .*/w\.bin$'):
        read_weights(tmp_path / "w.bin", FIELD)
    with pytest.raises(ValueError, match=r"got .*/imagenet1k: no such file$"):
        read_weights(tmp_path / "imagenet1k", FIELD)


def test_files_are_named_by_what_is_in_them(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (with_weight_digests({FIELD: str(tmp_path / name)})[FIELD] for name in "abc")
    assert a == b != c
    (tmp_path / "a").write_bytes(b"three")
    assert with_weight_digests({FIELD: str(tmp_path / "a")})[FIELD] not in (a, c)


def test_only_files_of_weights_are_read_or_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").touch()
    policy = "policy.backbones.audio.weights"
    other = {"seed": 3, "recipe": "w.pth", FIELD: "imagenet", "recognition.audio.weights": ""}
    assert with_absolute_weights(other) == with_weight_digests(other) == other
    assert with_absolute_weights({policy: "w.pth"}) == {policy: str(tmp_path / "w.pth")}
    assert (
        with_weight_digests({policy: "w.pth"})[policy] == f"sha256:{hashlib.sha256().hexdigest()}"
    )


def test_a_file_that_a_node_does_not_see_is_an_error_with_its_field(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match=f"{FIELD} must be a file that every node reads, got {tmp_path}"
    ):
        with_weight_digests({FIELD: str(tmp_path / "w.pth")})


class _Serve(BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        missing = "missing" in self.path
        self.send_response(404 if missing else 200)
        self.end_headers()
        if not missing:  # a client does not read the body of an error
            self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """Address of a server, and the paths that it was asked for."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    requests: list[str] = []
    handler = type("Handler", (_Serve,), {"requests": requests})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", requests
        http.shutdown()
        thread.join()


NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


def test_a_file_is_downloaded_once(server, tmp_path: Path) -> None:
    address, requests = server
    paths = [download(f"{address}/{NAME}", tmp_path / "weights") for _ in range(2)]
    assert paths == [tmp_path / "weights" / NAME] * 2
    assert paths[0].read_bytes() == CONTENT
    assert requests == [f"/{NAME}"]


@pytest.mark.slow
def test_processes_that_ask_at_once_download_once(server, tmp_path: Path) -> None:
    address, requests = server
    fetch = partial(download, folder=tmp_path / "weights")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        paths = pool.map(fetch, [f"{address}/{NAME}"] * 8, chunksize=1)
    assert set(paths) == {tmp_path / "weights" / NAME}
    assert paths[0].read_bytes() == CONTENT
    assert requests == [f"/{NAME}"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("net-00000000.pth", "invalid hash value"), (f"missing-{NAME}", "404")],
)
def test_a_failed_download_leaves_nothing_to_be_read(
    name: str, message: str, server, tmp_path: Path
) -> None:
    address, _ = server
    with pytest.raises(OSError, match=message):
        download(f"{address}/{name}", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f".{name}.lock"]
