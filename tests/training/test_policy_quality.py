from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import override
from adamml.cost.flops import count_costs
from adamml.methods.adamml.bounds import oracle_front
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.evaluation import evaluate
from adamml.methods.adamml.task import adamml_task
from adamml.methods.metrics import trial_metrics
from adamml.models.fusion import AverageFusion
from adamml.recipes import tiny
from adamml.training.fixed_views import FixedView
from adamml.training.policy_quality import precision_and_recall, regret, relevance_of
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from sklearn.metrics import precision_score, recall_score

FRONT = {"quality": [0.0, 0.6, 0.9], "gflops": [0.0, 0.1, 0.3]}


def test_precision_and_recall_by_hand() -> None:
    relevant = torch.tensor([[[1, 0], [1, 1]], [[0, 0], [1, 0]]]).float()
    decisions = torch.tensor([[[1, 1], [0, 1]], [[1, 0], [0, 1]]]).float()
    found = precision_and_recall(decisions, relevant, ("rgb", "audio"))
    assert found == pytest.approx(
        {"precision.rgb": 1 / 2, "recall.rgb": 1 / 3, "precision.audio": 1 / 3, "recall.audio": 1}
    )


def test_precision_and_recall_are_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    relevant, decisions = torch.randint(2, (2, 40, 5, 1), generator=generator).float()
    found = precision_and_recall(decisions, relevant, ["rgb"])
    pair = relevant.flatten(), decisions.flatten()
    expected = {"precision.rgb": precision_score(*pair), "recall.rgb": recall_score(*pair)}
    assert found == pytest.approx(expected)


def test_computing_nothing_is_precise_and_misses_everything() -> None:
    none, some = torch.zeros(2, 3, 1), torch.ones(2, 3, 1)
    assert precision_and_recall(none, some, ["rgb"]) == {"precision.rgb": 1, "recall.rgb": 0}
    assert precision_and_recall(some, none, ["rgb"]) == {"precision.rgb": 0, "recall.rgb": 1}
    assert precision_and_recall(none, none, ["rgb"]) == {"precision.rgb": 1, "recall.rgb": 1}


def test_the_relevance_policy_is_perfect(tiny_splits: Splits) -> None:
    """Decisions and relevance meet on the same videos, segments and modalities."""
    config = override(tiny_splits.config, {"policy.kind": "oracle"})
    splits, workers = replace(tiny_splits, config=config), Workers.current()
    model = fresh_adamml(config, {}, workers)
    found = evaluate(model, splits.fixed("validation"), config, workers)
    costs = count_costs(config, config.data.num_classes)
    metrics = trial_metrics(config, found, costs, relevance_of(splits, "validation"))
    assert 0 < metrics["selection_rate.rgb"] < 1
    for modality in config.modalities:
        assert metrics[f"precision.{modality}"] == metrics[f"recall.{modality}"] == 1


def test_trials_are_measured_where_relevance_is_known_and_nowhere_else(
    tiny_splits: Splits, view_of: Callable[[str], FixedView], tmp_path: Path
) -> None:
    def metrics(splits: Splits) -> dict[str, float]:
        workers = Workers.current()
        task = adamml_task(splits.config, {}, splits, view_of, workers, tmp_path, "policy")
        return task.evaluate(1)

    quality = {"precision.rgb", "precision.audio", "recall.rgb", "recall.audio"}
    known = metrics(tiny_splits)
    manifest = tiny_splits.manifest
    table = manifest.table.drop(columns=["rgb_stretches"])
    unknown = metrics(replace(tiny_splits, manifest=replace(manifest, table=table)))
    assert set(known) - set(unknown) == quality


def test_an_oracles_own_points_are_without_regret() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(8, (40,), generator=generator)
    logits = torch.randn(40, 3, 2, 8, generator=generator)
    config = override(tiny(), {"policy.kind": "always_on"})
    accuracy, gflops = oracle_front(AverageFusion(), logits, labels, count_costs(config, 8))
    assert len(accuracy) > 2
    for point in zip(accuracy, gflops, strict=True):
        found = regret(*point, {"quality": accuracy, "gflops": gflops})
        assert found == {"quality_regret": 0, "gflops_regret": 0}


def test_regret_by_hand() -> None:
    assert regret(0.5, 0.2, FRONT) == pytest.approx({"quality_regret": 0.1, "gflops_regret": 0.1})
    assert regret(0.7, 0.35, FRONT) == pytest.approx({"quality_regret": 0.2, "gflops_regret": 0.05})


def test_who_beats_the_oracle_has_negative_regret_or_none() -> None:
    """Its networks were trained further than those the oracle chooses for."""
    assert regret(0.7, 0.2, FRONT) == pytest.approx({"quality_regret": -0.1, "gflops_regret": -0.1})
    assert regret(0.95, 0.2, FRONT) == pytest.approx({"quality_regret": -0.35})


def test_an_oracle_that_can_afford_nothing_is_never_right() -> None:
    front = {"quality": [0.6], "gflops": [0.1]}
    assert regret(0.5, 0.05, front) == pytest.approx(
        {"quality_regret": -0.5, "gflops_regret": -0.05}
    )
