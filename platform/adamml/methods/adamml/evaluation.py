"""Evaluations of AdaMML: routed on videos, or from the cached segment logits of a fixed view."""

from collections.abc import Mapping

import torch
from torch import Tensor

from adamml.config import Config
from adamml.data.dataset import SegmentDataset
from adamml.methods.adamml.decisions import Decider
from adamml.models.adamml import AdaMML
from adamml.training.evaluation import Evaluation, collect, evaluation_batches
from adamml.training.fixed_views import FixedView
from adamml.training.workers import Workers


@torch.no_grad()
def evaluate(
    model: AdaMML,
    dataset: SegmentDataset,
    config: Config,
    workers: Workers,
    *,
    decision_bias: Mapping[str, float] | None = None,
    every_segment: bool = False,
) -> Evaluation:
    """Run routed inference on a split: each recognition network sees its selected segments only.

    With every_segment the networks then also run where they were not selected. This adds
    segment_logits (None with a fusion of features) and changes nothing else. decision_bias is that
    of AdaMML.infer.
    """
    model.eval()
    decide = Decider.of(model, config, len(dataset), decision_bias)
    parts: list[dict[str, Tensor]] = []
    for batch in evaluation_batches(dataset, config, workers):
        clips = {name: batch[name].to(workers.device) for name in config.inputs}
        decided = decide(model.policy_clips(clips), batch["index"])
        output = model.infer(clips, decided["decisions"])
        parts.append({"logits": output.logits, "labels": batch["label"], **decided})
        if every_segment and output.segment_logits is not None:
            skipped = model.infer(clips, 1 - decided["decisions"]).segment_logits
            assert skipped is not None
            # Each of the two is 0 where it computed nothing.
            parts[-1]["segment_logits"] = output.segment_logits + skipped
    return collect(workers, parts)


@torch.no_grad()
def evaluate_view(
    model: AdaMML,
    view: FixedView,
    config: Config,
    workers: Workers,
    *,
    decision_bias: Mapping[str, float] | None = None,
) -> Evaluation:
    """Return what evaluate() would, from cached segment logits, while recognition is frozen."""
    model.eval()
    rows = torch.arange(len(view))[workers.rank :: workers.world_size]
    decide = Decider.of(model, config, len(view), decision_bias)
    parts: list[dict[str, Tensor]] = []
    for chunk in rows.split(config.data.batch_size):
        batch = view.batch(chunk, workers.device)
        clips = {name: batch[name] for name in config.inputs if name in batch}
        decided, logits = decide(clips, chunk), batch["segment_logits"]
        fused = model.fuse(logits, decided["decisions"]).logits
        labels = {"labels": batch["label"], "segment_logits": logits}
        parts.append({"logits": fused, **labels, **decided})
    return collect(workers, parts)
