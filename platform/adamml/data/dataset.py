"""Videos as tensors of segments, and batches of them: functions of seed, epoch and index."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from adamml.config import MODALITIES, Config
from adamml.data.cache.frames import FrameSource
from adamml.data.clips import Clips
from adamml.data.loading import read_ahead
from adamml.data.manifest import Manifest
from adamml.data.modalities.segments import even_starts, frame_count, train_starts
from adamml.data.modalities.visual import Crop, even_crops, train_crops
from adamml.data.relevance import relevant, require_relevance

Item = dict[str, Tensor]


class SegmentDataset(Dataset[Item]):
    """A split's readable videos.

    Item: of config.inputs, visual modalities as float32 [S, F, C, H, W], "audio" [S, 1, 1, B, T],
    "draws" (uniform in [0, 1), for the random policy) and "relevance" [S, M]; "index", int64 [];
    and "label": int64 [], or with config.data.quality "map" float32 [K], 1 at each of its classes.
    In training, segments, sizes, crops and flips are drawn from (seed, epoch, index)
    alone; draws always are.
    """

    def __init__(
        self,
        manifest: Manifest,
        config: Config,
        *,
        num_segments: int,
        training: bool,
        frames: FrameSource,
    ) -> None:
        """
        Args:
            manifest: what to read; the videos in frames.bad are left out.

        Raises:
            ValueError: as check_labels, or no readable video.
        """
        readable = ~manifest.table["id"].isin(list(frames.bad))
        self.manifest = manifest if readable.all() else manifest.select(readable)
        """The videos here; index is a row of its table."""
        if not len(self.manifest):
            raise ValueError(f"a split must have a readable video, got none in {manifest.root}")
        self.labels = _labels(self.manifest, config)
        """int64 [N], or with data.quality "map" float32 [N, K]: 1 at each class of a video."""
        self.config, self.num_segments, self.training = config, num_segments, training
        self.epoch = 0
        self._frames = frames
        table = self.manifest.table
        self._rows = []
        if "relevance" in config.inputs:
            require_relevance(self.manifest, config)
            self._rows = table.to_dict("records")
        self._videos = list(zip(table["id"], table["duration_s"], table["fps"], strict=True))
        self.decodes = not all(map(frames.kept, table["id"]))
        """Whether a video is read from its file, not from the decoded cache."""

    def set_epoch(self, epoch: int) -> None:
        """Random draws and the order of batches follow from it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._videos)

    def __getitem__(self, index: int) -> Item:
        name, duration_s, fps = self._videos[index]
        rng = np.random.default_rng((self.config.seed, self.epoch, index))
        total, rgb = frame_count(duration_s, fps), self.config.rgb
        starts = (
            train_starts(total, self.num_segments, rgb, rng)
            if self.training
            else even_starts(total, self.num_segments, rgb)
        )
        clips = Clips(self.config, self._frames, name, starts, total, fps)
        crops = partial(self._crops, rng)
        item = {m: clips.read(m, crops) for m in self.config.inputs if m in MODALITIES}
        if "draws" in self.config.inputs:
            drawn = rng.random((self.num_segments, len(self.config.modalities)))
            item["draws"] = torch.from_numpy(drawn).float()
        if "relevance" in self.config.inputs:
            row = self._rows[index]
            item["relevance"] = torch.from_numpy(relevant(row, starts, self.config)).float()
        return item | {"label": self.labels[index], "index": torch.tensor(index)}

    def _crops(self, rng: np.random.Generator, stored: tuple[int, int]) -> list[Crop]:
        if self.training:
            return train_crops(self.num_segments, stored, self.config.rgb, rng)
        return even_crops(self.num_segments, stored, self.config.rgb)


def check_labels(manifest: Manifest, config: Config) -> None:
    """
    Raises:
        ValueError: a label that config.data.num_classes does not cover, or several without mAP.
    """
    highest = max((label for labels in manifest.labels for label in labels), default=0)
    if highest >= config.data.num_classes:
        raise ValueError(
            f"data.num_classes must be above every label of {manifest.root}, "
            f"got {config.data.num_classes} and label {highest}"
        )
    several = next((labels for labels in manifest.labels if len(labels) > 1), None)
    if several and config.data.quality != "map":
        raise ValueError(
            f"data.quality must be 'map' where videos have several labels, got "
            f"{config.data.quality!r} and {several} in {manifest.root}"
        )


def _labels(manifest: Manifest, config: Config) -> Tensor:
    check_labels(manifest, config)
    known = manifest.labels
    if config.data.quality != "map":
        return torch.tensor([label for (label,) in known])
    rows = torch.tensor([row for row, labels in enumerate(known) for _ in labels])
    columns = torch.tensor([label for labels in known for label in labels])
    shape = len(known), config.data.num_classes
    return torch.zeros(shape).index_put((rows, columns), torch.ones(()))


def per_rank(batch_size: int, world_size: int) -> int:
    """How many videos of a batch each rank takes.

    Raises:
        ValueError: batch_size is below world_size.
    """
    if batch_size < world_size:
        raise ValueError(f"batch_size must be at least world_size {world_size}, got {batch_size}")
    return batch_size // world_size


def batches(
    dataset: SegmentDataset,
    *,
    batch_size: int,
    shuffle_seed: int | None,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Item]:
    """One epoch of this rank's batches.

    Shuffled: the order follows from (shuffle_seed, the dataset's epoch); every rank gets as many
    videos in as many batches as the others; what does not fill a last batch is left out. In order
    (shuffle_seed None): every video once, rank r has videos r, r + world_size, ...

    data.decoder_threads read ahead of the caller: as many where videos must be decoded, one where
    all are in the cache. The numbers are the same, whatever their number.

    Args:
        batch_size: videos per step, over all ranks together.

    Raises:
        ValueError: batch_size is below world_size.
    """
    local = per_rank(batch_size, world_size)
    plan = _plan(dataset, local, shuffle_seed, rank, world_size)
    threads = dataset.config.data.decoder_threads
    threads = threads if dataset.decodes else min(threads, 1)
    if threads == 0:
        return (default_collate([dataset[row] for row in rows]) for rows in plan)
    return read_ahead(plan, dataset.__getitem__, default_collate, threads=threads)


def _plan(
    dataset: SegmentDataset, size: int, shuffle_seed: int | None, rank: int, world_size: int
) -> list[list[int]]:
    """The rows of each of this rank's batches."""
    if shuffle_seed is None:
        own = np.arange(len(dataset))[rank::world_size]
        return [own[i : i + size].tolist() for i in range(0, len(own), size)]
    order = np.random.default_rng((shuffle_seed, dataset.epoch)).permutation(len(dataset))
    own = np.resize(order, -(-len(order) // world_size) * world_size)[rank::world_size]
    whole = max(len(own) // size, 1)
    return [own[i * size : (i + 1) * size].tolist() for i in range(whole)]
