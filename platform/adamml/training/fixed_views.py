"""A fixed view of a split: cached tensors that a method trains on in place of videos.

It holds the segment logits of the frozen unimodal networks, and what the method itself looks at.
The policy-only stage and its evaluations read it; no recognition network runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.data.dataset import Item, SegmentDataset, batches, per_rank
from adamml.training.workers import Workers

MAX_BYTES = 8 * 2**30
"""Most memory that a split's fixed clips may take."""


@dataclass(frozen=True)
class FixedView:
    """Every video of a split, seen once, without augmentation."""

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

        With shuffle the order is drawn from torch's generator (rank 0's), and the last videos are
        left out if they do not fill a batch.

        Raises:
            ValueError: batch_size is below the number of ranks.
        """
        local = per_rank(batch_size, workers.world_size)
        order = torch.randperm(len(self)) if shuffle else torch.arange(len(self))
        order = workers.gather(order)[0]
        last = len(order) - batch_size + 1 if shuffle else len(order)
        for start in range(0, max(last, 1), batch_size):
            rows = order[start : start + batch_size]
            yield self.batch(rows[workers.rank :: workers.world_size][:local], workers.device)


def fixed_clips(
    look: Callable[[Item], dict[str, Tensor]], dataset: SegmentDataset, batch_size: int
) -> dict[str, Tensor]:
    """Return a method's input of every video, in half precision: name -> [N, S, ...].

    look() makes that input from a batch of the dataset.

    Raises:
        ValueError: the clips would not fit in MAX_BYTES.
    """
    parts: dict[str, list[Tensor]] = {}
    for batch in batches(dataset, batch_size=batch_size, shuffle_seed=None):
        for name, clip in look(batch).items():
            parts.setdefault(name, []).append(clip.half())
        size = sum(p[0].nbytes for p in parts.values()) / len(batch["label"]) * len(dataset)
        if size > MAX_BYTES:
            raise ValueError(
                f"stages.policy_only must be 0 for this data: its fixed view needs "
                f"{size / 2**30:.0f} GiB of memory, and the limit is {MAX_BYTES / 2**30:.0f}"
            )
    return {name: torch.cat(clips) for name, clips in parts.items()}
