import numpy as np
import pytest
from adamml.config import RgbConfig
from adamml.data.modalities.segments import (
    audio_starts,
    clip_length,
    even_starts,
    frame_count,
    frame_indices,
    train_starts,
)

RGB = RgbConfig(frames=4, frame_stride=8, stored_every=4)


@pytest.mark.parametrize(("seconds", "segments"), [(8.0, 5), (4.0, 3)])
def test_even_segments_of_the_recipes_do_not_overlap(seconds: float, segments: int) -> None:
    total = frame_count(seconds, 25)
    starts = even_starts(total, segments, RGB)
    assert (np.diff(starts) >= clip_length(RGB)).all()
    assert (starts[0], starts[-1]) == (0, total - clip_length(RGB))


def test_training_starts_lie_one_in_each_equal_range_and_differ_by_draw() -> None:
    rng = np.random.default_rng(0)
    drawn = np.stack([train_starts(200, 3, RGB, rng) for _ in range(500)])
    edges = np.linspace(0, 169, 4)
    assert (drawn >= np.floor(edges[:-1] / 4) * 4).all()
    assert (drawn < edges[1:]).all()
    assert (drawn % RGB.stored_every == 0).all()
    assert all(len(np.unique(column)) > 10 for column in drawn.T)
    assert drawn.max() == 168


def test_frames_are_a_stride_apart() -> None:
    np.testing.assert_array_equal(
        frame_indices(np.array([0, 40]), 200, RGB), [[0, 8, 16, 24], [40, 48, 56, 64]]
    )


def test_a_video_shorter_than_a_segment_repeats() -> None:
    starts = even_starts(20, 2, RGB)
    np.testing.assert_array_equal(starts, [0, 0])
    np.testing.assert_array_equal(frame_indices(starts, 20, RGB)[0], [0, 8, 16, 4])
    np.testing.assert_array_equal(train_starts(20, 2, RGB, np.random.default_rng(0)), [0, 0])


def test_a_single_even_segment_is_the_middle() -> None:
    np.testing.assert_array_equal(even_starts(200, 1, RGB), [84])


def test_sound_is_around_the_middle_of_the_segment() -> None:
    assert audio_starts(np.array([40]), 25.0, RGB, 1.28) == pytest.approx(40 / 25)
    assert audio_starts(np.array([0]), 25.0, RGB, 2.0) == pytest.approx(0.64 - 1.0)
