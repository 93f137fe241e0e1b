"""One video's segments, as each modality shows them to a network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamml.config import Config
from adamml.data.cache.frames import FrameSource
from adamml.data.modalities.audio import log_spectrogram
from adamml.data.modalities.segments import audio_starts, frame_indices
from adamml.data.modalities.visual import Crop, cut, differences, normalise

Array = np.ndarray[Any, Any]
Crops = Callable[[tuple[int, int]], list[Crop]]
"""(height, width) of the stored frames -> a crop per segment; called once for all modalities."""


class Clips:
    """The segments of a video that begin at `starts`, read on demand.

    Args:
        total: frames of the video, at `fps`.
    """

    def __init__(
        self, config: Config, frames: FrameSource, name: str, starts: Array, total: int, fps: float
    ) -> None:
        self._config, self._frames, self._name = config, frames, name
        self._starts, self._total, self._fps = starts, total, fps
        self._cut: list[Crop] | None = None

    def read(self, modality: str, crops: Crops) -> Tensor:
        """Normalised float32 [S, F, C, crop, crop], or of audio [S, 1, 1, bins, steps]."""
        if modality == "audio":
            return self._audio()
        stored = torch.from_numpy(READERS[modality](self))
        if self._cut is None:
            self._cut = crops((stored.shape[-2], stored.shape[-1]))
        clips = cut(stored, self._cut, self._config.rgb.crop, modality)
        return normalise(clips, self._config, modality)

    def _indices(self, steps: int) -> Array:
        """[S, F * steps]: each frame, and those that follow it motion.step apart."""
        indices = frame_indices(self._starts, self._total, self._config.rgb)
        later = np.arange(steps) * self._config.motion.step
        return np.asarray((indices[..., None] + later).reshape(len(indices), -1))

    def _rgb(self) -> Array:
        return self._frames.frames(self._name, self._indices(1))

    def _rgbdiff(self) -> Array:
        steps = self._config.motion.stack + 1
        frames = self._frames.frames(self._name, self._indices(steps))
        return differences(frames.reshape(len(frames), -1, steps, *frames.shape[-3:]))

    def _flow(self) -> Array:
        stack = self._config.motion.stack
        flow = self._frames.flow(self._name, self._indices(stack))
        return flow.reshape(len(flow), -1, 2 * stack, *flow.shape[-2:])

    def _audio(self) -> Tensor:
        audio = self._config.audio
        begin = audio_starts(self._starts, self._fps, self._config.rgb, audio.seconds)
        return log_spectrogram(self._frames.windows(self._name, begin, audio), audio)


READERS: dict[str, Callable[[Clips], Array]] = {
    "rgb": Clips._rgb,
    "flow": Clips._flow,
    "rgbdiff": Clips._rgbdiff,
}
"""Visual modality -> uint8 [S, F, C, h, w] at the stored size."""
