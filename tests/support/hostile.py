"""Hostile and broken media: what is made (hostile_changes, hostile_writing), what may come of it.

Every file is a function of its kind and number.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import hostile_changes as change
import hostile_writing as writing
import media
import numpy as np
from hostile_changes import Make, changed, lies, patch, swap
from hostile_writing import written


@dataclass(frozen=True)
class Kind:
    make: Make
    comes: str = "either"
    """prepared, refused, either, or unlisted: the folder is read as if it were not there."""
    reason: str = ""
    """Of every refusal, a regular expression."""
    containers: tuple[str, ...] = ("mp4",)
    """Of the clips it is made from, in turn."""
    name: str = "{number}.{suffix}"


def text(content: str) -> Make:
    return lambda clip, path, rng: path.write_text(content)


def link(target: Callable[[Path, Path], Path]) -> Make:
    return lambda clip, path, rng: path.symlink_to(target(clip, path))


def link_to_copy(target: Callable[[Path, Path], Path]) -> Make:
    def make(clip: Path, path: Path, rng: np.random.Generator) -> None:
        path.symlink_to(shutil.copy(clip, target(clip, path)))

    return make


ALL = tuple(media.CODECS)
NO_VIDEO = "not a readable video|no video stream"
BROKEN = f"{NO_VIDEO}|truncated|no frame|no decoder|cannot be decoded"
BEYOND = f"{BROKEN}|longer than|more than|sound of|change their size"
PLAYLIST = "#EXTM3U\n#EXTINF:2,\n../whole/0.mp4\n#EXT-X-ENDLIST\n"
SIZES = (
    patch(b"tkhd", 76, ">II", change.BIG, change.BIG),
    *(patch(b"avc1", 24, ">HH", side, side) for side in (0, 1, 16_000, 65_500)),
)
TABLES = (
    *(c for at in (4, 8) for c in lies(b"stsz", at)),
    *(c for box in (b"stts", b"stsc", b"stco", b"stss") for c in lies(box, 4)),
    *(c for box in (b"stsc", b"stco") for c in lies(box, 12 if box == b"stsc" else 8)),
)
SOUNDS = (
    *(patch(b"sowt", 16, ">H", channels) for channels in (0, 3, 64, 65_535)),
    *(patch(b"sowt", 24, ">I", rate) for rate in (0, 1, 1 << 16, change.BIG)),
)
KINDS: dict[str, Kind] = {
    "whole": Kind(changed(change.unchanged), "prepared", "", ALL),
    "truncated": Kind(changed(change.cut_short), "either", BROKEN, ALL),
    "truncated, index in front": Kind(writing.half_with_index, "refused", BROKEN),
    "a beginning": Kind(changed(change.cut_at_once), "refused", BROKEN, ALL),
    "bits flipped, header": Kind(changed(change.flip_header), "either", BEYOND, ALL),
    "bits flipped, index": Kind(changed(change.flip_index), "either", BEYOND, ALL),
    "bits flipped, payload": Kind(changed(change.flip_payload), "either", BEYOND, ALL),
    "overwritten": Kind(changed(change.overwritten), "either", BEYOND, ALL),
    "a stretch is missing": Kind(changed(change.without_a_stretch), "either", BEYOND, ALL),
    "start of another container": Kind(changed(change.another_start), "either", BEYOND, ALL),
    "two files in one": Kind(changed(change.twice), "either", BEYOND, ALL),
    "another suffix": Kind(
        changed(change.unchanged), "prepared", "", ("avi", "mkv", "ts"), "{number}.mp4"
    ),
    "text": Kind(text("this is no video\n" * 100), "refused", NO_VIDEO),
    "playlist": Kind(text(PLAYLIST), "refused", NO_VIDEO),
    "concat script": Kind(text("ffconcat version 1.0\nfile 0.mp4\n"), "refused", NO_VIDEO),
    "web page": Kind(text("<!DOCTYPE html><html>404</html>"), "refused", NO_VIDEO),
    "empty": Kind(text(""), "refused", "empty"),
    "noise": Kind(changed(change.noise), "refused", BROKEN, ALL),
    "zeros": Kind(changed(change.zeros), "refused", BROKEN, ALL),
    "folder": Kind(lambda clip, path, rng: path.mkdir(), "unlisted", "not a regular file"),
    "FIFO": Kind(lambda clip, path, rng: os.mkfifo(path), "unlisted", "not a regular file"),
    "socket": Kind(writing.bound_socket, "unlisted", "not a regular file"),
    "link to nowhere": Kind(link(lambda c, path: path.with_name("x")), "unlisted", "missing"),
    "link to itself": Kind(link(lambda c, path: path), "unlisted", "missing"),
    "link to a device": Kind(link(lambda c, path: Path(os.devnull)), "unlisted", "not a regular"),
    "link out of the folder": Kind(
        link_to_copy(lambda clip, path: clip.with_name(f"{path.stem}.copy")), "refused", "leads out"
    ),
    "link within the folder": Kind(
        link_to_copy(lambda clip, path: path.with_suffix(".copy")), "prepared"
    ),
    "name that is no text": Kind(
        changed(change.unchanged), "prepared", "", ALL, "caf\udce9\n'\" {number}.{suffix}"
    ),
    "no frames": Kind(writing.no_frames, "refused", BROKEN, ("mp4", "mkv", "avi", "mov")),
    "no key frame": Kind(writing.without_its_key_frame, "either", BROKEN, ("mp4", "mkv", "avi")),
    "no sound": Kind(written(sound=False), "prepared", "", ALL),
    "sound only": Kind(writing.sound_only, "refused", NO_VIDEO, ("mp4", "mkv", "mov")),
    "a cover and sound only": Kind(writing.with_a_cover(film=False), "refused", NO_VIDEO),
    "a cover before the film": Kind(writing.with_a_cover(film=True), "prepared"),
    "twenty of each stream": Kind(writing.many_streams, "prepared", "", ("mp4", "mkv")),
    "title in Latin-1": Kind(writing.with_a_title, "prepared", "", ("mp4", "mkv", "avi")),
    "variable frame rate": Kind(written(times=[0, 0.02, 0.4, 0.5, 0.52, 0.9, 1.3]), "prepared"),
    "a single frame": Kind(written(times=[0.0], sound=False), "prepared", "", ("mp4", "mkv")),
    "odd size": Kind(written(size=(65, 49), pix_fmt="yuv444p"), "prepared", "", ("mp4", "mkv")),
    "tiny": Kind(written(size=(2, 2), codec="mjpeg", pix_fmt="yuvj420p"), "prepared", "", ("avi",)),
    "long and thin": Kind(written(size=(4096, 16)), "refused", "one side more than"),
    "10 bits": Kind(written(pix_fmt="yuv420p10le"), "prepared", "", ("mp4", "mkv")),
    "rotated": Kind(changed(patch(b"tkhd", 40, ">9i", *change.TURNED)), "prepared"),
    "changing size": Kind(writing.changing_size, "refused", "change their size", ("ts",)),
    "times go back": Kind(writing.backwards, "either", BEYOND, ("ts",)),
    "times jump by years": Kind(writing.at_odd_times, "either", BEYOND, ("mp4", "mkv")),
    "absurd size, container": Kind(changed(*SIZES), "either", BEYOND),
    "absurd size, VP9": Kind(writing.vp9_sized, "refused", BEYOND, ("webm", "mkv")),
    "absurd size, JPEG": Kind(writing.jpeg_sized, "refused", BEYOND, ("avi", "mkv")),
    "absurd size, H.264": Kind(writing.h264_sized, "refused", BEYOND, ("avi", "ts")),
    "absurd size, PNG": Kind(writing.png_bomb, "refused", BEYOND, ("avi", "mov")),
    "absurd duration": Kind(
        changed(*lies(b"mvhd", 16), *lies(b"mdhd", 16), *lies(b"tkhd", 20)), "either", BEYOND
    ),
    "absurd frame rate": Kind(changed(*lies(b"mdhd", 12), *lies(b"stts", 12)), "either", BEYOND),
    "absurd sound": Kind(changed(*SOUNDS), "either", BEYOND, ("mov",)),
    "lying tables": Kind(changed(*TABLES), "either", BEYOND),
    "boxes in boxes": Kind(changed(change.boxes_in_boxes), "refused", BROKEN),
    "index of 2 GiB, compressed": Kind(writing.index_bomb, "refused", "index is compressed"),
    "unknown codec": Kind(
        changed(*(swap(b"avc1", name) for name in (b"zzzz", b"mp4v", b"hvc1"))), "refused", BEYOND
    ),
    "unknown sound codec": Kind(
        changed(swap(b"A_AAC", b"A_ZZZ")), "refused", "its sound cannot be decoded", ("mkv",)
    ),
    "packets of noise": Kind(writing.garbage_frames, "refused", BEYOND, ("mkv",)),
    "a hole behind": Kind(writing.with_a_hole, "either", BEYOND, ALL),
}


def make_corpus(root: Path, clips: dict[str, Path], each: int, kinds: Iterable[str]) -> None:
    """root/<kind>/..., `each` of every kind."""
    for name in kinds:
        kind = KINDS[name]
        (root / name).mkdir(parents=True)
        for number in range(each):
            suffix = kind.containers[number % len(kind.containers)]
            path = root / name / kind.name.format(number=number, suffix=suffix)
            seed = [*name.encode(), number]
            kind.make(clips[suffix], path, np.random.default_rng(seed))


def whole_clips(root: Path) -> dict[str, Path]:
    """Container -> a clip of 2 s with sound, from which others are made."""
    root.mkdir(parents=True)
    rates = {"webm": 48_000}
    return {
        suffix: media.write_media(
            root / f"whole.{suffix}",
            times=[i / 25 for i in range(50)],
            size=(96, 64),
            rate=rates.get(suffix, 24_000),
        )
        for suffix in media.CODECS
    }


def fits(name: str, reason: str) -> bool:
    """Whether that may come of a file of this kind; reason is "" where it could be used."""
    kind = KINDS[name]
    if not reason:
        return kind.comes in ("prepared", "either")
    return kind.comes != "prepared" and re.search(kind.reason, reason) is not None


def fits_read(name: str, reason: str) -> bool:
    """The same, of what training's reads say of the file as it is.

    A link is followed here: that it stays in the folder is the manifest's to check. Without a cache
    not all of a file is read, so that damage may be missed.
    """
    kind = KINDS[name]
    if not reason:
        return kind.comes != "unlisted"
    return kind.comes != "prepared" and re.search(kind.reason, reason) is not None
