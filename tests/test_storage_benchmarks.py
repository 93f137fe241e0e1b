"""Small rounds of benchmarks/flow_storage.py and sound_storage.py."""

import json
from typing import Any

import pytest

from benchmarks import flow_storage, sound_storage


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_flow_takes_less_room_as_video_than_as_images(capsys: pytest.CaptureFixture[str]) -> None:
    flow_storage.main(flow_storage.Options(videos=1, seconds=3.0, pixels=64, segments=2))
    forms = last_line(capsys)["forms"]
    assert set(forms) == set(flow_storage.FORMS)
    assert forms["h264 crf 8"]["kb_per_video_s"] < forms["jpeg 95"]["kb_per_video_s"]
    assert forms["h264 lossless"]["max_error"] == forms["ffv1 lossless"]["max_error"] == 0
    assert 0 < forms["h264 crf 8"]["mean_error"] < 0.05
    assert all(form["cpu_ms_per_segment"] > 0 for form in forms.values())


def test_flac_loses_nothing_that_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    sound_storage.main(sound_storage.Options(videos=1, seconds=3.0, pixels=64, reads=2))
    forms = last_line(capsys)["forms"]
    assert forms["flac in the clip"]["spectrogram_error"] == 0
    assert forms["aac in the clip"]["spectrogram_error"] > 0
    assert forms["aac in the clip"]["kb_per_s"] < forms["flac in the clip"]["kb_per_s"]
    assert all(form["cpu_ms_per_window"] > 0 for form in forms.values())
