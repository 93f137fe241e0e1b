"""Files of weights: found, downloaded, read without running what they hold, named by content."""

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
NETWORK_TIMEOUT_S = 60.0
SHOWN = 3
"""Names that an error lists; the rest is counted."""

_FIELD = re.compile(r"^(recognition|policy\.backbones)\.\w+\.weights$")


def read_weights(path: Path, field: str) -> dict[str, Tensor]:
    """Names and tensors. A pickle that holds anything else is not run but refused.

    Args:
        field: the dotted path of the config that names the file, for messages.

    Raises:
        ValueError: there is no such file, or it holds something else.
        OSError: it cannot be read.
    """
    if not path.is_file() or path.suffix not in (".safetensors", ".pth"):
        raise ValueError(
            f'{field} must be "", "{IMAGENET}" or a file of weights (.safetensors or .pth) that '
            f"every node reaches, got {path}" + ("" if path.is_file() else ": no such file")
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
        held = f"a dict of {some(state)}" if isinstance(state, dict) else type(state).__name__
        raise ValueError(f"{field} must be a state dict of names and tensors, got {path}: {held}")
    return state


def download(url: str, folder: Path) -> Path:
    """The file behind a URL whose name ends in -<start of its SHA-256>.<suffix>, kept in folder.

    Any number of processes may ask at once: one of them downloads.

    Raises:
        OSError: it cannot be reached, or is not the file that its name promises.
    """
    path = folder / url.rpartition("/")[2]
    if path.exists():
        return path
    with locked(folder / f".{path.name}.lock"), _network_timeout():
        if not path.exists():
            try:
                download_url_to_file(url, str(path), path.stem.rpartition("-")[2], progress=False)
            except RuntimeError as error:  # another hash than the name's
                raise OSError(str(error)) from error
    return path


def absolute(changes: Mapping[str, Value]) -> dict[str, Value]:
    """Overrides (dotted path -> value) whose files of weights no longer depend on the folder."""
    return {
        path: str(Path(str(value)).expanduser().absolute()) if _is_file(path, value) else value
        for path, value in changes.items()
    }


def by_content(flat: Mapping[str, Value]) -> dict[str, Value]:
    """A flattened config that names files of weights by their content, wherever they lie.

    Raises:
        OSError: such a file cannot be read.
    """
    return {
        path: f"sha256:{_digest(Path(str(value)), path)}" if _is_file(path, value) else value
        for path, value in flat.items()
    }


def some(names: Collection[object]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(list(map(str, names))[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _is_file(path: str, value: Value) -> bool:
    return _FIELD.match(path) is not None and value not in ("", IMAGENET)


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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _network_timeout() -> Iterator[None]:
    """torch.hub sets none: it would wait for ever on a network that swallows packets."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


State = dict[str, Tensor]


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a module's state as safetensors, whole or not at all."""
    with whole(path) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}, part)


def load_weights(model: nn.Module, path: Path) -> None:
    """Load safetensors into a module.

    Raises:
        ValueError: keys or shapes differ from the module's; they are named.
    """
    try:
        model.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit the model: {error}") from error
