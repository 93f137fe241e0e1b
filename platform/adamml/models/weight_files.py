"""Files of weights: downloaded, read without running code in them, and named by their content."""

import hashlib
import re
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.hub import download_url_to_file

from adamml.config.overrides import Value
from adamml.files import locked, whole

IMAGENET = "imagenet"
"""Value of a weights field that stands for torchvision's ImageNet weights."""
NETWORK_TIMEOUT_S = 60.0
"""Seconds that a download waits for the network before it fails."""

_WEIGHTS_PATH = re.compile(r"^(recognition|policy\.backbones)\.\w+\.weights$")


def read_weights(path: Path, field: str) -> dict[str, Tensor]:
    """Read a state dict: names and tensors. A pickle that would run code is refused.

    Args:
        path: a .safetensors or .pth file.
        field: dotted path of the config that names the file, for messages.

    Raises:
        ValueError: there is no such file, it is damaged, or it holds anything but tensors by name.
        OSError: it cannot be read.
    """
    if not path.is_file() or path.suffix not in (".safetensors", ".pth"):
        raise ValueError(
            f'{field} must be "", "{IMAGENET}" or a file of weights (.safetensors or .pth) that '
            f"every node reads, got {path}" + ("" if path.is_file() else ": no such file")
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # damaged files fail in as many ways as there are bytes
        raise ValueError(
            f"{field} must be a file of tensors and nothing else, got {path}: it is damaged, or "
            f"holds objects that loading would run ({type(error).__name__})"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        keys = f"a dict of {abbreviate(state)}" if isinstance(state, dict) else None
        raise ValueError(
            f"{field} must be a state dict of names and tensors, got {path}: "
            f"{keys or type(state).__name__}"
        )
    return state


def download(url: str, folder: Path) -> Path:
    """Return the path of a downloaded file; download it first if the folder does not have it.

    Any number of processes may call this at once: one of them downloads, the others wait.

    Args:
        url: its last part ends in -<start of the file's SHA-256>.<suffix>, as torchvision's do.
        folder: where the file is kept under that name.

    Raises:
        OSError: the URL cannot be reached, or the file's hash is not the one in its name.
    """
    path = folder / url.rpartition("/")[2]
    if path.exists():
        return path
    with locked(folder / f".{path.name}.lock"), _network_timeout():
        if not path.exists():
            try:
                download_url_to_file(url, str(path), path.stem.rpartition("-")[2], progress=False)
            except RuntimeError as error:  # torch's error for a hash that is not the name's
                raise OSError(str(error)) from error
    return path


def with_absolute_weights(changes: Mapping[str, Value]) -> dict[str, Value]:
    """Return overrides in which every file of weights has an absolute path.

    A study may be continued from another working directory, and other nodes have their own.

    Args:
        changes: dotted path -> value.
    """
    return {
        path: str(Path(str(value)).expanduser().absolute()) if _is_file(path, value) else value
        for path, value in changes.items()
    }


def with_weight_digests(flat: Mapping[str, Value]) -> dict[str, Value]:
    """Return a flattened config in which every file of weights is named by its SHA-256.

    The fingerprint of such a config stays when a file is moved and changes with its content.

    Args:
        flat: dotted path -> value, from flatten().

    Raises:
        OSError: a file of weights cannot be read.
    """
    return {
        path: f"sha256:{_digest(Path(str(value)), path)}" if _is_file(path, value) else value
        for path, value in flat.items()
    }


def abbreviate(names: Collection[object], most: int = 3) -> str:
    """Return the first few names, and how many more there are.

    >>> abbreviate(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    listed = ", ".join(list(map(str, names))[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"


def _is_file(path: str, value: Value) -> bool:
    """Return whether a leaf of a config names a file of weights."""
    return _WEIGHTS_PATH.match(path) is not None and value not in ("", IMAGENET)


def _digest(path: Path, field: str) -> str:
    try:
        status = path.stat()
        return _hashed(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise OSError(
            f"{field} must be a file that every node reads, got {path}: {error}"
        ) from error


@lru_cache(maxsize=64)
def _hashed(path: Path, size: int, mtime_ns: int) -> str:
    # Size and time are not used: they are part of the cache's key, so that a changed file is read.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _network_timeout() -> Iterator[None]:
    """Set a timeout for all sockets: torch.hub sets none and would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a module's state dict as safetensors: a reader sees the whole file or none."""
    with whole(path) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}, part)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors into a module.

    Raises:
        ValueError: keys or shapes differ from the module's; the message names them.
    """
    try:
        model.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the model: {error}") from error
