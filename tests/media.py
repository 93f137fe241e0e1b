"""Media files that tests make, with a known frame and a known sound at every time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CODECS = {
    "mp4": ("libx264", "aac"),
    "mkv": ("libx265", "aac"),
    "webm": ("libvpx-vp9", "libopus"),
    "avi": ("mpeg4", "libmp3lame"),
}
"""Container -> codecs of video and sound."""
_OPTIONS = {
    "libx264": {"preset": "ultrafast", "qp": "0"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "mpeg4": {"qmin": "1", "qmax": "2"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def write_media(
    path: Path,
    *,
    times: list[float] | None = None,
    size: tuple[int, int] = (64, 48),
    sound: bool = True,
    rate: int = 24_000,
    options: dict[str, str] | None = None,
) -> Path:
    """A video whose frame at t is grey, 20 + 50 t, with a 1 kHz tone; size is (width, height)."""
    times = [i / 25 for i in range(100)] if times is None else times
    base = Fraction(1, 1000)
    picture, wave_codec = CODECS[path.suffix[1:]]
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(picture, rate=25, options=_OPTIONS.get(picture, {}))
        video.width, video.height = size
        video.pix_fmt, video.thread_count, video.gop_size = "yuv420p", 1, 10
        if picture != "mpeg4":  # whose time base is that of its frames
            video.codec_context.time_base = base
        audio = container.add_stream(wave_codec, rate=rate, layout="mono") if sound else None
        for t in times:
            pixels = np.full((size[1], size[0], 3), round(20 + 50 * t), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(t * 1000), base
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(int(times[-1] * rate)) / rate)
            samples = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
            samples.sample_rate, samples.time_base = rate, Fraction(1, rate)
            context = audio.codec_context
            resampler = av.AudioResampler(context.format, "mono", rate, context.frame_size or 1024)
            for part in [*resampler.resample(samples), *resampler.resample(None)]:
                container.mux(audio.encode(part))
            container.mux(audio.encode())
    return path
