"""Flow and differences through cache and dataset, and what policies read of a video."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from adamml.config import Config, override
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest
from adamml.data.relevance import relevance
from adamml.recipes import tiny

STACK = 2  # the tiny recipe's


@pytest.fixture
def config() -> Config:
    return tiny(("rgb", "audio", "flow"))


def dataset(data: Manifest, config: Config, training: bool = True) -> SegmentDataset:
    part = data.split("train")
    frames = open_frames(part, config)
    return SegmentDataset(part, config, num_segments=3, training=training, frames=frames)


def test_motion_is_stacked_per_frame(small_data: Manifest, config: Config) -> None:
    item = dataset(small_data, config)[0]
    assert item["flow"].shape == (3, 4, 2 * STACK, 24, 24)
    assert item["rgbdiff"].shape == (3, 4, 3 * STACK, 24, 24)
    for name in ("flow", "rgbdiff"):
        assert item[name].isfinite().all()
        assert item[name].std() > 0.01, f"{name} shows that something moves"


def test_only_the_proxy_of_a_policy_that_learns_is_read(
    small_data: Manifest, config: Config
) -> None:
    always_on = override(config, {"policy.kind": "always_on"})
    assert "rgbdiff" not in dataset(small_data, always_on)[0]
    itself = override(config, {"policy.proxies.flow": "flow"})
    assert "rgbdiff" not in dataset(small_data, itself)[0]


def test_cached_flow_equals_flow_made_on_reading(
    small_data: Manifest, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached = dataset(small_data, config, training=False)[1]["flow"]
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    made = dataset(small_data, config, training=False)[1]["flow"]
    assert torch.equal(cached, made)


def test_behind_the_end_nothing_moves(
    write_media: Callable[..., Path], make_manifest: Callable[..., Manifest], tmp_path: Path
) -> None:
    """A video that only gets brighter has flow of 0 and differences that stop with it."""
    config = override(tiny(("rgb", "flow")), {"data.num_classes": 2})
    (tmp_path / "data").mkdir()
    write_media(tmp_path / "data/a.mp4", times=[i / 25 for i in range(20)])
    manifest = make_manifest(["a.mp4"], duration_s=[0.8])
    frames = open_frames(manifest, config)
    item = SegmentDataset(manifest, config, num_segments=1, training=False, frames=frames)[0]
    still = (127 / 255 - torch.tensor(config.rgb.mean)) / torch.tensor(config.rgb.std)
    last = item["rgbdiff"][0, 2]  # frame 16 is the last that is stored, 20 the next
    torch.testing.assert_close(last[:3, 0, 0], still)
    assert (item["rgbdiff"][0, 0, :3, 0, 0] > still).all()


def test_relevance_and_draws_come_with_the_videos(small_data: Manifest) -> None:
    oracle = override(tiny(), {"policy.kind": "oracle"})
    items = dataset(small_data, oracle, training=False)
    expected = relevance(small_data.split("train"), oracle, 3)
    items_relevance = torch.stack([items[n]["relevance"] for n in range(len(items))])
    assert torch.equal(items_relevance, expected)
    assert items_relevance.min() < items_relevance.max()
    random = dataset(small_data, override(tiny(), {"policy.kind": "random"}))
    first = random[0]["draws"]
    assert first.shape == (3, 2)
    assert torch.equal(random[0]["draws"], first)
    assert not torch.equal(random[1]["draws"], first)
    random.set_epoch(1)
    assert not torch.equal(random[0]["draws"], first)


def test_motion_is_relevant_where_the_moving_thing_is_seen(small_data: Manifest) -> None:
    with_motion = relevance(small_data, tiny(("rgb", "flow")), 5)
    assert torch.equal(with_motion[..., 0], with_motion[..., 1])
