"""Items and batches of a split, as functions of seed, epoch and index alone."""

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
"""Name of an input -> tensor, of one video or, with a leading [N], of a batch."""


class SegmentDataset(Dataset[Item]):
    """The readable videos of a split, each as the tensors of its segments.

    An item holds the inputs that config.inputs names, and the answer:

    - a visual modality: float32 [S, F, C, H, W]; "audio": float32 [S, 1, 1, B, T];
    - "draws": float32 [S, M], uniform in [0, 1), for the random policy;
    - "relevance": float32 [S, M], 1 where the manifest says that the evidence is;
    - "label": int64 [], or with config.data.quality "map" float32 [K], 1 at each class;
    - "index": int64 [], the video's row in self.manifest.

    In training, segments, sizes, crops and flips are drawn from (seed, epoch, index) alone. In
    evaluation only "draws" are random, from the same three numbers.
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
        """Leave out the unreadable videos, and check that the labels suit the config.

        Args:
            manifest: the split.
            config: a complete config.
            num_segments: number of segments per video.
            training: True draws segments and crops at random; False takes even segments and
                central crops.
            frames: the opened videos; those in frames.bad are left out.

        Raises:
            ValueError: no video is readable, a label does not suit the config (check_labels), or
                the config reads relevance, which the manifest does not give.
        """
        readable = ~manifest.table["id"].isin(list(frames.bad))
        self.manifest = manifest if readable.all() else manifest.select(readable)
        """The videos of this dataset; an item's index is a row of its table."""
        if not len(self.manifest):
            raise ValueError(f"a split must have a readable video, got none in {manifest.root}")
        self.labels = _labels(self.manifest, config)
        """Labels, int64 [N], or with data.quality "map" float32 [N, K]: 1 at each class."""
        self.config, self.num_segments, self.training = config, num_segments, training
        self.epoch = 0
        self._frames = frames
        table = self.manifest.table
        self._rows = []
        if "relevance" in config.inputs:
            require_relevance(self.manifest, config)
            self._rows = table.to_dict("records")
        self._videos = list(zip(table["id"], table["duration_s"], table["fps"], strict=True))
        self.decodes = not all(frames[name].in_cache for name in table["id"])
        """True if a video is decoded on every read, because the cache is full."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch that random draws and the order of batches follow from."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of videos."""
        return len(self._videos)

    def __getitem__(self, index: int) -> Item:
        """Return the item of a video."""
        name, duration_s, fps = self._videos[index]
        # One generator per item: the order of the draws below is part of what a seed means.
        rng = np.random.default_rng((self.config.seed, self.epoch, index))
        total, rgb = frame_count(duration_s, fps), self.config.rgb
        starts = (
            train_starts(total, self.num_segments, rgb, rng)
            if self.training
            else even_starts(total, self.num_segments, rgb)
        )
        clips = Clips(self.config, self._frames[name], starts, total, fps)
        crops = partial(self._crops, rng)
        item = {m: clips.read(m, crops) for m in self.config.inputs if m in MODALITIES}
        if "draws" in self.config.inputs:
            draws = rng.random((self.num_segments, len(self.config.modalities)))
            item["draws"] = torch.from_numpy(draws).float()
        if "relevance" in self.config.inputs:
            row = self._rows[index]
            item["relevance"] = torch.from_numpy(relevant(row, starts, self.config)).float()
        return item | {"label": self.labels[index], "index": torch.tensor(index)}

    def _crops(self, rng: np.random.Generator, stored: tuple[int, int]) -> list[Crop]:
        if self.training:
            return train_crops(self.num_segments, stored, self.config.rgb, rng)
        return even_crops(self.num_segments, stored, self.config.rgb)


def check_labels(manifest: Manifest, config: Config) -> None:
    """Check that a config can learn a manifest's labels.

    Raises:
        ValueError: a label is not below data.num_classes, or a video has several labels and
            data.quality is not "map".
    """
    # In training, a label out of range would fail an assertion on the GPU, which costs the process.
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
    """Return int64 [N], or float32 [N, K] with data.quality "map"."""
    check_labels(manifest, config)
    if config.data.quality != "map":
        return torch.tensor([label for (label,) in manifest.labels])
    # Row and column of every 1 in the result.
    rows = torch.tensor([row for row, labels in enumerate(manifest.labels) for _ in labels])
    columns = torch.tensor([label for labels in manifest.labels for label in labels])
    shape = len(manifest.labels), config.data.num_classes
    return torch.zeros(shape).index_put((rows, columns), torch.ones(()))


def per_rank(batch_size: int, world_size: int) -> int:
    """Return how many videos of a batch each rank takes.

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
    """Return one epoch of a rank's batches.

    Shuffled, the order follows from shuffle_seed and the dataset's epoch. All ranks get the same
    number of batches of the same size; videos that do not fill a last batch are left out. In order
    (shuffle_seed None), every video comes once: rank r has videos r, r + world_size, ...

    data.decoder_threads threads read ahead of the caller if videos are decoded on every read, and
    at most one if all are in the cache. The numbers do not depend on how many there are.

    Args:
        dataset: the videos.
        batch_size: videos per step, over all ranks together.
        shuffle_seed: seed of the order; None keeps the dataset's order.
        rank: this process's number among the processes that train together.
        world_size: number of these processes.

    Raises:
        ValueError: batch_size is below world_size.
    """
    local = per_rank(batch_size, world_size)
    plan = _plan(dataset, local, shuffle_seed, rank, world_size)
    threads = dataset.config.data.decoder_threads
    # Reading from the cache is fast enough for one thread to stay ahead.
    threads = threads if dataset.decodes else min(threads, 1)
    if threads == 0:
        return (default_collate([dataset[row] for row in rows]) for rows in plan)
    return read_ahead(plan, dataset.__getitem__, default_collate, threads=threads)


def _plan(
    dataset: SegmentDataset, size: int, shuffle_seed: int | None, rank: int, world_size: int
) -> list[list[int]]:
    """Return the rows of each of this rank's batches."""
    if shuffle_seed is None:
        rows = np.arange(len(dataset))[rank::world_size]
        return [rows[i : i + size].tolist() for i in range(0, len(rows), size)]
    order = np.random.default_rng((shuffle_seed, dataset.epoch)).permutation(len(dataset))
    # Repeat the first videos until the ranks share evenly: a rank with fewer batches than another
    # would leave it waiting for gradients.
    rows = np.resize(order, -(-len(order) // world_size) * world_size)[rank::world_size]
    # A split smaller than a batch is one batch.
    full = max(len(rows) // size, 1)
    return [rows[i * size : (i + 1) * size].tolist() for i in range(full)]
