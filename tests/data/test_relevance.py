from collections.abc import Callable

import pytest
import torch
from adamml.config import Config
from adamml.data.manifest import Manifest, load_manifest
from adamml.data.relevance import relevance


def _stretch(start_s: float, end_s: float, state: str) -> dict[str, object]:
    return {"start_s": start_s, "end_s": end_s, "state": state}


def test_half_of_the_window_makes_a_segment_relevant(
    make_manifest: Callable[..., Manifest], config: Config
) -> None:
    """Segments of 1.28 s start at 0, 1.28 and 2.72 s; their frames span 1.0 s."""
    carried = [
        [_stretch(0, 0.52, "carries"), _stretch(0.52, 4, "misleads")],
        [_stretch(0, 1.9, "empty"), _stretch(1.9, 2.72, "carries"), _stretch(2.72, 4, "empty")],
    ]
    manifest = make_manifest(["a", "b"], rgb_stretches=carried, audio_stretches=carried[::-1])
    shares = relevance(load_manifest(manifest.root), config, 3)
    assert shares.dtype == torch.float32
    assert shares[:, :, 0].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert shares[:, :, 1].tolist() == [[0, 1, 0], [0, 0, 0]]


def test_every_built_in_video_has_a_relevant_segment_in_each_modality(
    small_data: Manifest, config: Config
) -> None:
    shares = relevance(small_data, config, config.data.test_segments)
    assert shares.shape == (len(small_data), 3, 2)
    assert (shares.sum(1) >= 1).all()


def test_manifest_without_stretches_is_refused(
    make_manifest: Callable[..., Manifest], config: Config
) -> None:
    with pytest.raises(ValueError, match="column rgb_stretches"):
        relevance(make_manifest(["a"]), config, 3)
