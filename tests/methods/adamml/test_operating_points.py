"""The curve from numbers computed once is the curve that fresh evaluations would give."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import Config, override
from adamml.cost.flops import count_costs
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.evaluation import evaluate, evaluate_view
from adamml.methods.adamml.operating_points import (
    SHARED,
    candidate_biases,
    has_operating_points,
    operating_points,
)
from adamml.methods.adamml.task import adamml_task
from adamml.methods.points import Point, bias_of
from adamml.models.adamml import AdaMML
from adamml.objectives import table
from adamml.statistics.fronts import non_dominated
from adamml.training.evaluation import Evaluation
from adamml.training.fixed_views import FixedView
from adamml.training.splits import Splits
from adamml.training.workers import Workers


@pytest.fixture
def model(config: Config) -> AdaMML:
    """Untrained, but with decisions of both kinds that follow from what it sees."""
    model = fresh_adamml(config, {}, Workers.current())
    for head in model.policy.heads.values():
        torch.nn.init.normal_(head.weight, std=3)
        torch.nn.init.zeros_(head.bias)
    return model


@pytest.fixture
def whole(model: AdaMML, tiny_splits: Splits, config: Config) -> Evaluation:
    videos = tiny_splits.fixed("validation")
    return evaluate(model, videos, config, Workers.current(), every_segment=True)


def unbiased(points: list[Point]) -> Point:
    (found,) = [p for p in points if not any(bias_of(p).values())]
    return found


def test_each_point_is_what_routed_inference_gives_under_its_bias(
    model: AdaMML, whole: Evaluation, tiny_splits: Splits, config: Config
) -> None:
    """Labels are what the model says with all computed, so that more computation helps."""
    assert whole.segment_logits is not None
    with torch.no_grad():
        fused = model.fuse(whole.segment_logits, torch.ones_like(whole.decisions))
    labels = fused.logits.argmax(-1)
    points = operating_points(model, replace(whole, labels=labels), config)
    costs, videos = count_costs(config, config.data.num_classes), tiny_splits.fixed("validation")
    assert len(points) > 5
    assert max(point["quality"] for point in points) == 1
    for point in points:
        bias = bias_of(point)
        assert set(bias) == set(config.modalities)
        fresh = evaluate(model, videos, config, Workers.current(), decision_bias=bias)
        expected = replace(fresh, labels=labels).objectives("accuracy", costs, config.modalities)
        assert point == expected | {f"bias.{m}": b for m, b in bias.items()}


@pytest.mark.parametrize(
    "changes", [{}, {"quirks.noise_at_evaluation": True, "quirks.mean_of_batch_means": True}]
)
def test_cached_logits_give_the_curve_of_a_frozen_model(
    model: AdaMML, view_of: Callable[[str], FixedView], config: Config, changes: dict[str, object]
) -> None:
    config, view = override(config, {"data.batch_size": 5, **changes}), view_of("validation")
    found = evaluate_view(model, view, config, Workers.current())
    costs = count_costs(config, config.data.num_classes)
    size = 5 if changes else None
    for point in operating_points(model, found, config):
        bias = bias_of(point)
        fresh = evaluate_view(model, view, config, Workers.current(), decision_bias=bias)
        expected = fresh.objectives("accuracy", costs, config.modalities, size)
        assert point == expected | {f"bias.{m}": b for m, b in bias.items()}


def test_the_unbiased_point_has_the_metrics_of_the_trial(
    tiny_splits: Splits,
    view_of: Callable[[str], FixedView],
    checkpoints: Path,
    config: Config,
) -> None:
    for fidelity in ("policy", "joint"):
        arguments = (tiny_splits, view_of, Workers.current(), checkpoints, fidelity)
        task = adamml_task(config, {}, *arguments)
        metrics = task.evaluate(len(task.plan))
        own = unbiased(task.operating_points())
        assert own == {k: metrics.get(k, 0.0) for k in own}
        again = adamml_task(config, {}, *arguments).operating_points()  # as after a restart
        assert again == task.operating_points()


def test_no_point_beats_another_except_the_unbiased_one(
    model: AdaMML, whole: Evaluation, config: Config
) -> None:
    """An empty video is said to be of class 0: where all are, to compute anything is a waste."""
    for labels in (whole.labels, torch.zeros_like(whole.labels)):
        points = operating_points(model, replace(whole, labels=labels), config)
        assert points == sorted(points, key=lambda p: p["gflops"])
        mask = non_dominated(table.points(points), maximise=table.maximise())
        beaten = [p for p, keep in zip(points, mask, strict=True) if not keep]
        assert beaten in ([], [unbiased(points)])
    assert beaten


def test_rates_rise_along_the_shared_path_from_nothing_to_everything(
    model: AdaMML, whole: Evaluation, tiny_splits: Splits, config: Config
) -> None:
    assert whole.scores is not None
    margins = whole.scores[..., 1] - whole.scores[..., 0]
    path = list(candidate_biases(margins, config.modalities))[:SHARED]
    assert all(len(set(bias.values())) == 1 for bias in path)
    rates = []
    for bias in path[:: SHARED // 4]:
        found = evaluate(
            model,
            tiny_splits.fixed("validation"),
            config,
            Workers.current(),
            decision_bias=bias,
        )
        rates.append(found.decisions.mean((0, 1)))
    assert rates[0].eq(0).all()
    assert rates[-1].eq(1).all()
    steps = torch.stack(rates).diff(dim=0)
    assert (steps >= 0).all()
    assert (steps.sum(1) > 0).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_candidates_are_few_and_move_each_modality_alone_too(count: int) -> None:
    torch.manual_seed(0)
    names = [f"m{n}" for n in range(count)]
    candidates = list(candidate_biases(torch.randn(40, 3, count), names))
    assert SHARED <= len(candidates) < 300
    for name in names if count > 1 else []:
        alone = [b for b in candidates if b[name] and not any(b[m] for m in names if m != name)]
        assert alone


def test_what_has_no_curve_is_refused(tiny_splits: Splits, config: Config) -> None:
    for changes in ({"policy.kind": "always_on"}, {"fusion": "fc2", "stages.policy_only": 0}):
        other = override(config, changes)
        model = fresh_adamml(other, {}, Workers.current())
        splits = replace(tiny_splits, config=other)
        found = evaluate(model, splits.fixed("validation"), other, Workers.current())
        assert not has_operating_points(model)
        with pytest.raises(ValueError, match="operating points need a policy with logits"):
            operating_points(model, found, other)
