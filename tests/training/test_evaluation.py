from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from adamml.config import Config, override
from adamml.cost.flops import count_costs
from adamml.training.evaluation import evaluate, evaluate_unimodal, evaluate_view
from adamml.training.fixed_views import FixedView
from adamml.training.splits import Splits
from adamml.training.tasks import fresh_adamml
from adamml.training.workers import Workers


def test_cached_logits_evaluate_like_routed_inference(
    tiny_splits: Splits, view_of: Callable[[str], FixedView], config: Config
) -> None:
    model = fresh_adamml(config, {}, Workers.current())
    for head in model.policy.heads.values():
        torch.nn.init.normal_(head.weight, std=3)  # decisions of both kinds
    routed = evaluate(model, tiny_splits.fixed("validation"), config, Workers.current())
    cached = evaluate_view(model, view_of("validation"), config, Workers.current())
    assert 0 < float(routed.decisions.mean()) < 1
    assert torch.equal(routed.decisions, cached.decisions)
    torch.testing.assert_close(routed.logits, cached.logits, atol=2e-3, rtol=2e-3)


def test_metrics_are_those_of_the_decisions_made(tiny_splits: Splits, config: Config) -> None:
    config = override(config, {"policy.kind": "always_on"})
    model = fresh_adamml(config, {}, Workers.current())
    splits = replace(tiny_splits, config=config)
    found = evaluate(model, splits.fixed("validation"), config, Workers.current())
    costs = count_costs(config, config.data.num_classes)
    metrics = found.metrics(costs, config.modalities)
    assert metrics["gflops"] == pytest.approx(costs.all_on(config.data.test_segments))
    assert metrics["selection_rate.rgb"] == metrics["selection_rate.audio"] == 1
    right = (found.logits.argmax(-1) == found.labels).double().mean()
    assert metrics["accuracy"] == pytest.approx(float(right))


def test_one_modality_reads_only_itself(tiny_splits: Splits, config: Config) -> None:
    splits = tiny_splits.alone("audio")
    assert set(splits.fixed("validation")[0]) == {"audio", "label", "index"}
    network = fresh_adamml(config, {}, Workers.current()).recognition["audio"]
    found = evaluate_unimodal(
        network, "audio", splits.fixed("validation"), splits.config, Workers.current()
    )
    assert found.decisions.shape == (16, config.data.test_segments, 1)
