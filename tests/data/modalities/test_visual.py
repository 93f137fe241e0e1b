from dataclasses import replace

import numpy as np
import pytest
import torch
from adamml.config import RgbConfig, override
from adamml.data.modalities.visual import cut, differences, even_crops, normalise, train_crops
from adamml.recipes import kinetics_sounds

RGB = RgbConfig(frames=3, frame_stride=4, crop=24, train_short_side=(26, 30), test_short_side=28)
CONFIG = replace(kinetics_sounds(("rgb", "flow")), rgb=RGB)


def _still_clips(height: int = 30, width: int = 40) -> torch.Tensor:
    """Two segments of three equal frames."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, size=(2, 1, 3, height, width), dtype=np.uint8)
    return torch.from_numpy(np.repeat(frames, 3, axis=1))


def trained(clips: torch.Tensor, seed: int, modality: str = "rgb") -> torch.Tensor:
    crops = train_crops(len(clips), tuple(clips.shape[-2:]), RGB, np.random.default_rng(seed))
    return cut(clips, crops, RGB.crop, modality)


def even(clips: torch.Tensor, rgb: RgbConfig = RGB) -> torch.Tensor:
    return cut(clips, even_crops(len(clips), tuple(clips.shape[-2:]), rgb), rgb.crop, "rgb")


def test_augmentation_is_the_same_for_the_frames_of_a_segment_and_differs_between_segments() -> (
    None
):
    clips = _still_clips()
    clips[1] = clips[0]
    out = trained(clips, 0)
    assert out.shape == (2, 3, 3, 24, 24)
    assert (out[:, 0] == out[:, 1]).all()
    assert (out[:, 0] == out[:, 2]).all()
    assert not torch.equal(out[0], out[1])


def test_half_of_the_segments_are_flipped() -> None:
    ramp = torch.arange(30, dtype=torch.uint8).mul(8).expand(1, 3, 3, 30, 30)
    clips = [trained(ramp, seed) for seed in range(100)]
    flips = [bool(clip[0, 0, 0, 0, 0] > clip[..., -1].min()) for clip in clips]
    assert 30 < sum(flips) < 70


def test_visual_modalities_of_a_segment_are_cut_alike() -> None:
    frames = _still_clips()
    for seed in range(8):
        rgb, same = trained(frames, seed), trained(frames, seed, "rgbdiff")
        assert torch.equal(rgb, same)


def test_a_mirrored_flow_points_the_other_way() -> None:
    """x changes its sign, y does not, and both are mirrored in place."""
    flow = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, size=(1, 3, 4, 30, 40), dtype=np.uint8)
    )
    crops = even_crops(1, (30, 40), RGB)
    mirrored = cut(flow, [replace(crops[0], flip=True)], 24, "flow")
    plain = cut(flow, crops, 24, "flow")
    assert torch.equal(mirrored[:, :, 1::2], plain[:, :, 1::2].flip(-1))
    assert torch.equal(mirrored[:, :, ::2], 255 - plain[:, :, ::2].flip(-1))


def test_even_crop_is_the_normalised_centre() -> None:
    rgb = replace(RGB, test_short_side=30)
    clips = _still_clips()
    expected = clips[..., 3:27, 8:32].float() / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (rgb.mean, rgb.std))
    normal = normalise(even(clips, rgb), CONFIG, "rgb")
    torch.testing.assert_close(normal, (expected - mean) / std)


def test_flow_and_differences_have_their_own_normalisation() -> None:
    """No motion is about 0: 128 of 255 for flow, 127 for a difference, whose mean is rgb's."""
    flow = normalise(torch.full((1, 2, 10, 4, 4), 128, dtype=torch.uint8), CONFIG, "flow")
    torch.testing.assert_close(flow, torch.full_like(flow, (128 / 255 - 0.5) / 0.226))
    stack = normalise(torch.zeros(1, 2, 15, 4, 4, dtype=torch.uint8), CONFIG, "rgbdiff")
    expected = -torch.tensor(RGB.mean) / torch.tensor(RGB.std)
    torch.testing.assert_close(stack[0, 0, :, 0, 0], expected.repeat(5))


def test_differences_are_halved_around_the_middle() -> None:
    frames = np.zeros((1, 1, 3, 3, 2, 2), np.uint8)
    frames[0, 0, 1] = 255
    halved = differences(frames)
    assert halved.shape == (1, 1, 6, 2, 2)
    assert (halved[0, 0, :3] == 255).all()
    assert (halved[0, 0, 3:] == 0).all()
    assert (differences(np.full_like(frames, 7)) == 127).all()


@pytest.mark.parametrize("shape", [(30, 40), (40, 30), (26, 26), (20, 90)])
def test_any_stored_size_gives_the_crop(shape: tuple[int, int]) -> None:
    clips = _still_clips(*shape)
    assert even(clips).shape == (2, 3, 3, 24, 24)
    assert trained(clips, 1).shape == (2, 3, 3, 24, 24)


def test_motion_must_fall_on_stored_frames() -> None:
    with pytest.raises(ValueError, match=r"must divide motion\.step"):
        override(CONFIG, {"rgb.stored_every": 2})
