"""A shard: the decoded frames and sound of some videos in one file, and an index of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.reading_alone import ends_its_reader, marked
from adamml.data.media.flow_video import read_flow
from adamml.data.media.sound import read_audio
from adamml.data.media.sound_excerpts import is_exact
from adamml.data.media.video import UnreadableVideo, probe, read_video
from adamml.files import whole

Array = np.ndarray[Any, Any]
ALONE_S, ALONE_S_PER_S = 900.0, 60.0
"""The longest that a process of its own may read, and in addition per second of video: TV-L1 takes
11 at 256 pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a video lies in its shard's file, in bytes; nowhere, where it was not decoded."""

    bad: str = ""
    """Why it cannot be read; empty where it can."""
    silent: bool = False
    """No sound track: samples is 0."""
    frames_at: int = 0
    shape: tuple[int, ...] = (0, 3, 0, 0)
    flow_at: int = 0
    flow_shape: tuple[int, ...] = (0, 2, 0, 0)
    audio_at: int = 0
    samples: int = 0
    sound_by_time: bool = False
    """Not kept here, and parts of the sound are found in the file (sound_excerpts.is_exact)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    folder: Path
    name: str
    sources: tuple[Source, ...]
    estimated_bytes: int

    @property
    def data(self) -> Path:
        return self.folder / f"{self.name}.bin"

    @property
    def index(self) -> Path:
        """Written last: where it is, data is whole."""
        return self.folder / f"{self.name}.json"

    @property
    def probed(self) -> Path:
        """An index without data, for want of room: which videos are bad or silent."""
        return self.folder / f"{self.name}.probed.json"


def build_shard(shard: Shard, decoding: Decoding, threads: int) -> dict[str, Entry]:
    """Decode a shard's videos into its file, then write its index. Entries of bad files say why."""
    shard.folder.mkdir(parents=True, exist_ok=True)
    for left in shard.folder.glob(f".{shard.name}.*.part*"):
        left.unlink()  # by one that died: the shard is ours alone
    with whole(shard.data) as part, part.open("wb") as file:
        entries = _entries(
            shard,
            partial(_append, file, decoding=decoding, threads=threads),
            partial(_read, decoding=decoding, threads=threads),
        )
    _write_index(shard.index, entries)
    shard.probed.unlink(missing_ok=True)
    return entries


def probe_shard(shard: Shard, decoding: Decoding) -> dict[str, Entry]:
    """Find the bad and the silent videos of a shard without keeping anything decoded."""
    if shard.probed.is_file():
        return read_index(shard.probed)
    shard.folder.mkdir(parents=True, exist_ok=True)
    look = partial(_probed, decoding=decoding)
    entries = _entries(shard, look, look)
    _write_index(shard.probed, entries)
    return entries


def _entries(
    shard: Shard, keep: Callable[[Source], Entry], read: Callable[[Source], object]
) -> dict[str, Entry]:
    """keep's of every video, but of those that end a process in which they are only read."""
    entries = {}
    for number, source in enumerate(shard.sources):
        with marked(shard.folder / f"{shard.name}.{number}.reading") as died:
            limit_s = ALONE_S + ALONE_S_PER_S * source.duration_s
            bad = ends_its_reader(partial(read, source), limit_s=limit_s) if died else ""
            entries[source.id] = Entry(bad=bad) if bad else keep(source)
    return entries


def read_index(file: Path) -> dict[str, Entry]:
    content = json.loads(file.read_text())
    return {
        name: Entry(
            **entry | {"shape": tuple(entry["shape"]), "flow_shape": tuple(entry["flow_shape"])}
        )
        for name, entry in content.items()
    }


def _append(file: IO[bytes], source: Source, decoding: Decoding, threads: int) -> Entry:
    try:
        frames, sound, flow = _read(source, decoding, threads)
    except UnreadableVideo as error:
        return Entry(bad=source.reason(error))
    samples = np.empty(0, np.int16) if sound is None else sound
    audio_at = file.tell()
    file.write(samples.tobytes())
    frames_at = file.tell()
    file.write(frames.tobytes())
    flow_at = file.tell()
    file.write(flow.tobytes())
    file.write(b"\0" * (file.tell() % 2))  # samples start at even addresses
    return Entry(
        silent=sound is None,
        frames_at=frames_at,
        shape=frames.shape,
        flow_at=flow_at,
        flow_shape=flow.shape,
        audio_at=audio_at,
        samples=len(samples),
    )


def _read(source: Source, decoding: Decoding, threads: int) -> tuple[Array, Array | None, Array]:
    """Frames, sound and flow."""
    frames = read_video(
        source.path,
        fps=source.fps,
        every=decoding.every,
        short_side=decoding.short_side,
        threads=threads,
        seconds=1.1 * source.duration_s + 1,  # of an uncut video, what is never asked for
    )
    sound = read_audio(source.path, sample_rate=decoding.sample_rate)
    return frames, sound, _flow(source, frames, decoding, threads)


def _flow(source: Source, frames: Array, decoding: Decoding, threads: int) -> Array:
    """uint8 [n, 2, h, w], of every frame; none where nothing reads it."""
    if not decoding.flow:
        return np.empty((0, 2, 0, 0), np.uint8)
    if source.flow is None:
        return decoding.flow_of(frames)
    flow = read_flow(source.flow, fps=source.fps, threads=threads)
    whole = (len(frames), 2, *frames.shape[-2:])
    if flow.shape != whole:
        raise UnreadableVideo(source.flow, f"flow must be {whole}, as its video, got {flow.shape}")
    return flow


def _probed(source: Source, decoding: Decoding) -> Entry:
    try:
        if source.flow is not None:
            probe(source.flow)
        probe(source.path)
        sound = read_audio(source.path, sample_rate=decoding.sample_rate)
        if sound is None:
            return Entry(silent=True)
        exact = is_exact(source.path, sound, sample_rate=decoding.sample_rate)
        return Entry(samples=len(sound), sound_by_time=exact)
    except UnreadableVideo as error:
        return Entry(bad=source.reason(error))


def _write_index(file: Path, entries: dict[str, Entry]) -> None:
    with whole(file) as part:
        part.write_text(json.dumps({name: asdict(entry) for name, entry in entries.items()}))
