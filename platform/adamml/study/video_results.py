"""What a trial said of every test video, in a file beside it: statistics need more than means.

trials/<id>/test_videos.parquet: id, label, gflops, rate.<modality>, logit.<class>
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torchmetrics.functional.classification import multiclass_average_precision

from adamml.cost.flops import Costs
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
        "label": found.labels.numpy(),
        "gflops": costs.gflops(found.decisions).numpy(),
    }
    columns |= {f"rate.{m}": s.numpy() for m, s in zip(costs.modalities, shares, strict=True)}
    columns |= {f"logit.{k}": column.numpy() for k, column in enumerate(found.logits.unbind(-1))}
    return pd.DataFrame(columns)


def save_results(results: pd.DataFrame, folder: Path) -> None:
    """Into a trial's folder, whole or not at all."""
    temporary = folder / f".{FILE_NAME}.{os.getpid()}.tmp"
    results.to_parquet(temporary, index=False)
    temporary.rename(folder / FILE_NAME)


def load_results(folder: Path) -> pd.DataFrame | None:
    """Of a trial's folder; None where it was not tested."""
    path = folder / FILE_NAME
    return pd.read_parquet(path) if path.exists() else None


def correct(results: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """bool [N]: top-1 is the label."""
    return np.asarray(_logits(results).argmax(1) == results["label"].to_numpy())


def result_metrics(results: pd.DataFrame) -> Metrics:
    """accuracy, map (macro over classes, from softmax scores), gflops and selection rates."""
    scores = torch.from_numpy(_logits(results)).softmax(-1)
    labels = torch.from_numpy(results["label"].to_numpy(copy=True))
    precision = multiclass_average_precision(scores, labels, scores.shape[-1], average="macro")
    rates = _columns(results, "rate.")
    return {
        "accuracy": float(correct(results).mean()),
        "map": float(precision),
        "gflops": float(results["gflops"].mean()),
        **{f"selection_{rate}": float(results[rate].mean()) for rate in rates},
    }


def _logits(results: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """[N, K]; a parquet file keeps the order of its columns."""
    return results[_columns(results, "logit.")].to_numpy(copy=True)


def _columns(results: pd.DataFrame, prefix: str) -> list[str]:
    return [str(column) for column in results.columns if str(column).startswith(prefix)]
