"""Our networks with the reference's weights give its outputs, and the commands say when not.

Expected outputs are the reference's own (tests/golden), and for other modalities, depths and sizes
those of plain_reference.py, which is held against the golden ones first.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adamml import reference_command
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.recognition import build_recognition
from adamml.models.reference import Layout
from adamml.models.reference_checkpoint import read_state_dict
from adamml.models.weights import load_pretrained
from adamml.reference_command import LIMIT, main
from adamml.training.checkpoints import load_weights
from models import plain_reference as plain
from models.plain_reference import make_case
from torch import Tensor

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "rgb_audio_resnet18.json"
OUTPUTS = (
    "policy_logits",
    "unimodal_segment_logits rgb",
    "unimodal_segment_logits audio",
    "segment_logits",
    "video_logits",
    "video_logits_all_on",
    "loss cross_entropy",
    "loss usage",
    "loss wrong",
)

Check = Callable[[dict[str, Any]], tuple[int, str]]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """A case -> the command's exit status and what it printed."""

    def checked(case: dict[str, Any]) -> tuple[int, str]:
        path = tmp_path / "case.json"
        path.write_text(json.dumps(case))
        status = main(["check", str(path)])
        return status, "".join(capsys.readouterr())

    return checked


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """rgb and flow, with rgbdiff in the place of flow before the policy."""
    return make_case("rgb+flow", "rgb+rgbdiff", frames=2, videos=2, segments=1)


def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def largest_relative(ours: Tensor, expected: Any) -> float:
    want = torch.tensor(expected)
    assert ours.shape == want.shape
    return float((ours - want).abs().max() / want.abs().max())


def test_the_command_passes_the_golden_case() -> None:
    """As a user runs it: no warning, no second import, every output with its errors."""
    command = [sys.executable, "-W", "error", "-m", "adamml.models.reference", "check", str(GOLDEN)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    errors = re.findall(r"^(\S.*?) +(\S+e[-+]\d+) +(\S+e[-+]\d+)$", done.stdout, re.MULTILINE)
    assert tuple(name for name, _, _ in errors) == OUTPUTS
    assert all(float(relative) < LIMIT for _, _, relative in errors)


def test_the_plain_forward_gives_the_golden_outputs() -> None:
    """Else it would prove nothing about the cases that follow."""
    case = golden()
    outputs, parts = plain.expected(case)
    for name, values in (outputs | parts).items():
        expected = case["expected"] if name in outputs else case["loss"]
        assert largest_relative(values, expected[name]) < 1e-5, name
    shapes = plain.reference_shapes(["rgb", "sound"], ["rgb", "sound"], depth=18, classes=31)
    assert shapes == case["state_dict"]


@pytest.mark.parametrize(
    "options",
    [
        {"recognition": "rgb+flow", "policy": "rgb+rgbdiff", "pixels": 48},
        {"recognition": "rgb+sound+flow", "policy": "rgb+sound+rgbdiff", "depth": 34, "frames": 3},
        {"recognition": "rgbdiff", "frames": 5, "segments": 3, "prefix": "module."},
        {"recognition": "flow+rgb", "classes": 31, "pixels": 33, "fusion": "class_wise"},
        *(
            pytest.param(options, marks=pytest.mark.slow)
            for options in (
                {"recognition": "rgb+flow+sound", "policy": "rgb+sound+rgbdiff", "frames": 1},
                {"recognition": "sound", "videos": 3},
                {"recognition": "sound+flow+rgb", "frames": 3, "classes": 31, "pixels": 161},
                {"recognition": "flow+rgbdiff+sound+rgb", "frames": 7, "fusion": "average"},
                {"recognition": "rgb+sound+flow", "policy": "rgb+sound+rgbdiff", "depth": 50},
                {"recognition": "rgb+flow", "depth": 101, "frames": 8, "pixels": 112},
            )
        ),
    ],
    ids=str,
)
def test_other_cases_pass(options: dict[str, Any], check: Check) -> None:
    status, printed = check(make_case(**options))
    assert status == 0, printed


@pytest.mark.parametrize(
    ("weight", "failing"),
    [
        (
            "recognition.flow.classifier.bias",
            "unimodal_segment_logits flow, segment_logits, video_logits, video_logits_all_on, "
            "loss cross_entropy",
        ),
        ("policy.heads.flow.bias", "policy_logits"),
        (
            "fusion.free",
            "segment_logits, video_logits, video_logits_all_on, loss cross_entropy",
        ),
    ],
)
def test_a_perturbed_weight_of_ours_is_found(
    weight: str,
    failing: str,
    small: dict[str, Any],
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = reference_command.load_adamml

    def perturbed(weights: dict[str, Tensor], layout: Layout) -> AdaMML:
        model = load(weights, layout)
        with torch.no_grad():
            model.get_parameter(weight).view(-1)[0] += 0.1
        return model

    monkeypatch.setattr(reference_command, "load_adamml", perturbed)
    status, printed = check(small)
    assert (status, printed.splitlines()[-1]) == (1, f"not below 0.0001: {failing}")


def test_losses_that_are_off_by_a_thousandth_are_found(small: dict[str, Any], check: Check) -> None:
    parts = ("cross_entropy", "usage", "wrong")
    status, printed = check(
        small | {"loss": small["loss"] | {p: small["loss"][p] * 1.001 for p in parts}}
    )
    failing = "loss cross_entropy, loss usage, loss wrong"
    assert all(small["loss"][p] > 0 for p in parts)
    assert (status, printed.splitlines()[-1]) == (1, f"not below 0.0001: {failing}")


MISSING = "main_net.nets.1.layer1.0.conv1.weight"


def without(case: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in case.items() if k != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"state_dict": without(c["state_dict"], MISSING)}, f"missing keys: {MISSING}"),
        (lambda c: {"state_dict": c["state_dict"] | {"main_net.x": [1]}}, "keys: main_net.x"),
        (
            lambda c: {"state_dict": c["state_dict"] | {"policy_net.fcs.1.bias": [3]}},
            r"policy_net.fcs.1.bias \[3\] in place of \[2\]",
        ),
        (lambda c: {"state_dict": c["state_dict"] | {f"module.{MISSING}": [3]}}, "module.main"),
        (lambda c: {"state_dict": {"main_net.x": "3"}}, "state_dict must map keys to shapes"),
        (lambda c: {"depth": 34}, "missing keys: main_net.nets.0.layer1.2.conv1.weight"),
        (lambda c: {"depth": 51}, "unknown backbone 'resnet51'"),
        (lambda c: {"modality": ["rgb", "flow"]}, "modality must name all that is used"),
        (lambda c: {"modality": ["rgb", "smell"]}, "modality must be a list of"),
        (lambda c: {"recognition_modalities": ["rgb", "rgb"]}, "name each modality once"),
        (lambda c: {"policy_modalities": ["rgb"]}, "policy_modalities must be as many"),
        (lambda c: {"num_videos": 3}, r"targets must be .* shape \[3\]"),
        (lambda c: {"pixels": 0}, "pixels must be a positive whole number, got 0"),
        (lambda c: {"seed": "x"}, "seed must be a JSON int, got 'x'"),
        (lambda c: {"targets": [0, 7]}, "targets must be classes from 0 to 6"),
        (lambda c: {"decisions": [[1, "a"]]}, "decisions must be numbers"),
        (lambda c: {"expected": without(c["expected"], "video_logits")}, "video_logits must be"),
        (
            lambda c: {"expected": c["expected"] | {"video_logits": [[float("nan")] * 7] * 2}},
            "video_logits must be finite",
        ),
        (lambda c: {"loss": {"lambdas": [1, 1]}}, "gamma must be numbers, got nothing"),
    ],
)
def test_a_broken_case_is_named(
    change: Callable[[dict[str, Any]], dict[str, Any]],
    message: str,
    small: dict[str, Any],
    check: Check,
) -> None:
    status, printed = check(small | change(small))
    assert status == 2
    assert re.search(message, printed), printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_file_that_is_no_case_is_named(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "case.json"
    path.write_text(text)
    assert main(["check", str(path)]) == 2
    assert str(path) in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none.json")]) == 2


# Released checkpoints


def weights_of(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    return {key: plain.weight(key, shape) for key, shape in shapes.items()}


def saved(path: Path, state: dict[str, Tensor], prefix: str = "module.") -> str:
    """As the reference's training writes it: the state dict among other things."""
    named = {prefix + key: value for key, value in state.items()}
    torch.save({"epoch": 60, "state_dict": named, "best_top1": np.float64(82.5)}, path)
    return str(path)


@pytest.fixture(scope="module")
def checkpoint(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of AdaMML."""
    return saved(tmp_path_factory.mktemp("released") / "a.tar", weights_of(small["state_dict"]))


@pytest.mark.parametrize(
    ("modality", "depth", "found"),
    [
        ("rgb", 18, "unimodal network for rgb, resnet18, 5 classes"),
        ("flow", 34, "unimodal network for flow, resnet34, 5 classes"),
        ("sound", 18, "unimodal network for audio, mobilenet_v2, 5 classes"),
    ],
)
def test_a_unimodal_checkpoint_becomes_a_recognition_network(
    modality: str, depth: int, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = plain.reference_shapes([modality], [modality], depth, classes=5)
    state = plain.part(weights_of(shapes), "main_net.nets.0.")
    source, out = saved(tmp_path / "a.pth.tar", state), tmp_path / "model.safetensors"
    assert main(["load", source, "--out", str(out)]) == 0
    assert found in capsys.readouterr().out
    ours = modality.replace("sound", "audio")
    layout = Layout(recognition=(ours,), policy=None, depth=depth, num_classes=5)
    network = build_recognition(layout.config, ours, 5)
    load_weights(network, out)
    clip = torch.randn(1, 2, 4, plain.CHANNELS[modality], 40, 40)
    clip = clip[:, :, :1] if modality == "sound" else clip
    with torch.no_grad():
        said = network.eval()(clip)[0]
        if modality == "sound":
            features = plain.mobile_features(state, clip[0], nested=True)
            head = plain.part(state, "classifier.1.")
            expected = torch.nn.functional.linear(features, head["weight"], head["bias"])
        else:
            expected = plain.resnet(state, clip[0], depth)
    torch.testing.assert_close(said, expected, rtol=1e-4, atol=1e-4)


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
    """What it holds is read from its shapes; said or not, the same file is written."""
    out, told = tmp_path / "model.safetensors", tmp_path / "told.safetensors"
    assert main(["load", checkpoint, "--out", str(out)]) == 0
    assert "AdaMML of rgb + flow (policy: rgb + rgbdiff), resnet18, 7" in capsys.readouterr().out
    said = "--modalities rgb+flow --policy-modalities rgb+rgbdiff --depth 18 --classes 7"
    assert main(["load", checkpoint, "--out", str(told), *said.split()]) == 0
    assert told.read_bytes() == out.read_bytes()
    layout = Layout(recognition=("rgb", "flow"), policy=("rgb", "rgbdiff"), depth=18, num_classes=7)
    model = build_adamml(layout.config, 7)
    load_weights(model, out)
    clips = {m: plain.clips(small, m) for m in small["modality"]}
    logits = model.eval().infer(clips, torch.tensor(small["decisions"])).logits
    assert largest_relative(logits, small["expected"]["video_logits"]) < LIMIT


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
def test_a_checkpoint_that_is_not_what_was_said_is_refused(
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
    held = {"state_dict": state, "best_top1": np.float64(88.17)}
    torch.save(held, path, _use_new_zipfile_serialization=False)
    written = path.read_bytes()
    assert b"numpy._core" in written
    path.write_bytes(written.replace(b"numpy._core", b"numpy.core"))
    assert torch.equal(read_state_dict(path)["conv1.weight"], state["conv1.weight"])


class Foreign:
    """Unpickling it would run code of its choice."""


@pytest.mark.parametrize(
    ("held", "message"),
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
    held: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(held) if isinstance(held, bytes) else torch.save(held, path)
    assert main(["load", str(path), "--out", str(tmp_path / "out.safetensors")]) == 2
    assert re.search(message, capsys.readouterr().err)
