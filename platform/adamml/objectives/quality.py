"""Quality of a model: top-1 accuracy, or mAP if a video may have several labels.

Labels are int64 [N], or multi-hot [N, K] (data/dataset.py). mAP is defined as in the papers that
report on ActivityNet, FCVID and Mini-Sports1M (docs/paper.md 1.3): each class ranks all videos by
their softmax score, and mAP is the mean of the rankings' average precision over the classes that
have a video.
"""

import torch
from torch import Tensor

TOP = 5
"""Number of best classes of the second accuracy, top-5."""


def hits(logits: Tensor, labels: Tensor, top: int = 1) -> Tensor:
    """Return a mask [N], true where one of a video's labels is among its `top` best classes.

    Args:
        logits: [N, K].
        labels: [N] or [N, K].
        top: number of best classes.
    """
    best = logits.argmax(-1, keepdim=True) if top == 1 else logits.topk(top).indices
    if labels.dim() == 1:
        return (best == labels[:, None]).any(1)
    return labels.gather(1, best).bool().any(1)


def mean_average_precision(logits: Tensor, labels: Tensor) -> float:
    """Return the mAP in [0, 1]. Classes without a video do not count.

    Args:
        logits: [N, K].
        labels: [N] or [N, K].
    """
    # Imported here because scikit-learn imports scipy.stats, which costs a second at the start of
    # every process, even of one that evaluates nothing.
    from sklearn.metrics import average_precision_score

    scores, truth = _ranked(logits, labels)
    return float(average_precision_score(truth.numpy(force=True), scores.numpy(force=True)))


def video_values(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the contribution of each video to the quality: float64 [N], whose mean is the quality.

    For accuracy it is 1 for a correct video, else 0. mAP is not a mean over videos, so the
    contributions to it are the pseudo-values of the infinitesimal jackknife, mAP + N d mAP / d w
    for the weight w of a video (Efron 1982, "The jackknife, the bootstrap and other resampling
    plans", chapter 6). Spread and differences of qualities are computed from these values.

    Args:
        name: accuracy or map.
        logits: [N, K].
        labels: [N] or [N, K].
    """
    if name == "accuracy":
        return hits(logits, labels).double()
    scores, truth = _ranked(logits, labels)
    with torch.enable_grad():
        weights = torch.ones(len(scores), dtype=torch.float64, requires_grad=True)
        value = _weighted(scores, truth, weights)
        (gradient,) = torch.autograd.grad(value, weights)
    return value.detach() + len(weights) * gradient


def standard_error(values: Tensor) -> float:
    """Return the standard error of the mean of video_values().

    Args:
        values: [N].
    """
    # One more correct and one more wrong video (Agresti and Coull 1998): else an accuracy of 100%
    # would have no error at all.
    more = torch.cat([values, values.new_tensor([0.0, 1.0])])
    return float(more.std(correction=0) / len(more) ** 0.5)


def measures(name: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Return the quality, its standard error over videos, and accuracies.

    Args:
        name: accuracy or map.
        logits: [N, K].
        labels: [N] or [N, K].

    Returns:
        quality and quality_se; top5_accuracy if K > 5; and accuracy if the quality is mAP.
    """
    accuracy = float(hits(logits, labels).double().mean())
    accuracies = {} if name == "accuracy" else {"accuracy": accuracy}
    if logits.shape[-1] > TOP:
        accuracies[f"top{TOP}_accuracy"] = float(hits(logits, labels, TOP).double().mean())
    quality = accuracy if name == "accuracy" else mean_average_precision(logits, labels)
    spread = standard_error(video_values(name, logits, labels))
    return {"quality": quality, "quality_se": spread} | accuracies


def targets(labels: Tensor) -> Tensor:
    """Return the targets of cross-entropy: classes [N], or probabilities [N, K].

    The labels of a video have equal probabilities (Mahajan et al. 2018, "Exploring the limits of
    weakly supervised pretraining", section 2.1).

    Args:
        labels: [N] or [N, K].
    """
    return labels if labels.dim() == 1 else labels / labels.sum(-1, keepdim=True)


def multi_hot(labels: Tensor, num_classes: int) -> Tensor:
    """Return labels as a mask [N, K], true for the labels of a video.

    Args:
        labels: [N] or [N, K].
        num_classes: K.
    """
    if labels.dim() == 2:
        return labels.bool()
    return torch.nn.functional.one_hot(labels, num_classes).bool()


def _ranked(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return scores and truth of the classes that have a video, float64 and bool [N, <= K]."""
    truth = multi_hot(labels, logits.shape[-1])
    occurs = truth.any(0)
    # float64: equal scores, whose rank is arbitrary, are rarer than in float32.
    return logits.double().softmax(-1)[:, occurs], truth[:, occurs]


def _weighted(scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """Return the mAP of videos with weights [N], differentiable in them; scores, truth: [N, K]."""
    order = scores.argsort(dim=0, descending=True, stable=True)
    sorted_weights, sorted_truth = weights[order], truth.gather(0, order)
    right = sorted_weights * sorted_truth
    precision = right.cumsum(0) / sorted_weights.cumsum(0)
    return ((right * precision).sum(0) / right.sum(0)).mean()
