"""One fixed view of a split: what the policy sees, and what frozen recognition networks say.

The policy-only stage and its evaluations read from here; no recognition network runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.data.dataset import SegmentDataset, batches, per_rank
from adamml.models.adamml import AdaMML
from adamml.models.recognition import RecognitionNetwork
from adamml.training.workers import Workers

MAX_BYTES = 8 * 2**30


@dataclass(frozen=True)
class FixedView:
    """policy_clips: modality -> [N, S, ...] float16; segment_logits: [N, S, M, K]; labels: [N]."""

    policy_clips: dict[str, Tensor]
    segment_logits: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor, device: torch.device) -> dict[str, Tensor]:
        clips = {m: c[rows].to(device).float() for m, c in self.policy_clips.items()}
        logits = self.segment_logits[rows].to(device)
        return clips | {"segment_logits": logits, "label": self.labels[rows].to(device)}

    def batches(
        self, workers: Workers, batch_size: int, shuffle: bool
    ) -> Iterator[dict[str, Tensor]]:
        """This rank's share; with shuffle, in an order drawn from torch's generator (rank 0's).

        Raises:
            ValueError: batch_size is below the number of ranks.
        """
        local = per_rank(batch_size, workers.world_size)
        order = torch.randperm(len(self)) if shuffle else torch.arange(len(self))
        order = workers.gather(order)[0]
        last = (
            len(order) - batch_size + 1 if shuffle else len(order)
        )  # training leaves out the rest
        for start in range(0, max(last, 1), batch_size):
            rows = order[start : start + batch_size]
            yield self.batch(rows[workers.rank :: workers.world_size][:local], workers.device)


def policy_clips_of(model: AdaMML, dataset: SegmentDataset, batch_size: int) -> dict[str, Tensor]:
    """What the policy sees of every video, in half precision: modality -> [N, S, ...].

    Raises:
        ValueError: they would not fit in MAX_BYTES.
    """
    parts: dict[str, list[Tensor]] = {}
    for batch in batches(dataset, batch_size=batch_size, shuffle_seed=None):
        clips = model.policy_clips(batch)
        for modality, clip in clips.items():
            parts.setdefault(modality, []).append(clip.half())
        size = sum(p[0].nbytes for p in parts.values()) / len(batch["label"]) * len(dataset)
        if size > MAX_BYTES:
            raise ValueError(
                f"stages.policy_only must be 0 for this data: its fixed view needs "
                f"{size / 2**30:.0f} GiB of memory, and the limit is {MAX_BYTES / 2**30:.0f}"
            )
    return {modality: torch.cat(clips) for modality, clips in parts.items()}


@torch.no_grad()
def segment_logits_of(
    network: RecognitionNetwork,
    modality: str,
    dataset: SegmentDataset,
    batch_size: int,
    device: torch.device,
) -> Tensor:
    """[N, S, K] on the CPU: a frozen network's logits of every segment of every video."""
    network.eval()
    parts = batches(dataset, batch_size=batch_size, shuffle_seed=None)
    return torch.cat([network(batch[modality].to(device)).float().cpu() for batch in parts])
