"""`python -m adamml.models.reference check`: our networks with the reference's weights give its
outputs, and the command says when not.

Expected outputs are the reference's own (tests/golden), and for other modalities, depths and sizes
those of plain_reference.py, which is held against the golden ones first.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import plain_reference as plain
import pytest
import torch
from adamml.models.adamml import AdaMML
from adamml.models.reference import __main__ as reference_command
from adamml.models.reference.__main__ import ERROR_LIMIT, main
from adamml.models.reference.networks import Layout
from plain_reference import largest_relative, make_case
from torch import Tensor

ROOT = Path(__file__).parents[3]
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


def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def test_the_command_passes_the_golden_case() -> None:
    """The command as a user runs it: no warning, and every output with its errors."""
    command = [sys.executable, "-W", "error", "-m", "adamml.models.reference", "check", str(GOLDEN)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    errors = re.findall(r"^(\S.*?) +(\S+e[-+]\d+) +(\S+e[-+]\d+)$", done.stdout, re.MULTILINE)
    assert tuple(name for name, _, _ in errors) == OUTPUTS
    assert all(float(relative) < ERROR_LIMIT for _, _, relative in errors)


def test_the_plain_forward_gives_the_golden_outputs() -> None:
    """The plain forward is what the cases below are held against, so it is checked first."""
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
