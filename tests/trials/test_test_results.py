from pathlib import Path

import numpy as np
import pytest
import torch
from adamml.cost.flops import count_costs
from adamml.objectives.quality import measures
from adamml.recipes import tiny
from adamml.training.evaluation import Evaluation
from adamml.trials.test_results import (
    load_results,
    result_metrics,
    save_results,
    values,
    video_results,
)

VIDEOS, SEGMENTS, CLASSES = 40, 3, 8


@pytest.fixture
def found() -> Evaluation:
    torch.manual_seed(0)
    labels = torch.arange(VIDEOS) % CLASSES
    logits = torch.randn(VIDEOS, CLASSES)
    logits[torch.arange(VIDEOS), labels] += 1.0
    decisions = (torch.rand(VIDEOS, SEGMENTS, 2) < 0.6).float()
    return Evaluation(logits, decisions, labels)


def ids() -> list[str]:
    return [f"v{n}" for n in range(VIDEOS)]


def test_a_saved_file_has_the_metrics_of_its_evaluation(found: Evaluation, tmp_path: Path) -> None:
    config = tiny()
    costs = count_costs(config, CLASSES)
    assert load_results(tmp_path) is None
    save_results(video_results(ids(), found, costs), tmp_path)
    results = load_results(tmp_path)
    assert results is not None
    assert results["id"].tolist() == ids()
    metrics = result_metrics(results, "accuracy")
    expected = found.metrics("accuracy", costs, config.modalities)
    shared = ("quality", "gflops", "selection_rate.rgb", "selection_rate.audio")
    assert {k: metrics[k] for k in shared} == pytest.approx({k: expected[k] for k in shared})
    assert values(results, "accuracy").mean() == pytest.approx(expected["quality"])
    assert [path.name for path in tmp_path.iterdir()] == ["test_videos.parquet"]


def test_several_labels_survive_the_file(found: Evaluation, tmp_path: Path) -> None:
    labels = torch.nn.functional.one_hot(found.labels, CLASSES).float()
    labels[::3, 0] = 1
    both = Evaluation(found.logits, found.decisions, labels)
    save_results(video_results(ids(), both, count_costs(tiny(), CLASSES)), tmp_path)
    results = load_results(tmp_path)
    assert results is not None
    assert list(results["labels"][3]) == [0, 3]
    metrics = result_metrics(results, "map")
    expected = measures("map", found.logits, labels)
    assert {k: metrics[k] for k in expected} == pytest.approx(expected)
    assert values(results, "map").mean() == pytest.approx(expected["quality"])


def test_map_is_the_mean_of_the_classes_average_precisions(found: Evaluation) -> None:
    results = video_results(ids(), found, count_costs(tiny(), CLASSES))
    scores = found.logits.softmax(-1).numpy()
    by_class = []
    for k in range(CLASSES):
        hits = found.labels.numpy()[np.argsort(-scores[:, k])] == k
        precision = np.cumsum(hits) / np.arange(1, VIDEOS + 1)
        by_class.append(precision[hits].mean())
    assert result_metrics(results, "accuracy")["map"] == pytest.approx(float(np.mean(by_class)))


def test_perfect_logits_have_a_map_of_one(found: Evaluation) -> None:
    perfect = 9.0 * torch.nn.functional.one_hot(found.labels, CLASSES).float()
    results = video_results(
        ids(), Evaluation(perfect, found.decisions, found.labels), count_costs(tiny(), CLASSES)
    )
    assert result_metrics(results, "accuracy")["map"] == 1
    assert values(results, "accuracy").all()
