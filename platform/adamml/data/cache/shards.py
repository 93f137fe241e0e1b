"""A shard: the decoded frames, sound and flow of some videos in one file, with an index of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from adamml.data.cache.decoding import Decoding, Source
from adamml.data.cache.reading_alone import ends_its_reader, marked
from adamml.data.media.flow_video import read_flow
from adamml.data.media.sound import read_audio
from adamml.data.media.sound_excerpts import is_exact
from adamml.data.media.video import UnreadableVideo, probe, read_video
from adamml.files import whole

ALONE_S, ALONE_S_PER_S = 900.0, 60.0
"""Longest time for reading a video in a process of its own: seconds, and in addition seconds per
second of video. TV-L1 flow takes 11 per second at 256 pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Place of one video in its shard's file, or the result of inspecting it without decoding.

    The fields are written to the index by name: a change of them needs a new opening.VERSION.
    """

    bad: str = ""
    """Reason why the video cannot be read; empty if it can."""
    silent: bool = False
    """True if the video has no sound track; samples is 0 then."""
    frames_at: int = 0
    """Byte of the shard at which the frames begin."""
    shape: tuple[int, ...] = (0, 3, 0, 0)
    """Shape [T, 3, h, w] of the stored frames; T is 0 if nothing is decoded."""
    flow_at: int = 0
    """Byte of the shard at which the flow begins."""
    flow_shape: tuple[int, ...] = (0, 2, 0, 0)
    """Shape [T, 2, h, w] of the flow; T is 0 if none is kept."""
    audio_at: int = 0
    """Byte of the shard at which the sound, int16, begins."""
    samples: int = 0
    """Number of samples of the sound."""
    sound_by_time: bool = False
    """True if nothing is decoded and parts of the sound can be read by seeking in the file
    (sound_excerpts.is_exact)."""

    @property
    def decoded(self) -> bool:
        """True if the video's frames and sound are in the shard's file."""
        return self.shape[0] > 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """Some videos of one split, decoded into one file."""

    folder: Path
    name: str
    """Split and fingerprint of the videos' files; unique in the folder."""
    sources: tuple[Source, ...]
    estimated_bytes: int
    """Bytes that the decoded videos will take, about."""

    @property
    def data(self) -> Path:
        """Path of the decoded arrays."""
        return self.folder / f"{self.name}.bin"

    @property
    def index(self) -> Path:
        """Path of the index. It is written last: if it exists, the data is complete."""
        return self.folder / f"{self.name}.json"

    @property
    def probed(self) -> Path:
        """Path of an index without data, for a shard without room: its bad and silent videos."""
        return self.folder / f"{self.name}.probed.json"


def build_shard(shard: Shard, decoding: Decoding, threads: int) -> dict[str, Entry]:
    """Decode a shard's videos into its file, then write its index.

    The caller holds the shard's lock.

    Returns:
        Video id -> entry; the entries of unreadable videos give the reason.
    """
    shard.folder.mkdir(parents=True, exist_ok=True)
    # Parts left by a process that died: nothing else writes here while we hold the lock.
    for part in shard.folder.glob(f".{shard.name}.*.part*"):
        part.unlink()
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
    """Find the unreadable and the silent videos of a shard without keeping anything decoded.

    Returns:
        Video id -> entry.
    """
    if shard.probed.is_file():
        return read_index(shard.probed)
    shard.folder.mkdir(parents=True, exist_ok=True)
    inspect = partial(_probed, decoding=decoding)
    entries = _entries(shard, inspect, inspect)
    _write_index(shard.probed, entries)
    return entries


def _entries(
    shard: Shard, keep: Callable[[Source], Entry], read: Callable[[Source], object]
) -> dict[str, Entry]:
    """Call `keep` for every video of the shard and return the entries that it makes.

    A video that crashed an earlier reader is first read, by `read`, in a throwaway process. If that
    dies too, the video is recorded as bad and not touched here.
    """
    # `number` and not the id names the mark: an id may hold characters that no file name can.
    entries = {}
    for number, source in enumerate(shard.sources):
        with marked(shard.folder / f"{shard.name}.{number}.reading") as died:
            limit_s = ALONE_S + ALONE_S_PER_S * source.duration_s
            bad = ends_its_reader(partial(read, source), limit_s=limit_s) if died else ""
            entries[source.id] = Entry(bad=bad) if bad else keep(source)
    return entries


def read_index(file: Path) -> dict[str, Entry]:
    """Read an index that _write_index wrote: video id -> entry."""
    content = json.loads(file.read_text())
    # JSON has lists only, and arrays are compared with shapes that are tuples.
    return {
        name: Entry(
            **entry | {"shape": tuple(entry["shape"]), "flow_shape": tuple(entry["flow_shape"])}
        )
        for name, entry in content.items()
    }


def _append(file: IO[bytes], source: Source, decoding: Decoding, threads: int) -> Entry:
    """Decode a video, append its arrays to the open shard file, and return where they lie."""
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
    # Pad to an even address, where the next video's sound (int16) begins.
    file.write(b"\0" * (file.tell() % 2))
    return Entry(
        silent=sound is None,
        frames_at=frames_at,
        shape=frames.shape,
        flow_at=flow_at,
        flow_shape=flow.shape,
        audio_at=audio_at,
        samples=len(samples),
    )


def _read(
    source: Source, decoding: Decoding, threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int16] | None, NDArray[np.uint8]]:
    """Decode a video.

    Returns:
        frames [T, 3, h, w]; sound [samples], None if there is no track; flow [T, 2, h, w].
    """
    frames = read_video(
        source.path,
        fps=source.fps,
        every=decoding.every,
        short_side=decoding.short_side,
        threads=threads,
        # A clip's file may be an uncut video: segments never reach beyond its stated duration.
        seconds=1.1 * source.duration_s + 1,
    )
    sound = read_audio(source.path, sample_rate=decoding.sample_rate)
    return frames, sound, _flow(source, frames, decoding, threads)


def _flow(
    source: Source, frames: NDArray[np.uint8], decoding: Decoding, threads: int
) -> NDArray[np.uint8]:
    """Return the flow that begins at each stored frame, [T, 2, h, w]; T is 0 if none is kept.

    Raises:
        UnreadableVideo: the stored flow is damaged, or not of the frames' number and size.
    """
    if not decoding.flow:
        return np.empty((0, 2, 0, 0), np.uint8)
    if source.flow is None:
        return decoding.flow_of(frames)
    flow = read_flow(source.flow, fps=source.fps, threads=threads)
    expected = (len(frames), 2, *frames.shape[-2:])
    if flow.shape != expected:
        raise UnreadableVideo(
            source.flow, f"flow must be {expected}, as its video, got {flow.shape}"
        )
    return flow


def _probed(source: Source, decoding: Decoding) -> Entry:
    """Inspect a video: look at its frames' packets, and decode its sound once."""
    try:
        if source.flow is not None:
            probe(source.flow)
        probe(source.path)
        sound = read_audio(source.path, sample_rate=decoding.sample_rate)
        if sound is None:
            return Entry(silent=True)
        # The sound is decoded here in any case, so the test of seeking costs little more.
        exact = is_exact(source.path, sound, sample_rate=decoding.sample_rate)
        return Entry(samples=len(sound), sound_by_time=exact)
    except UnreadableVideo as error:
        return Entry(bad=source.reason(error))


def _write_index(file: Path, entries: dict[str, Entry]) -> None:
    with whole(file) as part:
        part.write_text(json.dumps({name: asdict(entry) for name, entry in entries.items()}))
