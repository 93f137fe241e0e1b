"""Costs are counted on the modules that run, and agree with the published integers."""

from dataclasses import replace

import pytest
import torch
from adamml.config import override
from adamml.cost.flops import Costs, count_costs, count_macs
from adamml.models.adamml import build_adamml
from adamml.models.shapes import segment_shape
from adamml.recipes import demo, kinetics_sounds, tiny
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@pytest.fixture(scope="module")
def published() -> Costs:
    return count_costs(kinetics_sounds(), 31)


def test_recognition_costs_are_the_published_integers(published: Costs) -> None:
    assert published.recognition == {"rgb": 14_135_984_128, "audio": 381_739_008}


def test_policy_costs_are_the_published_integers(published: Costs) -> None:
    assert published.policy == {"rgb": 375_446_400, "audio": 381_739_008}


def test_what_the_reference_does_not_bill_is_counted(published: Costs) -> None:
    assert published.joint == 2560 * 2048 + 2048 * 2048
    assert published.lstm == 4 * 256 * (2048 + 4 + 256)
    assert published.heads == 2 * 2 * 256
    assert published.classifier == {"rgb": 2048 * 31, "audio": 1280 * 31}


def test_demo_keeps_the_economics_of_the_paper() -> None:
    costs = count_costs(demo(), demo().data.num_classes)
    assert 20 <= costs.segment_selected("rgb") / costs.segment_selected("audio") <= 60
    recognition = sum(map(costs.segment_selected, costs.modalities))
    assert costs.segment_policy <= 0.08 * recognition


@pytest.mark.parametrize("recipe", [tiny, demo])
def test_parts_add_up_to_what_the_whole_model_computes(recipe) -> None:
    config, segments = recipe(), 2
    clips = {m: torch.zeros(1, segments, *segment_shape(config, m)) for m in config.modalities}
    model = build_adamml(config, 8).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(clips, temperature=1.0)
    counted = count_costs(config, 8).all_on(segments) * 1e9
    assert counted == pytest.approx(counter.get_total_flops() / 2, abs=0.5)


def test_always_on_policy_costs_nothing() -> None:
    costs = count_costs(override(demo(), {"policy.kind": "always_on"}), 8)
    assert costs.segment_fixed == 0
    assert costs.segment_policy == 0
    assert costs.recognition == count_costs(demo(), 8).recognition


def test_gflops_follow_the_decisions() -> None:
    costs = count_costs(tiny(), 8)
    decisions = torch.tensor([[[0, 0], [0, 0]], [[1, 0], [0, 1]], [[1, 1], [1, 1]]]).float()
    fixed = 2 * costs.segment_fixed
    rgb, audio = costs.segment_selected("rgb"), costs.segment_selected("audio")
    expected = [fixed, fixed + rgb + audio, fixed + 2 * (rgb + audio)]
    gflops = costs.gflops(decisions)
    assert gflops.dtype == torch.float64
    assert (gflops * 1e9).tolist() == pytest.approx(expected)
    assert costs.all_on(2) == pytest.approx(expected[-1] / 1e9)


def test_same_count_on_real_and_meta_tensors() -> None:
    config = tiny()
    backbone = build_adamml(config, 8).recognition["rgb"].get_submodule("backbone")
    clip = torch.zeros(1, *segment_shape(config, "rgb"))
    assert count_macs(backbone, clip) == count_costs(config, 8).recognition["rgb"]


def test_costs_are_counted_once_per_architecture() -> None:
    config = demo()
    longer = replace(config, stages={"policy_only": 99}, seed=5)
    assert count_costs(config, 8) is count_costs(longer, 8)
    assert count_costs(config, 8) is not count_costs(config, 9)


class _Hidden(nn.Module):
    """Runs a layer's weights without calling the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x * self.layer.weight[0])


def test_a_parameterised_module_that_counts_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"above 0, got 0 for _Hidden\.layer"):
        count_macs(_Hidden(), torch.zeros(1, 4))


def test_a_norm_may_count_zero() -> None:
    assert count_macs(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), torch.zeros(1, 3)) == 12
