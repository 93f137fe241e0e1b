"""Files that are there whole or not at all, and locks between the processes of a node."""

import fcntl
import os
import shutil
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SharedHold", "locked", "sync_folder", "whole", "whole_folder"]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside this one, and rename the file there into place at the end.

    By then its bytes and its name are on disk: what is written down afterwards about the file is
    true even after a power cut. Where the block raises, nothing is left of it. The temporary name
    is .<stem>.<process id>.part<suffix>, because encoders choose a format by the suffix.

    Raises:
        OSError: the folder or the disk refuses the file.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Made here and not by the writer: safetensors' own files are readable by their owner alone.
        mode = _created(part)
        yield part
        os.chmod(part, mode)
        _sync(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside this path, and rename it into place at the end.

    A folder that is there already is replaced. Durability as for whole().

    Raises:
        OSError: the folder or the disk refuses it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for file in part.iterdir():
            _sync(file)
        sync_folder(part)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; a file's own fsync covers its bytes only."""
    _sync(folder)


def _created(path: Path) -> int:
    """Create an empty file; return the permissions that the umask left it."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
    try:
        return os.fstat(descriptor).st_mode & 0o777
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock file alone; the kernel frees it when its process dies.

    Args:
        path: lock file; created with its folder where it is not there.
        wait: False yields False at once where another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


class SharedHold:
    """A hold on a lock file together with others, until it is dropped or its process ends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._release = weakref.finalize(self, os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        """Make a copy in another process hold the file there too."""
        return SharedHold, (self.path,)
