"""Ground truth for policies: the segments and modalities that carry evidence, by the manifest."""

from collections.abc import Container
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adamml.config import MOTION, VISUAL, Config
from adamml.data.manifest import Manifest
from adamml.data.modalities.segments import audio_starts, even_starts, frame_count


def relevance(manifest: Manifest, config: Config, num_segments: int) -> Tensor:
    """Return 1 where at least half of a modality's view of a segment carries evidence, else 0.

    The view of a visual modality lasts from the segment's first to its last frame; that of audio is
    the window of its spectrogram. Segments are spaced evenly, as in evaluation.

    Args:
        manifest: the videos, with stretches of evidence.
        config: sizes of segments, and the modalities.
        num_segments: number of segments per video.

    Returns:
        float32 [N, S, M], rows as in the manifest, M in the order of config.modalities.

    Raises:
        ValueError: the manifest lacks a modality's column of stretches.
    """
    require_relevance(manifest, config)
    rows = manifest.table.to_dict("records")
    videos = []
    for row in rows:
        total = frame_count(row["duration_s"], row["fps"])
        videos.append(relevant(row, even_starts(total, num_segments, config.rgb), config))
    return torch.from_numpy(np.stack(videos)).float()


def require_relevance(manifest: Manifest, config: Config) -> None:
    """Raise if the manifest does not say where every modality's evidence is.

    Raises:
        ValueError: a modality's column of stretches is missing; the message names it.
    """
    for modality in config.modalities:
        if _column(manifest.table.columns, modality) is None:
            raise ValueError(
                f"relevance needs a manifest with the column {modality}_stretches, "
                f"got {manifest.root}"
            )


def relevance_known(manifest: Manifest, config: Config) -> bool:
    """Return whether the manifest says where every modality's evidence is."""
    return all(_column(manifest.table.columns, m) is not None for m in config.modalities)


def _column(columns: Container[str], modality: str) -> str | None:
    """Return the name of a modality's column of stretches; None if there is none.

    Flow and rgbdiff show a moving object while rgb shows it, so rgb's column serves for them if
    they have none.
    """
    names = [modality, "rgb"] if modality in MOTION else [modality]
    return next((f"{m}_stretches" for m in names if f"{m}_stretches" in columns), None)


def relevant(row: dict[Any, Any], starts: NDArray[np.int64], config: Config) -> NDArray[np.bool_]:
    """Return the relevance of one video's segments: [S, M].

    Args:
        row: a row of the manifest, with stretches for every modality.
        starts: [S], first frame of each segment.
        config: sizes of segments, and the modalities.
    """
    fps, rgb = row["fps"], config.rgb
    frames_s = ((rgb.frames - 1) * rgb.frame_stride + 1) / fps
    # Modality -> beginnings [S] and length of its view, in seconds.
    views = {
        **dict.fromkeys(VISUAL, (starts / fps, frames_s)),
        "audio": (audio_starts(starts, fps, rgb, config.audio.seconds), config.audio.seconds),
    }
    shares = []
    for modality in config.modalities:
        begin, length = views[modality]
        column = _column(row, modality)
        assert column is not None
        # Stretches do not overlap, so their common times with a view add up.
        carried = sum(
            np.clip(
                np.minimum(begin + length, s["end_s"]) - np.maximum(begin, s["start_s"]), 0, None
            )
            for s in row[column]
            if s["state"] == "carries"
        )
        # A video without stretches has the sum 0, a scalar: hence the broadcast.
        shares.append(np.broadcast_to(carried / length, starts.shape))
    # A little below one half, so that rounding does not decide about exact halves.
    return np.asarray(np.stack(shares, axis=-1) >= 0.5 - 1e-9)
