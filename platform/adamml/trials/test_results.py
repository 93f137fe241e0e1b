"""A trial's results on every test video, in a file beside it: statistics need more than means.

Columns of trials/<id>/test_videos.parquet: id, label (with mAP labels, a list), one for each cost
(gflops and what else Costs.by_video has), rate.<modality>, logit.<class>.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from adamml.cost.flops import Costs
from adamml.files import whole
from adamml.objectives.quality import mean_average_precision, measures, video_values
from adamml.training.evaluation import Evaluation
from adamml.training.loop import Metrics

FILE_NAME = "test_videos.parquet"
OTHERS = re.compile(r"(id|labels?|rate\..*|logit\..*)")
"""Columns that are no costs."""


def video_results(ids: list[str], evaluation: Evaluation, costs: Costs) -> pd.DataFrame:
    """Return a row per video: costs of its decisions, share of segments per modality, logits.

    The ids [N] are in the order of the evaluation.
    """
    shares = evaluation.decisions.mean(1).unbind(-1)
    columns: dict[str, Any] = {
        "id": ids,
        **_label_column(evaluation.labels),
        **{name: v.numpy() for name, v in costs.by_video(evaluation.decisions).items()},
    }
    columns |= {f"rate.{m}": s.numpy() for m, s in zip(costs.modalities, shares, strict=True)}
    columns |= {
        f"logit.{k}": column.numpy() for k, column in enumerate(evaluation.logits.unbind(-1))
    }
    return pd.DataFrame(columns)


def save_results(results: pd.DataFrame, folder: Path) -> None:
    """Write the results into a trial's folder, whole or not at all."""
    with whole(folder / FILE_NAME) as part:
        results.to_parquet(part, index=False)


def load_results(folder: Path) -> pd.DataFrame | None:
    """Return the results in a trial's folder; None if it was not tested."""
    path = folder / FILE_NAME
    return pd.read_parquet(path) if path.exists() else None


def values(results: pd.DataFrame, quality: str) -> "np.ndarray[Any, Any]":
    """Return each video's contribution to the quality, float64 [N] (quality.video_values)."""
    return np.asarray(video_values(quality, _logits(results), _labels(results)).numpy())


def result_metrics(results: pd.DataFrame, quality: str) -> Metrics:
    """Return the measures of quality (objectives/quality.py), map, costs and selection rates."""
    logits, labels = _logits(results), _labels(results)
    metrics = measures(quality, logits, labels)
    if quality != "map":
        metrics["map"] = mean_average_precision(logits, labels)
    rates = _columns(results, "rate.")
    costs = [str(column) for column in results.columns if not OTHERS.fullmatch(str(column))]
    return metrics | {
        **{cost: float(results[cost].mean()) for cost in costs},
        **{f"selection_{rate}": float(results[rate].mean()) for rate in rates},
    }


def _logits(results: pd.DataFrame) -> Tensor:
    """Return the video logits [N, K]; a parquet file keeps the order of its columns."""
    return torch.from_numpy(results[_columns(results, "logit.")].to_numpy(copy=True))


def _label_column(labels: Tensor) -> dict[str, Any]:
    if labels.dim() == 1:
        return {"label": labels.numpy()}
    return {"labels": [row.nonzero()[:, 0].tolist() for row in labels]}


def _labels(results: pd.DataFrame) -> Tensor:
    """Return the labels: int64 [N], or float32 [N, K] if a video may have several."""
    if "label" in results:
        return torch.from_numpy(results["label"].to_numpy(copy=True))
    classes = torch.zeros(len(results), len(_columns(results, "logit.")))
    for row, labels in enumerate(results["labels"]):
        classes[row, list(labels)] = 1
    return classes


def _columns(results: pd.DataFrame, prefix: str) -> list[str]:
    return [str(column) for column in results.columns if str(column).startswith(prefix)]
