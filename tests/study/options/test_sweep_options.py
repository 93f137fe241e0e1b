"""What a sweep finds out before it starts anything: weights of backbones, flow that is stored."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from adamml.config import BackboneConfig
from adamml.data.manifest import Manifest, write_manifest
from adamml.data.stored_flow import StoredFlow, warn_once
from adamml.models.backbones import build_backbone
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.plan import SweepPlan
from adamml.study.options.sweep import resolve
from adamml.study.sweep import dry_run

from search_spaces import space_of

RGB, POLICY = "recognition.rgb.weights", "policy.backbones.rgb.weights"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def _resolve(recipe: str, *override: str) -> SweepPlan:
    return resolve(SweepOptions(recipe=recipe, override=override), space_of)


def _write_conv3(path: Path, width: int = 8, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    backbone = build_backbone(BackboneConfig(name="conv3", width=width), 3)
    torch.save(backbone.state_dict(), path)
    return path


def test_a_relative_file_is_made_absolute_for_the_workers(tmp_path: Path) -> None:
    path = _write_conv3(tmp_path / "w.pth")
    resolved = _resolve("tiny", f"{RGB}=w.pth")
    assert resolved.base[RGB] == str(path)
    assert resolved.config.recognition["rgb"].weights == str(path)
    assert json.loads(dry_run(resolved))["config"][RGB] == str(path)


def test_a_study_is_named_by_what_its_weights_hold(tmp_path: Path) -> None:
    a, b = _write_conv3(tmp_path / "a.pth"), tmp_path / "b.pth"
    b.write_bytes(a.read_bytes())
    c = _write_conv3(tmp_path / "c.pth", seed=1)
    names = [_resolve("tiny", f"{RGB}={path}").folder.name for path in (a, b, c)]
    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize("field", [RGB, POLICY])
def test_a_file_that_is_not_there_stops_the_job(field: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=rf"^{field} must be .* got {tmp_path}/w\.pth: no such file$"
    ):
        _resolve("tiny", f"{field}=w.pth")


@pytest.mark.parametrize(("field", "width"), [(RGB, 4), (POLICY, 8)])
def test_a_file_that_does_not_fit_stops_the_job(field: str, width: int, tmp_path: Path) -> None:
    path = _write_conv3(tmp_path / "w.pth", width)
    with pytest.raises(
        ValueError, match=f"^{field} must be weights of conv3, got {path}: of another"
    ):
        _resolve("tiny", f"{field}={path}")


def test_a_backbone_without_imagenet_weights_stops_the_job() -> None:
    with pytest.raises(ValueError, match="for resnet10, which has no ImageNet weights"):
        _resolve("demo", f"{RGB}=imagenet")


def test_imagenet_weights_are_not_downloaded_by_the_driver(home: Path) -> None:
    _resolve("tiny", "policy.backbones.rgb.name=mobilenet_v3_small", f"{POLICY}=imagenet")
    assert not home.exists()


def test_every_backbone_of_the_search_must_fit(tmp_path: Path) -> None:
    path = _write_conv3(tmp_path / "w.pth")
    recognition = {"rgb": ("conv3", "resnet10"), "audio": ("conv3",)}
    wider = replace(space_of("tiny"), recognition=recognition)
    message = r"weights of resnet10, got .* \(the search tries recognition\.rgb\.name=resnet10, "
    with pytest.raises(ValueError, match=message):
        resolve(SweepOptions(recipe="tiny", override=(f"{RGB}={path}",)), lambda _: wider)


def test_flow_that_is_stored_but_not_read_is_told_before_anything_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"id": "a", "path": "a.mp4", "flow_path": "b.mp4", "split": "train", "label": 0}
    table = pd.DataFrame([row | {"duration_s": 1.0, "fps": 25.0}])
    write_manifest(Manifest(tmp_path, table, ("x", "y"), flow=StoredFlow(algorithm="tvl1")))
    warn_once.cache_clear()

    def told(task: str, *override: str) -> str:
        caplog.clear()
        options = SweepOptions(recipe="demo", task=task, data=tmp_path, override=override)
        with caplog.at_level(logging.WARNING, "adamml.data.stored_flow"):
            resolve(options, space_of)
        return caplog.text

    changes = "motion.algorithm=tvl1 motion.step=1 rgb.stored_every=1 rgb.stored_short_side=256"
    assert f"add --override {changes}" in told("rgb+flow+audio")
    assert told("rgb+flow+audio", *changes.split()) == told("rgb+audio") == ""
