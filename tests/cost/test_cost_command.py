"""`python -m adamml.cost`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from adamml.cost.__main__ import main

ROOT = Path(__file__).parents[2]


def test_json_has_integers_per_segment_and_gflops_per_video(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinetics_sounds", "--json", "--rates", "rgb=0.4647,audio=0.9415"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["per_segment"] == {
        "recognition": {"rgb": 14_135_984_128, "audio": 381_739_008},
        "classifier": {"rgb": 63_488, "audio": 39_680},
        "policy": {"rgb": 375_446_400, "audio": 381_739_008},
        "joint": 9_437_184,
        "lstm": 2_363_392,
        "heads": 1_024,
        "fusion": 0,
    }
    assert printed["per_video"]["published"] == pytest.approx(76.88, abs=5e-3)
    assert printed["per_video"]["counted"] == pytest.approx(76.975, abs=5e-4)
    assert (printed["segments"], printed["rates"]) == (10, {"rgb": 0.4647, "audio": 0.9415})


def test_counted_is_the_sum_of_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["tiny", "--json", "--task", "rgb+flow+audio", "--segments", "7"]
    assert main([*arguments, "--rates", "flow=0.25"]) == 0
    printed = json.loads(capsys.readouterr().out)
    parts, rates = printed["per_segment"], {"rgb": 1.0, "audio": 1.0, "flow": 0.25}
    assert printed["rates"] == rates
    assert printed["policy_sees"]["flow"] == "rgbdiff"
    assert set(parts["policy"]) == {"rgb", "audio", "rgbdiff"}
    total = sum(rates[m] * (parts["recognition"][m] + parts["classifier"][m]) for m in rates)
    total += sum(parts["policy"].values())
    total += parts["joint"] + parts["lstm"] + parts["heads"] + parts["fusion"]
    assert printed["per_video"]["counted"] == pytest.approx(7 * total / 1e9)
    billed = printed["billed_per_segment"]
    total = sum(rates[m] * parts["recognition"][m] for m in rates)
    total += sum(billed["policy"].values()) + billed["lstm"]
    assert printed["per_video"]["published"] == pytest.approx(7 * total / 1e9)


def test_the_table_shows_the_true_and_the_billed_cost_of_frame_differences(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinetics_sounds", "--task", "rgb+flow+audio", "--rates", "flow=0.2682"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "flow (sees rgbdiff)" in line]
    assert "463,920,000" in row
    assert "909,283,200" in row
    (row,) = [line for line in lines if "all, no policy" in line]
    assert "308.566" in row
    (row,) = [line for line in lines if "flow in 26.82%" in line]
    assert "rgb in 100%" in row


def test_overrides_change_what_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    plain, fc2 = ["tiny", "--json"], ["fusion=fc2", "stages.policy_only=0"]
    counts = []
    for arguments in (plain, [*plain, "--override", "policy.kind=always_on", *fc2]):
        assert main(arguments) == 0
        counts.append(json.loads(capsys.readouterr().out)["per_segment"])
    assert counts[0]["fusion"] == 0 < counts[1]["fusion"]
    assert counts[0]["joint"] > 0 == counts[1]["joint"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "unknown recipe 'nope'; choose from"),
        (["tiny", "--task", "rgb+smell"], "task must be modalities of"),
        (["tiny", "--rates", "rgb=1.2"], r"rates must be in [0, 1], got 'rgb=1.2'"),
        (["tiny", "--rates", "rgb=nan"], r"rates must be in [0, 1], got 'rgb=nan'"),
        (["tiny", "--rates", "flow=0.5"], "rates must be of rgb, audio, each at most once"),
        (["tiny", "--rates", "rgb=1,rgb=0"], "each at most once, got 'rgb=0'"),
        (["tiny", "--rates", "rgb"], "rates must be modality=number, got 'rgb'"),
        (["tiny", "--segments", "0"], "segments must be at least 1, got 0"),
        (["tiny", "--override", "loss.gama=1"], "nearest valid path is 'loss.gamma'"),
        (["tiny", "--override", "recognition.rgb.name=vgg"], "unknown backbone 'vgg'"),
        (["kinetics_sounds", "--override", "rgb.crop=0"], "too small"),
    ],
)
def test_mistakes_are_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert message in captured.err


def test_the_command_runs_as_a_module() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "platform")}
    command = [sys.executable, "-m", "adamml.cost", "tiny", "--rates", "rgb=2"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 2
    assert ended.stderr == "error: rates must be in [0, 1], got 'rgb=2'\n"
