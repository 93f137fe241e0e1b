"""`python -m adamml.models.reference load`: checkpoints in the reference's names become ours."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plain_reference as plain
import pytest
import torch
from adamml.models.adamml import build_adamml
from adamml.models.recognition import build_recognition
from adamml.models.reference.__main__ import ERROR_LIMIT, main
from adamml.models.reference.checkpoint import read_state_dict
from adamml.models.reference.networks import Layout
from adamml.models.weight_files import load_weights
from adamml.models.weights import load_pretrained
from plain_reference import largest_relative
from torch import Tensor


def weights_of(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    return {key: plain.weight(key, shape) for key, shape in shapes.items()}


def saved(path: Path, state: dict[str, Tensor], prefix: str = "module.") -> str:
    """Save a state dict among other things, as the released training does."""
    named = {prefix + key: value for key, value in state.items()}
    torch.save({"epoch": 60, "state_dict": named, "best_top1": np.float64(82.5)}, path)
    return str(path)


@pytest.fixture(scope="module")
def checkpoint(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a checkpoint of AdaMML."""
    return saved(tmp_path_factory.mktemp("released") / "a.tar", weights_of(small["state_dict"]))


@pytest.mark.parametrize(
    ("modality", "depth", "description"),
    [
        ("rgb", 18, "unimodal network for rgb, resnet18, 5 classes"),
        ("flow", 34, "unimodal network for flow, resnet34, 5 classes"),
        ("sound", 18, "unimodal network for audio, mobilenet_v2, 5 classes"),
    ],
)
def test_a_unimodal_checkpoint_becomes_a_recognition_network(
    modality: str, depth: int, description: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = plain.reference_shapes([modality], [modality], depth, classes=5)
    state = plain.part(weights_of(shapes), "main_net.nets.0.")
    source, out = saved(tmp_path / "a.pth.tar", state), tmp_path / "model.safetensors"
    assert main(["load", source, "--out", str(out)]) == 0
    assert description in capsys.readouterr().out
    ours = modality.replace("sound", "audio")
    layout = Layout(recognition=(ours,), policy=None, depth=depth, num_classes=5)
    network = build_recognition(layout.config, ours, 5)
    load_weights(network, out)
    clip = torch.randn(1, 2, 4, plain.CHANNELS[modality], 40, 40)
    clip = clip[:, :, :1] if modality == "sound" else clip
    with torch.no_grad():
        logits = network.eval()(clip)[0]
        if modality == "sound":
            features = plain.mobile_features(state, clip[0], nested=True)
            head = plain.part(state, "classifier.1.")
            expected = torch.nn.functional.linear(features, head["weight"], head["bias"])
        else:
            expected = plain.resnet(state, clip[0], depth)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_a_backbone_alone_can_be_named_in_a_config(tmp_path: Path) -> None:
    shapes = plain.reference_shapes(["flow"], ["flow"], 18, classes=5)
    state = plain.part(weights_of(shapes), "main_net.nets.0.")
    source, out = saved(tmp_path / "a.pth", state, prefix=""), tmp_path / "flow.safetensors"
    assert main(["load", source, "--out", str(out), "--backbone-only"]) == 0
    layout = Layout(recognition=("flow",), policy=None, depth=18, num_classes=9)
    network = build_recognition(layout.config, "flow", 9)
    config = replace(layout.config.recognition["flow"], weights=str(out))
    load_pretrained(network.backbone, config, "recognition.flow.weights")
    torch.testing.assert_close(network.backbone.state_dict()["conv1.weight"], state["conv1.weight"])


def test_an_adamml_checkpoint_becomes_adamml(
    small: dict[str, Any], checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contents are read from shapes: with and without options the same file is written."""
    out, explicit = tmp_path / "model.safetensors", tmp_path / "explicit.safetensors"
    assert main(["load", checkpoint, "--out", str(out)]) == 0
    assert "AdaMML of rgb + flow (policy: rgb + rgbdiff), resnet18, 7" in capsys.readouterr().out
    options = "--modalities rgb+flow --policy-modalities rgb+rgbdiff --depth 18 --classes 7"
    assert main(["load", checkpoint, "--out", str(explicit), *options.split()]) == 0
    assert explicit.read_bytes() == out.read_bytes()
    layout = Layout(recognition=("rgb", "flow"), policy=("rgb", "rgbdiff"), depth=18, num_classes=7)
    model = build_adamml(layout.config, 7)
    load_weights(model, out)
    clips = {m: plain.clips(small, m) for m in small["modality"]}
    logits = model.eval().infer(clips, torch.tensor(small["decisions"])).logits
    assert largest_relative(logits, small["expected"]["video_logits"]) < ERROR_LIMIT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--depth 34", "missing keys: main_net.nets.0.layer1.2.conv1.weight"),
        ("--classes 31", r"main_net.nets.0.fc.weight \[7, 512\] in place of \[31, 512\]"),
        ("--modalities rgb+audio", "missing keys: main_net.nets.1.features.0.0.weight"),
        ("--modalities rgb", "as many as the 2 recognition networks, got rgb and rgb"),
        ("--modalities rgb+smell", "modalities must be of rgb, audio, flow, rgbdiff"),
        ("--backbone-only", "backbone_only must be with a unimodal checkpoint"),
    ],
)
def test_a_checkpoint_that_is_not_what_the_options_say_is_refused(
    arguments: str,
    message: str,
    checkpoint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "model.safetensors"
    assert main(["load", checkpoint, "--out", str(out), *arguments.split()]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not out.exists()


def test_scores_under_the_names_of_numpy_1_do_no_harm(tmp_path: Path) -> None:
    """The released checkpoints are older than NumPy 2, and than torch's zip files."""
    path, state = tmp_path / "a.pth.tar", {"conv1.weight": torch.ones(2)}
    content = {"state_dict": state, "best_top1": np.float64(88.17)}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    written = path.read_bytes()
    assert b"numpy._core" in written
    path.write_bytes(written.replace(b"numpy._core", b"numpy.core"))
    assert torch.equal(read_state_dict(path)["conv1.weight"], state["conv1.weight"])


class Foreign:
    """Unpickling it would run code of its choice."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a checkpoint", "damaged or of another kind"),
        (b"", "damaged or of another kind"),
        ({"state_dict": {}, "model": Foreign()}, "it holds .*Foreign"),
        ({"state_dict": {}}, "must hold a state dict"),
        ({"epoch": 3}, "got others at epoch"),
        ({"blocks.0.weight": torch.zeros(1)}, "must begin with the convolution conv1.weight"),
        ({"conv1.weight": torch.zeros(64, 4, 7, 7)}, r"layers of \(0, 0, 0, 0\) blocks"),
        ({"features.0.0.weight": torch.zeros(32, 4, 3, 3)}, "input channels must be one of"),
        ({"policy_net.x": torch.zeros(1)}, "no key main_net.nets.0"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(
    content: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    assert main(["load", str(path), "--out", str(tmp_path / "out.safetensors")]) == 2
    assert re.search(message, capsys.readouterr().err)
