"""Properties that hold for any weights and inputs."""

from itertools import pairwise

import pytest
import torch
from adamml.config import LossConfig, override
from adamml.cost.flops import count_costs
from adamml.models.policy import PolicyNetwork
from adamml.models.shapes import segment_shape
from adamml.objectives.losses import policy_loss, total
from adamml.recipes import RECIPES, tiny

ORDERS = ((0, 1, 2), (2, 0, 1), (1, 0, 2))


def reordered(blocks: list[int], order: tuple[int, ...], start: int = 0) -> list[int]:
    """Return the columns of a weight whose input blocks have these widths, in another order."""
    edges = [start]
    for width in blocks:
        edges.append(edges[-1] + width)
    spans = [list(range(a, b)) for a, b in pairwise(edges)]
    return [column for number in order for column in spans[number]]


@pytest.mark.parametrize("order", ORDERS)
def test_permuting_modalities_permutes_decisions(order: tuple[int, ...]) -> None:
    config = tiny(("rgb", "audio", "flow"))
    shuffled = override(config, {"modalities": tuple(config.modalities[n] for n in order)})
    torch.manual_seed(0)
    policy, other = PolicyNetwork(config).eval(), PolicyNetwork(shuffled).eval()
    weights = policy.state_dict()
    widths = [backbone.features for backbone in policy.backbones.values()]
    weights["joint.0.weight"] = weights["joint.0.weight"][:, reordered(widths, order)]
    joint = config.policy.joint_width
    columns = [*range(joint), *reordered([2, 2, 2], order, joint)]
    weights["lstm.weight_ih"] = weights["lstm.weight_ih"][:, columns]
    other.load_state_dict(weights)
    clips = {m: torch.randn(2, 3, *segment_shape(config, m)) for m in config.inputs}
    with torch.no_grad():
        logits = policy.logits(policy.view(clips))
        permuted = other.logits(other.view(clips))
    torch.testing.assert_close(permuted, logits[:, :, list(order)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modalities", [("rgb", "audio"), ("rgb", "audio", "flow")])
def test_cost_is_additive_and_monotone(modalities: tuple[str, ...]) -> None:
    config = RECIPES["tiny"](modalities)
    costs = count_costs(config, config.data.num_classes)
    torch.manual_seed(0)
    one, other = (torch.randint(0, 2, (6, 4, len(modalities))).double() for _ in range(2))
    nothing = torch.zeros_like(one)
    joined = torch.cat([one, other], dim=1)
    torch.testing.assert_close(costs.gflops(joined), costs.gflops(one) + costs.gflops(other))
    torch.testing.assert_close(
        costs.gflops(one) - costs.gflops(nothing),
        sum(
            costs.gflops(one * axis) - costs.gflops(nothing) for axis in torch.eye(len(modalities))
        ),
    )
    assert (costs.gflops(torch.maximum(one, other)) >= costs.gflops(one)).all()
    assert (costs.gflops(nothing) > 0).all(), "the policy has looked all the same"


def test_zero_lambda_leaves_usage_without_effect() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 4, requires_grad=True), torch.randint(0, 4, (5,))
    decisions = torch.rand(5, 3, 2, requires_grad=True)
    free = LossConfig(lambdas={"rgb": 0.0, "audio": 0.0}, gamma=0.0)
    parts = policy_loss(logits, decisions, labels, ("rgb", "audio"), free)
    assert parts["usage"].item() == 0
    total(parts).backward()
    assert decisions.grad is not None
    assert decisions.grad.eq(0).all()
