"""Recognition networks classify each segment on its own."""

import torch
from adamml.models.recognition import build_recognition
from adamml.models.shapes import segment_shape
from adamml.recipes import kinetics_sounds, tiny


def test_one_vector_of_logits_per_segment() -> None:
    config = tiny()
    for modality in config.modalities:
        clips = torch.randn(2, 3, *segment_shape(config, modality))
        assert build_recognition(config, modality, 8)(clips).shape == (2, 3, 8)


def test_segments_do_not_see_each_other() -> None:
    config = tiny()
    net = build_recognition(config, "rgb", 8).eval()
    clips = torch.randn(2, 3, *segment_shape(config, "rgb"))
    with torch.no_grad():
        assert torch.allclose(net(clips)[1:, 2:], net(clips[1:, 2:]), atol=1e-5)


def test_published_shapes() -> None:
    config = kinetics_sounds()
    assert segment_shape(config, "rgb") == (8, 3, 224, 224)
    assert segment_shape(config, "audio") == (1, 1, 256, 256)
