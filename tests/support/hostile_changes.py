"""Broken files made from the bytes of whole ones, by a generator of random numbers."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
Change = Callable[[bytes, Rng], bytes]
Make = Callable[[Path, Path, Rng], object]
"""From a whole clip, at a path."""

BIG = 2**32 - 1
LIES = (0, 1, 2, 1000, 2**31 - 1, 2**31, BIG)
STARTS = (
    b"RIFF\xff\xff\xff\xffAVI LIST",
    b"\x1a\x45\xdf\xa3\x9f",
    b"\0\0\0\x18ftypisom",
    b"OggS\0\2",
    b"FLV\1\5",
    b"\0\0\1\xba",
    b"G" * 188,
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    b"ID3\4",
)
"""What files of other containers begin with."""


def changed(*changes: Change) -> Make:
    """A whole clip after one of these changes, another for every file."""

    def make(clip: Path, path: Path, rng: Rng) -> None:
        change = changes[int(rng.integers(len(changes)))]
        path.write_bytes(change(clip.read_bytes(), rng))

    return make


def unchanged(content: bytes, rng: Rng) -> bytes:
    return content


def cut_short(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.uniform(0.03, 0.97) * len(content))]


def cut_at_once(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(1, 400))]


def twice(content: bytes, rng: Rng) -> bytes:
    return content + content


def noise(content: bytes, rng: Rng) -> bytes:
    return rng.bytes(5000)


def zeros(content: bytes, rng: Rng) -> bytes:
    return bytes(5000)


def overwritten(content: bytes, rng: Rng) -> bytes:
    begin, end = sorted(rng.integers(0, len(content), 2))
    return content[:begin] + rng.bytes(end - begin) + content[end:]


def without_a_stretch(content: bytes, rng: Rng) -> bytes:
    begin, end = sorted(rng.integers(0, len(content), 2))
    return content[:begin] + content[end:]


def another_start(content: bytes, rng: Rng) -> bytes:
    start = STARTS[int(rng.integers(len(STARTS)))]
    return start + content[len(start) :]


def flip_header(content: bytes, rng: Rng) -> bytes:
    return _flipped(content, rng, 0, min(500, len(content)), int(rng.integers(1, 17)))


def flip_index(content: bytes, rng: Rng) -> bytes:
    return _flipped(content, rng, _index(content), len(content), int(rng.integers(1, 33)))


def flip_payload(content: bytes, rng: Rng) -> bytes:
    end = _index(content)
    return _flipped(content, rng, 700, end if end > 700 else len(content), 2 ** rng.integers(9))


def _index(content: bytes) -> int:
    """Where a container begins to say where things are, if it does so at its end."""
    for mark, before in ((b"moov", 4), (b"idx1", 0), (b"\x1c\x53\xbb\x6b", 0)):
        if (at := content.rfind(mark)) >= 0:
            return at - before
    return 0


def _flipped(content: bytes, rng: Rng, begin: int, end: int, bits: int) -> bytes:
    other = np.frombuffer(content, np.uint8).copy()
    for place in rng.integers(begin * 8, end * 8, bits):
        other[place // 8] ^= 1 << (place % 8)
    return other.tobytes()


def patch(box: bytes, at: int, form: str, *values: int) -> Change:
    """Other values at some bytes behind the name of the first such box."""

    def change(content: bytes, rng: Rng) -> bytes:
        place = content.index(box) + len(box) + at
        end = place + struct.calcsize(form)
        return content[:place] + struct.pack(form, *values) + content[end:]

    return change


def lies(box: bytes, at: int) -> list[Change]:
    """patch with every number that a count, a size or a time can't well be."""
    return [patch(box, at, ">I", number) for number in LIES]


def swap(old: bytes, new: bytes) -> Change:
    return lambda content, rng: content.replace(old, new)


def boxes_in_boxes(content: bytes, rng: Rng) -> bytes:
    depth = int(rng.integers(20, 100_000))
    nested = (struct.pack(">I4s", 8 * (depth - level), b"moov") for level in range(depth))
    return content[:32] + b"".join(nested)


TURNED = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
"""The display matrix of a quarter turn."""
