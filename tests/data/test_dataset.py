from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import Config
from adamml.data.cache.opening import FrameSource, open_frames
from adamml.data.dataset import SegmentDataset, batches
from adamml.data.manifest import Manifest
from adamml.recipes import tiny


@pytest.fixture(scope="module")
def frames(small_data: Manifest, tmp_path_factory: pytest.TempPathFactory) -> FrameSource:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAMML_CACHE", str(tmp_path_factory.mktemp("cache")))
        return open_frames(small_data, tiny())


def _train(small_data: Manifest, config: Config, frames: FrameSource) -> SegmentDataset:
    return SegmentDataset(
        small_data.split("train"), config, num_segments=2, training=True, frames=frames
    )


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


def test_items_have_the_contracted_shapes(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    item = _train(small_data, config, frames)[3]
    assert item["rgb"].shape == (2, 4, 3, 24, 24)
    assert item["audio"].shape == (2, 1, 1, 64, 64)
    assert item["rgb"].dtype == item["audio"].dtype == torch.float32
    assert (item["label"].dtype, item["label"].shape) == (torch.int64, ())
    assert (int(item["label"]), int(item["index"])) == (3, 3)


def test_only_the_configs_modalities_are_read(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    item = _train(small_data, replace(config, modalities=("audio",)), frames)[0]
    assert sorted(item) == ["audio", "index", "label"]


def test_randomness_follows_from_seed_epoch_and_index_alone(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    dataset = _train(small_data, config, frames)
    first = dataset[0]
    torch.manual_seed(9)
    dataset[5]
    assert _same(dataset[0], first)
    dataset.set_epoch(1)
    assert not torch.equal(dataset[0]["rgb"], first["rgb"])
    dataset.set_epoch(0)
    assert _same(dataset[0], first)
    other = _train(small_data, replace(config, seed=1), frames)
    assert not torch.equal(other[0]["rgb"], first["rgb"])


def test_evaluation_does_not_change_with_epoch_or_seed(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    part = small_data.split("test")
    one = SegmentDataset(part, config, num_segments=3, training=False, frames=frames)
    seeded = replace(config, seed=7)
    other = SegmentDataset(part, seeded, num_segments=3, training=False, frames=frames)
    other.set_epoch(4)
    assert _same(one[2], other[2])


def test_bad_videos_are_left_out_and_index_is_a_row_of_what_is_left(
    make_manifest: Callable[..., Manifest], write_media: Callable[..., Path], config: Config
) -> None:
    manifest = make_manifest(["0.mp4", "1.mp4", "2.mp4"])
    write_media(manifest.path(0), sound=False)
    write_media(manifest.path(2))
    lenient = replace(config, data=replace(config.data, max_bad_fraction=0.5))
    frames = open_frames(manifest, lenient)
    dataset = SegmentDataset(manifest, lenient, num_segments=3, training=False, frames=frames)
    assert dataset.manifest.table["id"].tolist() == ["v0", "v2"]
    assert dataset.labels.tolist() == [0, 0]
    assert int(dataset[1]["index"]) == 1
    silence = dataset[0]["audio"]
    assert torch.equal(silence, silence.new_full(silence.shape, silence.flatten()[0].item()))
    assert len(dataset[1]["audio"].unique()) > 100


def test_labels_for_map_are_multi_hot(
    make_manifest: Callable[..., Manifest], write_media: Callable[..., Path], config: Config
) -> None:
    made = make_manifest(["0.mp4", "1.mp4"])
    for row in range(2):
        write_media(made.path(row))
    rows = made.table.drop(columns="label").assign(labels=[[1], [0, 2]])
    manifest = replace(made, table=rows, quality="map")
    several = replace(config, data=replace(config.data, quality="map", num_classes=3))
    frames = open_frames(manifest, several)
    dataset = SegmentDataset(manifest, several, num_segments=3, training=False, frames=frames)
    assert dataset.labels.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert dataset[1]["label"].tolist() == [1, 0, 1]
    one = replace(config, data=replace(config.data, num_classes=3))
    with pytest.raises(
        ValueError, match=r"data.quality must be 'map' .* got 'accuracy' and \(0, 2\)"
    ):
        SegmentDataset(manifest, one, num_segments=3, training=False, frames=frames)


def test_damage_that_shows_late_gives_black_frames_not_a_crash(
    make_manifest: Callable[..., Manifest],
    write_media: Callable[..., Path],
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    manifest = make_manifest(["0.mp4"])
    write_media(manifest.path(0))
    frames = open_frames(manifest, config)
    dataset = SegmentDataset(manifest, config, num_segments=3, training=False, frames=frames)
    manifest.path(0).write_text("gone")
    assert dataset[0]["rgb"].shape == (3, 4, 3, 24, 24)
    assert "not a readable video" in frames.bad["v0"]


def test_too_few_classes_are_refused(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    few = replace(config, data=replace(config.data, num_classes=7))
    with pytest.raises(ValueError, match=r"data.num_classes must be above .* got 7 and label 7"):
        _train(small_data, few, frames)


def test_batches_in_order_have_every_video_once_over_all_ranks(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    dataset = _train(small_data, config, frames)
    for world_size in (1, 3):
        ranks = [
            torch.cat(
                [
                    batch["index"]
                    for batch in batches(
                        dataset, batch_size=4, shuffle_seed=None, rank=r, world_size=world_size
                    )
                ]
            )
            for r in range(world_size)
        ]
        for rank, rows in enumerate(ranks):
            assert rows.tolist() == list(range(10))[rank::world_size]


def test_shuffled_batches_are_equal_in_number_and_size_on_every_rank(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    dataset = _train(small_data, config, frames)

    def rows(rank: int, world_size: int) -> list[list[int]]:
        epoch = batches(dataset, batch_size=4, shuffle_seed=5, rank=rank, world_size=world_size)
        return [batch["index"].tolist() for batch in epoch]

    assert [len(b) for b in rows(0, 1)] == [4, 4]
    assert [len(b) for b in rows(0, 2)] == [len(b) for b in rows(1, 2)] == [2, 2]
    assert not {i for b in rows(0, 2) for i in b} & {i for b in rows(1, 2) for i in b}
    first = rows(0, 1)
    assert rows(0, 1) == first
    dataset.set_epoch(1)
    assert rows(0, 1) != first


def test_a_split_smaller_than_a_batch_is_one_batch(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    dataset = _train(small_data, config, frames)
    [batch] = batches(dataset, batch_size=64, shuffle_seed=0)
    assert batch["rgb"].shape == (10, 2, 4, 3, 24, 24)


def test_batch_smaller_than_the_workers_is_refused(
    small_data: Manifest, config: Config, frames: FrameSource
) -> None:
    dataset = _train(small_data, config, frames)
    with pytest.raises(ValueError, match="batch_size must be at least world_size 4, got 2"):
        next(batches(dataset, batch_size=2, shuffle_seed=0, world_size=4))
