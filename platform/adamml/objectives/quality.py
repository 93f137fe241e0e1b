"""What a model's quality is: top-1 accuracy, or mAP where a video may have several labels.

Labels are int64 [N], or multi-hot [N, K] (data/dataset.py). mAP is that of the papers that report
on ActivityNet, FCVID and Mini-Sports1M (paper.md 1.3): each class ranks all videos by their softmax
score; the mean, over the classes that have a video, of the average precision of the ranking.
"""

import torch
from torch import Tensor

TOP = 5


def hits(logits: Tensor, labels: Tensor, top: int = 1) -> Tensor:
    """bool [N]: whether one of a video's labels is among its `top` classes."""
    best = logits.argmax(-1, keepdim=True) if top == 1 else logits.topk(top).indices
    if labels.dim() == 1:
        return (best == labels[:, None]).any(1)
    return labels.gather(1, best).bool().any(1)


def mean_average_precision(logits: Tensor, labels: Tensor) -> float:
    """In [0, 1]. Classes without a video do not count."""
    # It imports scipy.stats: a second of every start, also of processes that evaluate nothing.
    from sklearn.metrics import average_precision_score

    scores, truth = _ranked(logits, labels)
    return float(average_precision_score(truth.numpy(force=True), scores.numpy(force=True)))


def video_values(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    """What each video contributes: float64 [N], whose mean is the quality.

    Of accuracy, 1 where right. mAP is no mean over videos: theirs are the pseudo-values of the
    infinitesimal jackknife, mAP + N d mAP / d w of a video's weight w (Efron 1982, "The jackknife,
    the bootstrap and other resampling plans", chapter 6), so that spread and differences are those
    of means.
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
    """Of the mean of video_values(); one more right and one more wrong keep that of an accuracy
    above 0 where all are right (Agresti and Coull 1998)."""
    more = torch.cat([values, values.new_tensor([0.0, 1.0])])
    return float(more.std(correction=0) / len(more) ** 0.5)


def measures(name: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
    """quality, which is accuracy or map as `name` says; quality_se, its standard error over videos;
    and top5_accuracy where there are more classes than that, and accuracy beside map."""
    accuracy = float(hits(logits, labels).double().mean())
    found = {} if name == "accuracy" else {"accuracy": accuracy}
    if logits.shape[-1] > TOP:
        found[f"top{TOP}_accuracy"] = float(hits(logits, labels, TOP).double().mean())
    quality = accuracy if name == "accuracy" else mean_average_precision(logits, labels)
    spread = standard_error(video_values(name, logits, labels))
    return {"quality": quality, "quality_se": spread} | found


def targets(labels: Tensor) -> Tensor:
    """For cross-entropy: of several labels, equal probabilities (Mahajan et al. 2018, "Exploring
    the limits of weakly supervised pretraining", section 2.1)."""
    return labels if labels.dim() == 1 else labels / labels.sum(-1, keepdim=True)


def multi_hot(labels: Tensor, num_classes: int) -> Tensor:
    """bool [N, K]."""
    if labels.dim() == 2:
        return labels.bool()
    return torch.nn.functional.one_hot(labels, num_classes).bool()


def _ranked(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Scores and truth of the classes that have a video, float64 and bool [N, <= K]."""
    truth = multi_hot(labels, logits.shape[-1])
    there = truth.any(0)
    return logits.double().softmax(-1)[:, there], truth[:, there]  # few doubles are equal


def _weighted(scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """mAP of videos that count `weights` [N] times each; scores and truth are [N, K]."""
    order = scores.argsort(dim=0, descending=True, stable=True)
    sorted_weights, found = weights[order], truth.gather(0, order)
    right = sorted_weights * found
    precision = right.cumsum(0) / sorted_weights.cumsum(0)
    return ((right * precision).sum(0) / right.sum(0)).mean()
