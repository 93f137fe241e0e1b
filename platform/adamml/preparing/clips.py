"""One prepared clip, made in a process of its own.

A file that crashes its decoder therefore costs that clip alone.
"""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adamml.data.media.encoding import Encoding
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.making.fork_server import ForkServer

Row = dict[str, Any]
"""Clip to prepare, as wanted.wanted_clips() describes it, or its outcome: values of JSON."""
_PER_THREAD = threading.local()
"""Fork server of each thread; one serves a single call at a time."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Settings that hold for every clip of a run."""

    videos: Path
    """Folder of the source videos."""
    out: Path
    """Folder for prepared clips (clips/<2 digits>/<id>.mp4) and their flow."""
    encoding: Encoding = field(default_factory=Encoding)
    """Size, codecs and rates of prepared clips."""
    flow: StoredFlow | None = None
    """Optical flow to store beside each clip; None computes none."""
    sounds: Path | None = None
    """Folder of the wav files of numbered pictures; by default that of the videos."""
    pictures_fps: float = 29.97
    """Frame rate of numbered pictures, per second. The reference takes all to have this one."""
    wall_s: float = 600.0
    """Longest wall time for one clip, in seconds."""
    cpu_s: int = 600
    """Longest processor time for one clip, in seconds."""
    memory_bytes: int = 4 * 2**30
    """Largest address space of the process that makes one clip."""


def clip_path(id: str, out: Path) -> Path:
    """Return the path of a clip's prepared file."""
    return out / "clips" / relative_path(id)


def relative_path(id: str) -> Path:
    """Return the path of a clip's file in the folder of its kind, with 256 folders to spread over.

    An id is no path: characters that a file system may refuse are replaced, and a digest keeps the
    names apart.
    """
    digest = hashlib.sha256(id.encode()).hexdigest()
    readable = "".join(c if c.isalnum() or c in "-_" else "_" for c in id)[-80:]
    return Path(digest[:2]) / f"{readable}-{digest[:8]}.mp4"


def prepare(row: Row, work: Preparation) -> Row:
    """Make one clip.

    Args:
        row: what to make, as wanted.wanted_clips() describes it.
        work: the settings of the run.

    Returns:
        The row, with path (in work.out), duration_s, fps, silent, bytes and sha256. Where the clip
        cannot be made, with reason instead, and with retry where a later run may succeed.

    Raises:
        OSError: work.out cannot be written.
    """
    if not row["source"]:
        return {"reason": "the file is missing"} | row
    source, target = Path(row["source"]), clip_path(row["id"], work.out)
    if not os.path.exists(source):
        # The driver saw the file, so it is this node that does not reach it: another one may.
        reason = "the file is missing on the node that was to read it"
        return row | {"reason": reason, "retry": True}
    if not source.resolve().is_relative_to(work.videos.resolve()):
        return row | {"reason": "a link that leads out of the videos' folder"}
    pictures = row.get("pictures", {})
    argument = {
        "source": str(source),
        "target": str(target),
        "start_s": row["start_s"],
        "end_s": row["end_s"],
        "encoding": asdict(work.encoding),
        "memory_bytes": work.memory_bytes,
        "cpu_s": work.cpu_s,
    }
    module = "adamml.preparing.making.pictures" if pictures else "adamml.preparing.making.transcode"
    return row | make_file(module, argument | pictures, target, work.out, work.wall_s)


def make_file(
    module: str, argument: Mapping[str, Any], target: Path, out: Path, wall_s: float
) -> Row:
    """Run a maker's main() in a process of its own.

    Args:
        module: dotted name of the maker.
        argument: what its main() takes, as values of JSON.
        target: the file that it is to make, below out.
        out: the folder of all prepared files.
        wall_s: wall time after which the process is killed.

    Returns:
        The values that main() printed, with the file's path in out, bytes and sha256; or a reason,
        with retry where a later run may succeed.

    Raises:
        OSError: out cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    printed = _call(module, argument, target, wall_s)
    if "unwritable" in printed:
        raise OSError(printed["unwritable"])
    if "reason" in printed:
        return printed
    path = target.relative_to(out).as_posix()
    return printed | {"path": path, "bytes": target.stat().st_size, "sha256": sha256_of(target)}


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _call(module: str, argument: Mapping[str, Any], target: Path, wall_s: float) -> Row:
    result = _fork_server().call(module, json.dumps(argument), wall_s)
    if result.code == 0:
        return dict(json.loads(result.output))
    _remove_partial(target, result.pid)
    if result.code is None:
        return {"reason": f"takes longer than {wall_s:g} s", "retry": True}
    if result.code < 0:
        # Perhaps by the kernel, for want of memory: on a less busy machine it may succeed.
        return {"reason": f"the decoder was killed by signal {-result.code}", "retry": True}
    last_line = (result.errors.strip().splitlines() or ["no message"])[-1]
    return {"reason": f"the decoder failed: {last_line}"}


def _fork_server() -> ForkServer:
    """Return this thread's server, a new one where the last one has ended."""
    if not (hasattr(_PER_THREAD, "server") and _PER_THREAD.server.running):
        _PER_THREAD.server = ForkServer()
    server: ForkServer = _PER_THREAD.server
    return server


def _remove_partial(target: Path, pid: int) -> None:
    """Remove the temporary file that files.whole() in a killed process could not remove."""
    target.with_name(f".{target.stem}.{pid}.part.mp4").unlink(missing_ok=True)
