"""A model's cost on a split is a distribution over its videos."""

from dataclasses import replace

import pytest
import torch
from adamml.config import override
from adamml.cost.distribution import cost_distribution
from adamml.cost.flops import Costs, count_costs
from adamml.recipes import tiny


@pytest.fixture(scope="module")
def costs() -> Costs:
    return count_costs(tiny(), 8)


def test_percentiles_are_over_videos(costs: Costs) -> None:
    """21 videos: the first computes rgb in no segment, the next in one of 20, ..."""
    decisions = torch.zeros(21, 20, 2)
    for video in range(21):
        decisions[video, :video, 0] = 1
    distribution = cost_distribution(costs, decisions)
    fixed, rgb = 20 * costs.segment_fixed / 1e9, costs.segment_selected("rgb") / 1e9
    assert distribution.p5 == pytest.approx(fixed + 1 * rgb)
    assert distribution.p95 == pytest.approx(fixed + 19 * rgb)


def test_shares_are_parts_of_all_computation_and_sum_to_one(costs: Costs) -> None:
    decisions = torch.tensor([[[1, 0], [0, 1]], [[1, 1], [0, 0]]]).float()
    distribution = cost_distribution(costs, decisions)
    total = float(costs.gflops(decisions).sum()) * 1e9
    assert distribution.shares["rgb"] == pytest.approx(2 * costs.segment_selected("rgb") / total)
    assert distribution.shares["audio"] == pytest.approx(
        2 * costs.segment_selected("audio") / total
    )
    assert distribution.shares["policy"] == pytest.approx(4 * costs.segment_policy / total)
    assert sum(distribution.shares.values()) == pytest.approx(1)
    assert set(distribution.shares) == {"rgb", "audio", "policy"}


def test_a_fusion_of_features_has_a_share() -> None:
    config = override(
        replace(tiny(), fusion="fc2", stages={"alternating": 1}), {"policy.kind": "always_on"}
    )
    costs = count_costs(config, 8)
    distribution = cost_distribution(costs, torch.ones(2, 3, 2))
    assert distribution.shares["fusion"] == pytest.approx(3 * costs.fusion / costs.all_on(3) / 1e9)
    assert distribution.shares["policy"] == 0
    assert sum(distribution.shares.values()) == pytest.approx(1)


def test_where_nothing_is_computed_nothing_has_a_share() -> None:
    costs = count_costs(override(tiny(), {"policy.kind": "oracle"}), 8)
    distribution = cost_distribution(costs, torch.zeros(2, 3, 2))
    assert distribution.p95 == 0
    assert set(distribution.shares.values()) == {0.0}


def test_the_published_billing_of_the_same_decisions_is_lower(costs: Costs) -> None:
    decisions = torch.tensor([[[1, 0]], [[0, 0]]]).float()
    bill = costs.billed
    billed = bill.recognition["rgb"] / 2 + sum(bill.policy.values()) + bill.lstm
    published = float(bill.gflops(decisions).mean())
    assert published == pytest.approx(billed / 1e9)
    assert published < float(costs.gflops(decisions).mean())


def test_the_metrics_of_a_distribution_name_its_parts(costs: Costs) -> None:
    metrics = cost_distribution(costs, torch.ones(2, 3, 2)).metrics()
    assert set(metrics) == {
        "gflops_p5",
        "gflops_p95",
        "gflops_share.rgb",
        "gflops_share.audio",
        "gflops_share.policy",
    }


@pytest.mark.parametrize("shape", [(0, 3, 2), (4, 3, 3)])
def test_decisions_of_another_model_are_refused(costs: Costs, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"decisions must be \[N, S, 2\] with N > 0, got"):
        cost_distribution(costs, torch.ones(shape))
