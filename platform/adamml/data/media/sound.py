"""The sound of a media file, in time with its video."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from adamml.data.media.untrusted import LIMITS, Limits, UnreadableVideo, first_line, opened
from adamml.data.media.video import start_s


def read_audio(
    path: Path, *, sample_rate: int, limits: Limits = LIMITS
) -> NDArray[np.int16] | None:
    """Read the first sound track, mono, from the time of the first frame on: [samples].

    Args:
        path: path of the file, which must have a video too.
        sample_rate: samples per second of the result.
        limits: limits that the file must keep.

    Returns:
        The samples; None if the file has no sound.

    Raises:
        UnreadableVideo: the file or the track cannot be decoded.
    """
    with opened(path, limits) as container:
        if not container.streams.audio:
            return None
        start = start_s(container)
        parts: list[NDArray[np.int16]] = []
        offset: int | None = None
        total = 0
        for frame, samples in _mono(_sound_frames(container, path, limits), sample_rate):
            # The first sound frame says how much later than the video the track begins.
            if offset is None:
                offset = round((float((frame.pts or 0) * frame.time_base) - start) * sample_rate)
            parts.append(samples)
            total += len(samples)
            if total > limits.seconds * sample_rate:
                raise UnreadableVideo(path, f"more than {limits.seconds:g} s of sound")
        if offset is None:
            return None
    sound = np.concatenate(parts)
    # A track that begins late gets silence in front; one that begins early loses its beginning.
    before = np.zeros(min(max(offset, 0), int(limits.seconds * sample_rate)), np.int16)
    return np.concatenate([before, sound[max(-offset, 0) :]])


def _sound_frames(container: Any, path: Path, limits: Limits) -> Iterator[Any]:
    """Yield the decoded frames of the first sound track.

    Raises:
        UnreadableVideo: one cannot be decoded, or its rate is beyond the limits.
    """
    try:
        for frame in container.decode(audio=0):
            if not limits.sound_hz[0] <= frame.sample_rate <= limits.sound_hz[1]:
                raise UnreadableVideo(path, f"sound of {frame.sample_rate} samples a second")
            yield frame
    except UnreadableVideo:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableVideo(path, f"its sound cannot be decoded ({first_line(error)})") from error


def _mono(frames: Iterator[Any], rate: int) -> Iterator[tuple[Any, NDArray[np.int16]]]:
    """Yield (frame, samples that are ready with it); a stream may change its format midway."""
    resampler, last, form = None, None, None
    for frame in itertools.chain(frames, [None]):
        form_now = frame and (frame.format.name, frame.layout.name, frame.sample_rate)
        # At a change of format, and at the end, the resampler gives out what it still holds.
        if form_now != form and resampler is not None:
            yield last, _joined(resampler.resample(None))
        if frame is None:
            return
        if form_now != form or resampler is None:
            resampler, form = _resampler(rate), form_now
        last = frame
        yield frame, _joined(resampler.resample(frame))


def _resampler(rate: int) -> av.AudioResampler:
    # A second at a time: taking each of a codec's small frames costs as much as decoding it.
    return av.AudioResampler(format="s16", layout="mono", rate=rate, frame_size=rate)


def _joined(parts: list[Any]) -> NDArray[np.int16]:
    return np.concatenate([np.empty(0, np.int16), *(part.to_ndarray()[0] for part in parts)])
