"""Media files that tests make, with a known frame and a known sound at every time."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CODECS = {
    "mp4": ("libx264", "aac"),
    "mkv": ("libx265", "aac"),
    "webm": ("libvpx-vp9", "libopus"),
    "avi": ("mpeg4", "libmp3lame"),
    "ts": ("libx264", "aac"),
    "mov": ("libx264", "pcm_s16le"),
}
"""Container -> codecs of video and sound."""
OPTIONS = {
    "libx264": {"preset": "ultrafast", "qp": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "mpeg4": {"qmin": "1", "qmax": "2"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
}


def tone(t: np.ndarray) -> np.ndarray:
    """1 kHz."""
    return 0.5 * np.sin(2 * np.pi * 1000 * t)


def grey(number: int, t: float, size: tuple[int, int]) -> np.ndarray:
    """20 + 50 t, as far as that goes: uint8 [h, w, 3]."""
    return np.full((size[1], size[0], 3), round(min(20 + 50 * t, 235)), np.uint8)


def numbered(number: int, t: float, size: tuple[int, int]) -> np.ndarray:
    """The number of the frame in eight black or white bars: uint8 [h, w, 3]."""
    bits = np.array([number >> place & 1 for place in range(8)], np.uint8)
    bars = np.repeat(bits * 219 + 16, size[0] // 8)
    return np.broadcast_to(bars[None, :, None], (size[1], size[0], 3)).copy()


def numbers_of(frames: np.ndarray) -> np.ndarray:
    """What numbered() drew: [..., 3, h, w] -> [...]."""
    columns = frames.mean((-3, -2))
    bars = columns.reshape(*columns.shape[:-1], 8, -1).mean(-1) > 128
    return (bars << np.arange(8)).sum(-1)


def write_media(
    path: Path,
    *,
    times: list[float] | None = None,
    size: tuple[int, int] = (64, 48),
    sound: bool = True,
    rate: int = 24_000,
    layout: str = "mono",
    wave: Callable[[np.ndarray], np.ndarray] = tone,
    draw: Callable[[int, float, tuple[int, int]], np.ndarray] = grey,
    codec: str | None = None,
    pix_fmt: str = "yuv420p",
    fps: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
) -> Path:
    """A video of which every frame says when it is shown, with the same sound in all channels.

    Args:
        times: of the frames, in seconds; by default 100 at 25 fps.
        size: width and height.
        rate, layout, wave: of the sound; wave gives the amplitudes at some times.
        draw: makes a frame from its number, time and size.
        codec: of the video, where it is not its container's in CODECS.
        fps: what the file claims; matters for mpeg4, whose times are multiples of it.
        options: of the container.
    """
    times = [i / 25 for i in range(100)] if times is None else times
    base = Fraction(1, 90_000)
    picture, wave_codec = CODECS[path.suffix[1:]]
    picture = codec or picture
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(picture, rate=fps, options=OPTIONS.get(picture, {}))
        video.width, video.height = size
        video.pix_fmt, video.thread_count, video.gop_size = pix_fmt, 1, 10
        if len(times) < 3:  # libx265 takes its first DTS from the third frame, or from nowhere
            video.codec_context.max_b_frames = 0
        if picture not in ("mpeg4", "mjpeg"):  # whose time base is that of their frames
            video.codec_context.time_base = base
        audio = container.add_stream(wave_codec, rate=rate, layout=layout) if sound else None
        for number, t in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number, t, size), format="rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(t / base), base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            write_sound(container, audio, wave(np.arange(int((times[-1] + 1 / fps) * rate)) / rate))
    return path


def write_sound(container: object, audio: object, wave: np.ndarray) -> None:
    """The same in all channels, to the end of the stream."""
    context = audio.codec_context
    samples = np.tile(wave.astype(np.float32), (context.layout.nb_channels, 1))
    frame = av.AudioFrame.from_ndarray(samples, "fltp", context.layout.name)
    frame.sample_rate, frame.time_base = context.sample_rate, Fraction(1, context.sample_rate)
    size = context.frame_size or 1024
    resampler = av.AudioResampler(context.format, context.layout.name, context.sample_rate, size)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(audio.encode(part))
    container.mux(audio.encode())
