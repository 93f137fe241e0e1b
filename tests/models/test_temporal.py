"""Temporal max-pooling equals MaxPool3d, frame slices or not."""

import pytest
import torch
from adamml.models.temporal import pooled_features, temporal_max_pool
from torch import nn


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8])
def test_equals_max_pool_3d_over_time_forward_and_backward(frames: int) -> None:
    torch.manual_seed(frames)
    ours = torch.randn(2 * frames, 3, 4, 5, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    pool = nn.MaxPool3d(kernel_size=(3, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0))
    expected = pool(theirs.reshape(frames, 2, 3, 4, 5).movedim(0, 2)).movedim(2, 0)
    pooled, left = temporal_max_pool(ours, frames)
    assert left == expected.shape[0] == (frames + 1) // 2
    assert torch.equal(pooled, expected.flatten(0, 1))
    weights = torch.randn_like(pooled)
    (pooled * weights).sum().backward()
    (expected.flatten(0, 1) * weights).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad)


def test_videos_do_not_mix() -> None:
    maps = torch.arange(8.0).reshape(8, 1, 1, 1)
    pooled, left = temporal_max_pool(maps, 4)
    assert left == 2
    assert pooled.flatten().tolist() == [2, 3, 6, 7]


def test_features_are_means_over_space_and_frames() -> None:
    maps = torch.randn(6, 5, 2, 3)
    expected = maps.reshape(3, 2, 5, 6).mean(dim=(0, 3))
    assert torch.allclose(pooled_features(maps, 3), expected, atol=1e-6)


def test_channels_last_survives() -> None:
    maps = torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    pooled, _ = temporal_max_pool(maps, 4)
    assert pooled.is_contiguous(memory_format=torch.channels_last)
