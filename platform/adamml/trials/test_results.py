"""What a trial said of every test video, in a file beside it: statistics need more than means.

trials/<id>/test_videos.parquet: id, label (of mAP: labels, a list), gflops, rate.<modality>,
logit.<class>
"""

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


def video_results(ids: list[str], found: Evaluation, costs: Costs) -> pd.DataFrame:
    """A row per video: GFLOPs of its decisions, share of segments per modality, video logits.

    Args:
        ids: [N], in the order of the evaluation.
    """
    shares = found.decisions.mean(1).unbind(-1)
    columns: dict[str, Any] = {
        "id": ids,
        **_labelled(found.labels),
        "gflops": costs.gflops(found.decisions).numpy(),
    }
    columns |= {f"rate.{m}": s.numpy() for m, s in zip(costs.modalities, shares, strict=True)}
    columns |= {f"logit.{k}": column.numpy() for k, column in enumerate(found.logits.unbind(-1))}
    return pd.DataFrame(columns)


def save_results(results: pd.DataFrame, folder: Path) -> None:
    """Into a trial's folder, whole or not at all."""
    with whole(folder / FILE_NAME) as part:
        results.to_parquet(part, index=False)


def load_results(folder: Path) -> pd.DataFrame | None:
    """Of a trial's folder; None where it was not tested."""
    path = folder / FILE_NAME
    return pd.read_parquet(path) if path.exists() else None


def values(results: pd.DataFrame, quality: str) -> "np.ndarray[Any, Any]":
    """float64 [N]: what each video contributes to the quality (training/quality.video_values)."""
    return np.asarray(video_values(quality, _logits(results), _labels(results)).numpy())


def result_metrics(results: pd.DataFrame, quality: str) -> Metrics:
    """What training/quality.measures says, map, gflops and selection rates."""
    logits, labels = _logits(results), _labels(results)
    found = measures(quality, logits, labels)
    if quality != "map":
        found["map"] = mean_average_precision(logits, labels)
    rates = _columns(results, "rate.")
    return found | {
        "gflops": float(results["gflops"].mean()),
        **{f"selection_{rate}": float(results[rate].mean()) for rate in rates},
    }


def _logits(results: pd.DataFrame) -> Tensor:
    """[N, K]; a parquet file keeps the order of its columns."""
    return torch.from_numpy(results[_columns(results, "logit.")].to_numpy(copy=True))


def _labelled(labels: Tensor) -> dict[str, Any]:
    if labels.dim() == 1:
        return {"label": labels.numpy()}
    return {"labels": [row.nonzero()[:, 0].tolist() for row in labels]}


def _labels(results: pd.DataFrame) -> Tensor:
    """int64 [N], or float32 [N, K] where videos have several."""
    if "label" in results:
        return torch.from_numpy(results["label"].to_numpy(copy=True))
    found = torch.zeros(len(results), len(_columns(results, "logit.")))
    for row, labels in enumerate(results["labels"]):
        found[row, list(labels)] = 1
    return found


def _columns(results: pd.DataFrame, prefix: str) -> list[str]:
    return [str(column) for column in results.columns if str(column).startswith(prefix)]
