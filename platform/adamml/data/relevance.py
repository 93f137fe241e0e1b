"""Where the manifest says that a modality carries evidence, per evenly spaced segment."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamml.config import Config
from adamml.data.manifest import Manifest
from adamml.data.segments import audio_starts, even_starts, frame_count


def relevance(manifest: Manifest, config: Config, num_segments: int) -> Tensor:
    """1 where at least half of what a modality sees of a segment carries evidence.

    Rgb sees the time from its first to its last frame, audio the window of its spectrogram.

    Returns:
        float32 [N, S, M], rows as in the manifest, M in the order of config.modalities.

    Raises:
        ValueError: the manifest does not say where a modality's evidence is.
    """
    for modality in config.modalities:
        if f"{modality}_stretches" not in manifest.table.columns:
            raise ValueError(
                f"relevance needs a manifest with the column {modality}_stretches, "
                f"got {manifest.root}"
            )
    rows = manifest.table.to_dict("records")
    videos = [_of_video(row, config, num_segments) for row in rows]
    return torch.from_numpy(np.stack(videos)).float()


def _of_video(row: dict[Any, Any], config: Config, num_segments: int) -> np.ndarray[Any, Any]:
    fps, rgb = row["fps"], config.rgb
    starts = even_starts(frame_count(row["duration_s"], fps), num_segments, rgb)
    frames_s = ((rgb.frames - 1) * rgb.frame_stride + 1) / fps
    windows = {
        "rgb": (starts / fps, frames_s),
        "audio": (audio_starts(starts, fps, rgb, config.audio.seconds), config.audio.seconds),
    }
    shares = []
    for modality in config.modalities:
        begin, length = windows[modality]
        carried = sum(
            np.clip(
                np.minimum(begin + length, s["end_s"]) - np.maximum(begin, s["start_s"]), 0, None
            )
            for s in row[f"{modality}_stretches"]
            if s["state"] == "carries"
        )
        shares.append(np.broadcast_to(carried / length, starts.shape))
    return np.stack(shares, axis=-1) >= 0.5 - 1e-9
