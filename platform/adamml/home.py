"""Folders that are kept: ADAMML_HOME, which all nodes share, and ADAMML_CACHE, local to a node."""

import os
from pathlib import Path


def home() -> Path:
    """Return the folder of data, ImageNet weights, unimodal networks and studies.

    All nodes must reach it. It is ADAMML_HOME, by default ~/.adamml.
    """
    return _folder("ADAMML_HOME", "~/.adamml")


def cache_home() -> Path:
    """Return the folder of decoded frames, on the node's own disk. It is safe to delete.

    It is ADAMML_CACHE, by default ~/.cache/adamml.
    """
    return _folder("ADAMML_CACHE", "~/.cache/adamml")


def cache_limit_bytes() -> int:
    """Return how large the cache of decoded frames may grow on a node: ADAMML_CACHE_GIB, or 20 GiB.

    Raises:
        ValueError: ADAMML_CACHE_GIB is not a number, or negative.
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
    """Set the home for this process and all processes that it starts; None leaves it as it is."""
    if folder is not None:
        os.environ["ADAMML_HOME"] = str(folder.expanduser().absolute())


def study_folder(name: str) -> Path:
    """Return the folder of a study in the home.

    Raises:
        ValueError: no folder can have this name.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(f"name must be one a folder can have, got {name!r}")
    return home() / "studies" / name
