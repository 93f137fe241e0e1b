"""Fixed views: cached tensors of a split that a method trains on in place of its videos.

A view holds the segment logits of the frozen unimodal networks, and what the method itself looks
at. The policy-only stage and its evaluations read it, so that no recognition network runs there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.data.dataset import Item, SegmentDataset, batches, per_rank
from adamml.training.workers import Workers

MAX_BYTES = 8 * 2**30
"""Largest size of a split's fixed clips in memory, in bytes."""


@dataclass(frozen=True)
class FixedView:
    """Tensors of every video of a split, read once, without augmentation."""

    clips: dict[str, Tensor]
    """Input of the method: name -> [N, S, ...] float16; empty if it reads segment logits alone."""
    segment_logits: Tensor
    """Segment logits of the unimodal networks, [N, S, M, K] float32."""
    labels: Tensor
    """Classes, [N] or [N, K]."""

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Return the videos in these rows: the clips by name, segment_logits and label."""
        clips = {name: c[rows].to(device).float() for name, c in self.clips.items()}
        logits = self.segment_logits[rows].to(device)
        return clips | {"segment_logits": logits, "label": self.labels[rows].to(device)}

    def batches(
        self, workers: Workers, batch_size: int, shuffle: bool
    ) -> Iterator[dict[str, Tensor]]:
        """Yield this rank's share of each batch.

        Args:
            workers: ranks that train together.
            batch_size: videos per batch, over all ranks together.
            shuffle: True draws the order from torch's generator on rank 0, and leaves out the last
                videos if they do not fill a batch; False keeps the split's order.

        Raises:
            ValueError: batch_size is below the number of ranks.
        """
        local = per_rank(batch_size, workers.world_size)
        order = torch.randperm(len(self)) if shuffle else torch.arange(len(self))
        order = workers.gather(order)[0]  # ranks draw differently; rank 0's order counts
        last = len(order) - batch_size + 1 if shuffle else len(order)
        for start in range(0, max(last, 1), batch_size):  # a split below batch_size is one batch
            rows = order[start : start + batch_size]
            yield self.batch(rows[workers.rank :: workers.world_size][:local], workers.device)


def fixed_clips(
    look: Callable[[Item], dict[str, Tensor]], dataset: SegmentDataset, batch_size: int
) -> dict[str, Tensor]:
    """Return a method's input for every video of a split, in half precision.

    Args:
        look: makes that input from a batch of the dataset.
        dataset: the split, without augmentation.
        batch_size: number of videos that are read at a time.

    Returns:
        Name -> [N, S, ...] float16.

    Raises:
        ValueError: the clips would not fit in MAX_BYTES.
    """
    parts: dict[str, list[Tensor]] = {}
    for batch in batches(dataset, batch_size=batch_size, shuffle_seed=None):
        for name, clip in look(batch).items():
            parts.setdefault(name, []).append(clip.half())
        # Extrapolated from each batch, so that a split that cannot fit is refused early. The bytes
        # are those of the same batch as the count: the last one may be short.
        size = sum(p[-1].nbytes for p in parts.values()) / len(batch["label"]) * len(dataset)
        if size > MAX_BYTES:
            raise ValueError(
                f"stages.policy_only must be 0 for this data: its fixed view needs "
                f"{size / 2**30:.0f} GiB of memory, and the limit is {MAX_BYTES / 2**30:.0f}"
            )
    return {name: torch.cat(clips) for name, clips in parts.items()}
