"""Where the manifest says that a modality carries evidence, per evenly spaced segment."""

from collections.abc import Container
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamml.config import MOTION, VISUAL, Config
from adamml.data.manifest import Manifest
from adamml.data.modalities.segments import audio_starts, even_starts, frame_count

Array = np.ndarray[Any, Any]


def relevance(manifest: Manifest, config: Config, num_segments: int) -> Tensor:
    """1 where at least half of what a modality sees of a segment carries evidence.

    Visual modalities see the time from their first to their last frame, audio the window of its
    spectrogram.

    Returns:
        float32 [N, S, M], rows as in the manifest, M in the order of config.modalities.

    Raises:
        ValueError: the manifest does not say where a modality's evidence is.
    """
    require_relevance(manifest, config)
    rows = manifest.table.to_dict("records")
    videos = []
    for row in rows:
        total = frame_count(row["duration_s"], row["fps"])
        videos.append(relevant(row, even_starts(total, num_segments, config.rgb), config))
    return torch.from_numpy(np.stack(videos)).float()


def require_relevance(manifest: Manifest, config: Config) -> None:
    """
    Raises:
        ValueError: the manifest does not say where a modality's evidence is; names the column.
    """
    for modality in config.modalities:
        if _column(manifest.table.columns, modality) is None:
            raise ValueError(
                f"relevance needs a manifest with the column {modality}_stretches, "
                f"got {manifest.root}"
            )


def relevance_known(manifest: Manifest, config: Config) -> bool:
    """Whether the manifest says where the evidence of every modality is."""
    return all(_column(manifest.table.columns, m) is not None for m in config.modalities)


def _column(columns: Container[str], modality: str) -> str | None:
    """Motion is where the moving thing is seen, unless the manifest knows better."""
    names = [modality, "rgb"] if modality in MOTION else [modality]
    return next((f"{m}_stretches" for m in names if f"{m}_stretches" in columns), None)


def relevant(row: dict[Any, Any], starts: Array, config: Config) -> Array:
    """Of one video: bool [S, M].

    Args:
        row: of the manifest.
        starts: [S], the segments' first frames.
    """
    fps, rgb = row["fps"], config.rgb
    frames_s = ((rgb.frames - 1) * rgb.frame_stride + 1) / fps
    windows = {
        **dict.fromkeys(VISUAL, (starts / fps, frames_s)),
        "audio": (audio_starts(starts, fps, rgb, config.audio.seconds), config.audio.seconds),
    }
    shares = []
    for modality in config.modalities:
        begin, length = windows[modality]
        column = _column(row, modality)
        assert column is not None
        carried = sum(
            np.clip(
                np.minimum(begin + length, s["end_s"]) - np.maximum(begin, s["start_s"]), 0, None
            )
            for s in row[column]
            if s["state"] == "carries"
        )
        shares.append(np.broadcast_to(carried / length, starts.shape))
    return np.asarray(np.stack(shares, axis=-1) >= 0.5 - 1e-9)
