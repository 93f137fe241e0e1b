"""One clip, in a process of its own: whatever its file does to a decoder, the next one is done."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from adamml.data.media.encoding import Encoding
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.making.fork_server import ForkServer

Row = dict[str, Any]
_OWN = threading.local()


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What is done to every clip."""

    videos: Path
    """Where the files lie."""
    out: Path
    """Where prepared clips go: clips/<id>.mp4, and their flow."""
    encoding: Encoding = field(default_factory=Encoding)
    flow: StoredFlow | None = None
    """What is computed beside each clip."""
    sounds: Path | None = None
    """Where the wav files of numbered pictures lie; with the videos by default."""
    pictures_fps: float = 29.97
    """How often numbered pictures were taken."""
    wall_s: float = 600.0
    """Longest time for one clip."""
    cpu_s: int = 600
    memory_bytes: int = 4 * 2**30


def file_of(id: str, out: Path) -> Path:
    return out / "clips" / place_of(id)


def place_of(id: str) -> Path:
    """Spread over 256 folders. An id is no path: what a file system dislikes is replaced."""
    digest = hashlib.sha256(id.encode()).hexdigest()
    readable = "".join(c if c.isalnum() or c in "-_" else "_" for c in id)[-80:]
    return Path(digest[:2]) / f"{readable}-{digest[:8]}.mp4"


def prepare(row: Row, work: Preparation) -> Row:
    """Make one clip.

    Returns:
        The row, with path (in work.out), duration_s, fps, silent, bytes and sha256; or, where that
        cannot be, with reason, and with retry where a less busy machine might do better.

    Raises:
        OSError: work.out cannot be written.
    """
    if not row["source"]:
        return {"reason": "the file is missing"} | row
    source, target = Path(row["source"]), file_of(row["id"], work.out)
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
    return row | made(module, argument | pictures, target, work.out, work.wall_s)


def made(module: str, argument: Mapping[str, Any], target: Path, out: Path, wall_s: float) -> Row:
    """Run a module on an argument, in a process of its own, to make a file below out.

    Returns:
        What it printed, with the file's path, bytes and sha256; or reason, and perhaps retry.

    Raises:
        OSError: out cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    found = _in_process(module, argument, target, wall_s)
    if "unwritable" in found:
        raise OSError(found["unwritable"])
    if "reason" in found:
        return found
    path = target.relative_to(out).as_posix()
    return found | {"path": path, "bytes": target.stat().st_size, "sha256": sha256_of(target)}


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _in_process(module: str, argument: Mapping[str, Any], target: Path, wall_s: float) -> Row:
    ended = _fork_server().call(module, json.dumps(argument), wall_s)
    if ended.code == 0:
        return dict(json.loads(ended.output))
    _remove_partial(target, ended.pid)
    if ended.code is None:
        return {"reason": f"takes longer than {wall_s:g} s", "retry": True}
    if ended.code < 0:
        return {"reason": f"the decoder was killed by signal {-ended.code}", "retry": True}
    last = (ended.errors.strip().splitlines() or ["no message"])[-1]
    return {"reason": f"the decoder failed: {last}"}


def _fork_server() -> ForkServer:
    """This thread's, which later clips have too."""
    if not (hasattr(_OWN, "server") and _OWN.server.running):
        _OWN.server = ForkServer()
    server: ForkServer = _OWN.server
    return server


def _remove_partial(target: Path, pid: int) -> None:
    target.with_name(f".{target.stem}.{pid}.part.mp4").unlink(missing_ok=True)
