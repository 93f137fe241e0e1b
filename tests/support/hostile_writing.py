"""Strange and broken media that an encoder or a muxer is needed for."""

import os
import socket
import struct
import zlib
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import media
import numpy as np
from hostile_changes import Make, Rng

TIMES = [i / 25 for i in range(25)]
MILLISECOND = Fraction(1, 1000)


def written(suffix: str = "", **how: object) -> Make:
    """A second of media.write_media; suffix where the file's name has another than its content."""

    def make(clip: Path, path: Path, rng: Rng) -> None:
        target = path.with_suffix(f".{suffix}") if suffix else path
        media.write_media(target, **({"times": TIMES} | how))
        target.rename(path)

    return make


def muxed(path: Path, codec: str, packets: list[bytes], times_s: list[float] | None = None) -> None:
    """Packets as a codec's, whatever they hold."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=media.OPTIONS.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        if codec != "mjpeg":
            stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
        container.start_encoding()
        for number, content in enumerate(packets):
            packet = av.Packet(content)
            seconds = number / 25 if times_s is None else times_s[number]
            packet.stream, packet.time_base = stream, MILLISECOND
            packet.pts = packet.dts = round(seconds * 1000)
            packet.is_keyframe = True
            container.mux(packet)


@lru_cache
def encoded(codec: str, pix_fmt: str, width: int = 96, height: int = 64) -> bytes:
    """One key frame."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base, context.thread_count = Fraction(1, 25), 1
    if codec == "libx264":
        context.options = {"profile": "baseline", "preset": "ultrafast"}
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 99, np.uint8), format="rgb24")
    frame = frame.reformat(format=pix_fmt)
    frame.pts = 0
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


def vp9_sized(clip: Path, path: Path, rng: Rng) -> None:
    """Frames whose own header claims another size than the container does."""
    frame = encoded("libvpx-vp9", "yuv420p")
    first = int.from_bytes(frame[:10], "big")
    side = _side(rng)
    sizes = (side - 1) << 16 | (side - 1)
    head = first >> 44 << 44 | sizes << 12 | first & 0xFFF  # behind 36 bits, two of 16
    muxed(
        path, "libvpx-vp9", [head.to_bytes(10, "big") + encoded("libvpx-vp9", "yuv420p")[10:]] * 5
    )


def jpeg_sized(clip: Path, path: Path, rng: Rng) -> None:
    content = encoded("mjpeg", "yuvj420p")
    place = content.index(b"\xff\xc0") + 5
    sizes = struct.pack(">HH", *[min(_side(rng), 65_500)] * 2)
    muxed(path, "mjpeg", [content[:place] + sizes + content[place + 4 :]] * 5)


def h264_sized(clip: Path, path: Path, rng: Rng) -> None:
    """The sequence parameters of a baseline stream, with other numbers of macroblocks."""
    units = encoded("libx264", "yuv420p").split(b"\0\0\1")
    place = next(i for i, unit in enumerate(units) if unit[:1] and unit[0] & 31 == 7)
    units[place] = units[place][:4] + _parameters(units[place][4:], _side(rng) // 16)
    muxed(path, "libx264", [b"\0\0\1".join(units)] * 5)


def _parameters(content: bytes, blocks: int) -> bytes:
    bits = bin(int.from_bytes(b"\1" + content, "big"))[3:]
    at = 0

    def number() -> int:
        nonlocal at
        zeros = bits.index("1", at) - at
        at += 2 * zeros + 1
        return int(bits[at - zeros - 1 : at], 2) - 1

    number(), number()
    if number() == 0:
        number()
    number()
    at += 1
    begin = at
    number(), number()
    size = bin(blocks)[2:]
    size = "0" * (len(size) - 1) + size
    bits = bits[:begin] + size + size + bits[at:]
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _side(rng: Rng) -> int:
    return int(rng.choice([4096, 8192, 16_000, 16_384, 32_768, 65_536]))


@lru_cache
def _huge_png(side: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        sum_ = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", sum_)

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes((side + 1) * side), 1)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def png_bomb(clip: Path, path: Path, rng: Rng) -> None:
    """A few kilobytes that are 49 to 225 million pixels."""
    muxed(path, "png", [_huge_png(int(rng.choice([7_000, 15_000])))] * 3)


def index_bomb(clip: Path, path: Path, rng: Rng) -> None:
    """A compressed index that is 2 GiB when it is read."""
    block = zlib.compressobj(9)
    head = block.compress(bytes(2**20)) + block.flush(zlib.Z_FULL_FLUSH)
    again = block.compress(bytes(2**20)) + block.flush(zlib.Z_FULL_FLUSH)
    content = head + again * 2046

    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), name) + body

    packed = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 2047 * 2**20) + content)
    path.write_bytes(box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"cmov", packed)))


def no_frames(clip: Path, path: Path, rng: Rng) -> None:
    muxed(path, "libx264", [])


def garbage_frames(clip: Path, path: Path, rng: Rng) -> None:
    codec = ["libx264", "libx265", "libvpx-vp9", "mjpeg", "ffv1"][int(rng.integers(5))]
    muxed(path, codec, [rng.bytes(int(rng.integers(1, 3000))) for _ in range(25)])


def at_odd_times(clip: Path, path: Path, rng: Rng) -> None:
    """Frames years apart, or in no order; a muxer that checks would not have them."""
    packet = encoded("mjpeg", "yuvj420p")
    jumps = np.cumsum(rng.choice([0.04, 0.04, 30.0, 300.0, 1e6, 1e9], 12))
    muxed(path, "mjpeg", [packet] * 12, jumps.tolist())


def backwards(clip: Path, path: Path, rng: Rng) -> None:
    """Transport streams are cut and joined anywhere: times go back or jump."""
    parts = []
    for number in range(3):
        part = path.with_name(f".part{number}.ts")
        offset = {"output_ts_offset": str(int(rng.integers(0, 200)))}
        parts.append(media.write_media(part, times=TIMES, options=offset).read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def half_with_index(clip: Path, path: Path, rng: Rng) -> None:
    """What a broken download leaves: every frame is announced, half of them are there."""
    media.write_media(path, size=(320, 240), options={"movflags": "faststart"})
    os.truncate(path, int(rng.uniform(0.2, 0.6) * path.stat().st_size))


def changing_size(clip: Path, path: Path, rng: Rng) -> None:
    parts = []
    for number, size in enumerate([(96, 64), (64, 96), (320, 48)]):
        part = path.with_name(f".part{number}.ts")
        offset = {"output_ts_offset": str(number)}
        parts.append(media.write_media(part, times=TIMES, size=size, options=offset).read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def without_its_key_frame(clip: Path, path: Path, rng: Rng) -> None:
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[int(rng.integers(1, 9)) :]:
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


def sound_only(clip: Path, path: Path, rng: Rng) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=24_000, layout="mono")
        media.write_sound(container, stream, media.tone(np.arange(48_000) / 24_000))


def many_streams(clip: Path, path: Path, rng: Rng) -> None:
    """Several pictures and sounds of one clip."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        copies = {
            s: [target.add_stream_from_template(s) for _ in range(20)] for s in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                pts, dts = packet.pts, packet.dts
                for copy in copies[packet.stream]:
                    packet.stream, packet.pts, packet.dts = copy, pts, dts
                    target.mux(packet)


def with_a_cover(film: bool) -> Make:
    """A still picture beside the sound, and a film or none."""

    def make(clip: Path, path: Path, rng: Rng) -> None:
        with av.open(str(clip)) as source, av.open(str(path), "w") as target:
            cover = target.add_stream("mjpeg", rate=25)
            cover.width, cover.height, cover.pix_fmt = 96, 64, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            kept = source.streams.audio + (source.streams.video if film else ())
            streams = {s: target.add_stream_from_template(s) for s in kept}
            picture = av.Packet(encoded("mjpeg", "yuvj420p"))
            picture.stream, picture.time_base, picture.pts, picture.dts = cover, MILLISECOND, 0, 0
            picture.is_keyframe = True
            target.mux(picture)
            for packet in source.demux(list(kept)):
                if packet.dts is not None:
                    packet.stream = streams[packet.stream]
                    target.mux(packet)

    return make


def with_a_title(clip: Path, path: Path, rng: Rng) -> None:
    """In Latin-1, as old programs wrote them."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        target.metadata["title"] = "caffe"
        streams = {s: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                target.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"caffe", b"caff\xe9"))


def with_a_hole(clip: Path, path: Path, rng: Rng) -> None:
    """A clip, then nothing, which takes no room on the disk."""
    path.write_bytes(clip.read_bytes())
    os.truncate(path, int(rng.integers(2**25, 2**26)))


def bound_socket(clip: Path, path: Path, rng: Rng) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{path.name}")  # the path itself may be too long
    os.close(here)
