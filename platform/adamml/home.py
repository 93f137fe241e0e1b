"""Where things are kept: ADAMML_HOME (shared by all nodes) and ADAMML_CACHE (local to a node)."""

import os
from pathlib import Path


def home() -> Path:
    """Data, ImageNet weights, pretrained networks, studies: a path that all nodes reach
    (default ~/.adamml)."""
    return _folder("ADAMML_HOME", "~/.adamml")


def cache_home() -> Path:
    """Decoded frames, on the node's own disk; safe to delete (default ~/.cache/adamml)."""
    return _folder("ADAMML_CACHE", "~/.cache/adamml")


def cache_limit_bytes() -> int:
    """How large the decoded cache may grow: ADAMML_CACHE_GIB (default 20).

    Raises:
        ValueError: it is not a number, or negative.
    """
    text = os.environ.get("ADAMML_CACHE_GIB", "20")
    try:
        gib = float(text)
    except ValueError:
        gib = -1.0
    if not 0 <= gib < float("inf"):
        raise ValueError(f"ADAMML_CACHE_GIB must be a size in GiB, 0 or more, got {text!r}")
    return int(gib * 2**30)


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().absolute()


def move_home(folder: Path | None) -> None:
    """--home takes effect for this process and all that it starts."""
    if folder is not None:
        os.environ["ADAMML_HOME"] = str(folder.expanduser().absolute())


def study_folder(name: str) -> Path:
    """
    Raises:
        ValueError: no folder can have this name.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(f"name must be one a folder can have, got {name!r}")
    return home() / "studies" / name
