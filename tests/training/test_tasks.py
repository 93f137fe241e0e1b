"""What the networks of a trial start from."""

from pathlib import Path

import pytest
import torch
from adamml.config import Config, override
from adamml.methods.adamml.building import fresh_adamml
from adamml.models.backbones import build_backbone
from adamml.recipes import tiny
from adamml.training.unimodal import fresh_unimodal
from adamml.training.workers import Workers
from torch import nn

RGB, POLICY = "recognition.rgb.weights", "policy.backbones.rgb.weights"


def _written(config: Config, path: Path) -> dict[str, torch.Tensor]:
    """Weights for the backbone of either network, in a file."""
    torch.manual_seed(99)
    state = build_backbone(config, 3).state_dict()
    torch.save(state, path)
    return state


def _changed(before: nn.Module, after: nn.Module) -> set[str]:
    pairs = zip(before.state_dict().items(), after.state_dict().values(), strict=True)
    return {name for (name, old), new in pairs if not torch.equal(old, new)}


def test_a_recognition_backbone_starts_from_its_weights(tmp_path: Path) -> None:
    plain, workers = tiny(), Workers.current()
    state = _written(plain.recognition["rgb"], tmp_path / "w.pth")
    config = override(plain, {RGB: str(tmp_path / "w.pth")})
    network = fresh_unimodal(config, "rgb", workers)
    for name, tensor in network.backbone.state_dict().items():
        assert torch.equal(tensor, state[name])
    changed = _changed(fresh_unimodal(plain, "rgb", workers), network)
    assert "backbone.layers.0.0.weight" in changed
    assert all(name.startswith("backbone.") for name in changed)


def test_a_policys_backbone_starts_from_its_weights(tmp_path: Path) -> None:
    plain, workers = tiny(), Workers.current()
    state = _written(plain.policy.backbones["rgb"], tmp_path / "w.pth")
    config = override(plain, {POLICY: str(tmp_path / "w.pth")})
    model = fresh_adamml(config, {}, workers)
    backbone = model.policy.get_submodule("backbones.rgb")
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, state[name])
    changed = _changed(fresh_adamml(plain, {}, workers), model)
    assert "policy.backbones.rgb.layers.0.0.weight" in changed
    assert all(name.startswith("policy.backbones.rgb.") for name in changed)


def test_a_policy_without_backbones_needs_no_weights(tmp_path: Path) -> None:
    changes = {POLICY: str(tmp_path / "nowhere.pth"), "policy.kind": "always_on"}
    fresh_adamml(override(tiny(), changes), {}, Workers.current())
    with pytest.raises(ValueError, match="no such file"):
        fresh_adamml(override(tiny(), {**changes, "policy.kind": "gumbel"}), {}, Workers.current())
