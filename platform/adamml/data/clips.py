"""The segments of one video, as tensors for each modality."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import Config
from adamml.data.cache.frames import VideoFrames
from adamml.data.modalities.audio import log_spectrogram
from adamml.data.modalities.segments import audio_starts, frame_indices
from adamml.data.modalities.visual import Crop, cut, differences, normalise

Crops = Callable[[tuple[int, int]], list[Crop]]
"""Function from (height, width) of the stored frames to a crop per segment. It may draw at random:
it is called once, and all modalities share the result."""


class Clips:
    """The segments of a video that begin at `starts`, read on demand.

    Args:
        config: how segments are read and prepared.
        video: the video's frames, flow and sound.
        starts: [S], first frame of each segment.
        total: number of the video's frames at `fps`.
        fps: the video's nominal frame rate.
    """

    def __init__(
        self, config: Config, video: VideoFrames, starts: NDArray[np.int64], total: int, fps: float
    ) -> None:
        self._config, self._video = config, video
        self._starts, self._total, self._fps = starts, total, fps
        self._crops: list[Crop] | None = None

    def read(self, modality: str, crops: Crops) -> Tensor:
        """Return the segments of a modality, as networks take them.

        Args:
            modality: a name of config.MODALITIES.
            crops: see Crops; not used for audio.

        Returns:
            float32 [S, F, C, crop, crop], normalised; of audio [S, 1, 1, bins, steps].
        """
        if modality == "audio":
            return self._audio()
        stored = torch.from_numpy(READERS[modality](self))
        # Drawn at the first visual modality and used for all: flow must show what rgb shows.
        if self._crops is None:
            self._crops = crops((stored.shape[-2], stored.shape[-1]))
        clips = cut(stored, self._crops, self._config.rgb.crop, modality)
        return normalise(clips, self._config, modality)

    def _indices(self, steps: int) -> NDArray[np.int64]:
        """Return [S, F * steps]: each frame, then the next ones, motion.step apart."""
        indices = frame_indices(self._starts, self._total, self._config.rgb)
        later = np.arange(steps) * self._config.motion.step
        return np.asarray((indices[..., None] + later).reshape(len(indices), -1))

    def _rgb(self) -> NDArray[np.uint8]:
        return self._video.frames(self._indices(1))

    def _rgbdiff(self) -> NDArray[np.uint8]:
        steps = self._config.motion.stack + 1  # n differences lie between n + 1 frames
        frames = self._video.frames(self._indices(steps))
        return differences(frames.reshape(len(frames), -1, steps, *frames.shape[-3:]))

    def _flow(self) -> NDArray[np.uint8]:
        stack = self._config.motion.stack
        flow = self._video.flow(self._indices(stack))
        return flow.reshape(len(flow), -1, 2 * stack, *flow.shape[-2:])

    def _audio(self) -> Tensor:
        audio = self._config.audio
        begin = audio_starts(self._starts, self._fps, self._config.rgb, audio.seconds)
        return log_spectrogram(self._video.windows(begin, audio), audio)


READERS: dict[str, Callable[[Clips], NDArray[np.uint8]]] = {
    "rgb": Clips._rgb,
    "flow": Clips._flow,
    "rgbdiff": Clips._rgbdiff,
}
"""Visual modality -> method that reads it: [S, F, C, h, w] at the stored size."""
