from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from adamml.config import Config, override
from adamml.cost.flops import count_costs
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.decisions import Decider
from adamml.methods.adamml.evaluation import evaluate, evaluate_view
from adamml.objectives.quality import measures
from adamml.training.evaluation import Evaluation
from adamml.training.fixed_views import FixedView
from adamml.training.splits import Splits
from adamml.training.unimodal import evaluate_unimodal
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
    metrics = found.metrics("accuracy", costs, config.modalities)
    assert metrics["gflops"] == pytest.approx(costs.all_on(config.data.test_segments))
    assert metrics["selection_rate.rgb"] == metrics["selection_rate.audio"] == 1
    right = (found.logits.argmax(-1) == found.labels).double().mean()
    assert metrics["quality"] == pytest.approx(float(right))


def test_one_modality_reads_only_itself(tiny_splits: Splits, config: Config) -> None:
    splits = tiny_splits.alone("audio")
    assert set(splits.fixed("validation")[0]) == {"audio", "label", "index"}
    network = fresh_adamml(config, {}, Workers.current()).recognition["audio"]
    found = evaluate_unimodal(
        network, "audio", splits.fixed("validation"), splits.config, Workers.current()
    )
    assert found.decisions.shape == (16, config.data.test_segments, 1)


NOISE = {"quirks.noise_at_evaluation": True}


def test_noisy_evaluations_sample_and_repeat(
    tiny_splits: Splits, view_of: Callable[[str], FixedView], config: Config
) -> None:
    """Whatever the batches, and whatever was drawn before."""
    noisy = override(config, NOISE)
    model, workers = fresh_adamml(config, {}, Workers.current()), Workers.current()
    videos, view = tiny_splits.fixed("validation"), view_of("validation")
    plain = evaluate(model, videos, config, workers)
    first = evaluate(model, videos, noisy, workers)
    torch.manual_seed(5)
    again = evaluate(model, videos, override(noisy, {"data.batch_size": 5}), workers)
    assert torch.equal(first.decisions, again.decisions)
    assert not torch.equal(first.decisions, plain.decisions)
    assert torch.equal(first.decisions, evaluate_view(model, view, noisy, workers).decisions)
    other = evaluate(model, videos, override(noisy, {"seed": 1}), workers)
    assert not torch.equal(first.decisions, other.decisions)


def test_noise_uses_segments_with_the_policys_probabilities(config: Config) -> None:
    noisy = override(config, {**NOISE, "data.test_segments": 50})
    model = fresh_adamml(noisy, {}, Workers.current()).eval()
    videos, logits = 100, torch.tensor([0.0, 1.0])
    model.policy.logits = lambda view: logits.expand(videos, 50, 2, 2)
    decided = Decider.of(model, noisy, videos)({}, torch.arange(videos))
    expected = float(logits.softmax(0)[1])
    assert torch.allclose(decided["decisions"].mean((0, 1)), torch.tensor(expected), atol=0.02)


def test_noise_leaves_training_as_it_is(tiny_splits: Splits, config: Config) -> None:
    model = fresh_adamml(config, {}, Workers.current())
    torch.manual_seed(3)
    undisturbed = torch.rand(1)
    torch.manual_seed(3)
    evaluate(model, tiny_splits.fixed("validation"), override(config, NOISE), Workers.current())
    assert torch.equal(torch.rand(1), undisturbed)


def test_means_over_batches_weigh_a_small_last_batch_like_the_others(config: Config) -> None:
    decisions = torch.zeros(5, 3, 2)
    decisions[:4, :, 1], decisions[4, :, 0] = 1, 1
    found = Evaluation(torch.eye(5), decisions, torch.arange(5))
    costs = count_costs(config, config.data.num_classes)
    plain = found.metrics("accuracy", costs, config.modalities)
    quirk = found.metrics("accuracy", costs, config.modalities, batch_size=4)
    assert (plain["selection_rate.rgb"], plain["selection_rate.audio"]) == pytest.approx((0.2, 0.8))
    assert (quirk["selection_rate.rgb"], quirk["selection_rate.audio"]) == pytest.approx((0.5, 0.5))
    segments = [costs.segment_fixed + costs.segment_selected(m) / 2 for m in ("rgb", "audio")]
    expected = 3 * (sum(segments) - costs.segment_fixed) / 1e9
    assert quirk["gflops"] == pytest.approx(expected)
    assert quirk["gflops"] != pytest.approx(plain["gflops"])
    assert quirk["gflops_published"] != pytest.approx(plain["gflops_published"])
    assert quirk["quality"] == plain["quality"] == 1
    assert found.metrics("accuracy", costs, config.modalities, batch_size=5) == pytest.approx(plain)


def test_every_segment_adds_logits_and_changes_nothing_else(
    tiny_splits: Splits, view_of: Callable[[str], FixedView], config: Config
) -> None:
    model, videos = fresh_adamml(config, {}, Workers.current()), tiny_splits.fixed("validation")
    routed = evaluate(model, videos, config, Workers.current())
    whole = evaluate(model, videos, config, Workers.current(), every_segment=True)
    assert 0 < float(routed.decisions.mean()) < 1
    assert routed.segment_logits is None
    for name in ("logits", "decisions", "labels", "scores"):
        assert torch.equal(getattr(routed, name), getattr(whole, name))
    everything = view_of("validation").segment_logits
    torch.testing.assert_close(whole.segment_logits, everything, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("right", "expected"), [(0, 0.0098), (50, 0.0495), (100, 0.0098)])
def test_the_standard_error_of_accuracy_is_never_nothing(right: int, expected: float) -> None:
    labels = torch.zeros(100, dtype=torch.long)
    logits = torch.zeros(100, 2)
    logits[right:, 1] = logits[:right, 0] = 1.0
    found = measures("accuracy", logits, labels)
    assert found["quality"] == right / 100
    assert found["quality_se"] == pytest.approx(expected, abs=2e-4)
