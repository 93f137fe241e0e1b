"""The reference's billing: its constants, and the totals that the poster prints."""

from collections.abc import Callable

import pytest
import torch
from adamml.config import override
from adamml.cost.flops import Costs, count_costs
from adamml.cost.table import decisions_at_rates
from adamml.recipes import demo, kinetics_sounds, parse_task, tiny

SEGMENTS = 10
FLOW_TASKS = ["rgb+flow", "rgb+flow+audio"]


def costs_of(task: str, **overrides: object) -> Costs:
    config = override(kinetics_sounds(parse_task(task)), overrides)
    return count_costs(config, config.data.num_classes)


def published(costs: Costs, **rates: float) -> float:
    given = {m: rates.get(m, 1.0) for m in costs.modalities}
    return float(costs.billed.gflops(decisions_at_rates(given, SEGMENTS)))


@pytest.mark.parametrize(
    ("task", "recognition", "everything"),
    [
        ("rgb+audio", 145.177, 152.773),
        ("rgb+flow", 304.749, 317.620),
        ("rgb+flow+audio", 308.566, 325.255),
    ],
)
def test_all_selected_costs_what_the_audit_of_the_paper_says(
    task: str, recognition: float, everything: float
) -> None:
    costs = costs_of(task)
    assert published(costs) == pytest.approx(everything, abs=5e-4)
    alone = count_costs(
        override(kinetics_sounds(costs.modalities), {"policy.kind": "always_on"}), 31
    )
    assert published(alone) == pytest.approx(recognition, abs=5e-4)


def test_published_rates_cost_what_the_formula_says() -> None:
    costs = costs_of("rgb+audio")
    assert published(costs, rgb=0.4647, audio=0.9415) == pytest.approx(76.88, abs=5e-3)
    assert published(costs, rgb=0, audio=0) == pytest.approx(7.595, abs=5e-4)


@pytest.mark.parametrize("task", FLOW_TASKS)
def test_frame_differences_are_billed_at_224_pixels_and_counted_at_160(task: str) -> None:
    costs = costs_of(task)
    assert costs.policy["flow"] == 463_920_000
    assert costs.billed.policy["flow"] == 909_283_200
    overstated = SEGMENTS * (costs.billed.policy["flow"] - costs.policy["flow"]) / 1e9
    assert overstated == pytest.approx(4.45, abs=5e-3)


def test_a_policy_that_looks_at_flow_itself_is_billed_at_its_own_size() -> None:
    costs = costs_of("rgb+flow", **{"policy.proxies.flow": "flow"})
    assert costs.billed.policy == costs.policy
    assert costs.policy["flow"] < costs_of("rgb+flow").policy["flow"]


def test_the_lstm_is_billed_without_the_logits_that_it_sees() -> None:
    costs = costs_of("rgb+audio")
    assert costs.billed.lstm == 4 * 256 * (2048 + 256) == 2_359_296
    assert costs.lstm - costs.billed.lstm == 4 * 256 * 4


def test_other_backbones_are_billed_by_the_same_rule() -> None:
    costs = costs_of("rgb+audio", **{"recognition.rgb.name": "resnet18"})
    assert costs.billed.recognition == costs.recognition
    assert costs.recognition["rgb"] < 0.6 * costs_of("rgb+audio").recognition["rgb"]
    per_segment = sum(costs.recognition.values()) + sum(costs.policy.values()) + 2_359_296
    assert published(costs) == pytest.approx(SEGMENTS * per_segment / 1e9)


@pytest.mark.parametrize("recipe", [demo, tiny])
def test_without_frame_differences_only_unbilled_parts_make_the_difference(
    recipe: Callable[..., object],
) -> None:
    config = recipe()
    costs = count_costs(config, 8)
    unbilled = sum(costs.classifier.values()) + costs.joint + costs.heads
    unbilled += costs.lstm - costs.billed.lstm
    ones = torch.ones(1, 4, 2)
    difference = costs.gflops(ones) - costs.billed.gflops(ones)
    assert float(difference) == pytest.approx(4 * unbilled / 1e9)


def test_where_weights_come_from_is_neither_counted_nor_looked_up() -> None:
    assert costs_of("rgb+audio", **{"recognition.rgb.weights": "not/there.pth"}) is costs_of(
        "rgb+audio"
    )
