"""Small rounds of benchmarks/flow_storage.py and sound_storage.py."""

from benchmark_process import last_line

SMALL = ("--videos", 1, "--seconds", 3.0, "--pixels", 64)


def test_flow_takes_less_room_as_video_than_as_images() -> None:
    forms = last_line("flow_storage.py", *SMALL, "--segments", 2)["forms"]
    assert forms["h264 crf 8"]["kb_per_video_s"] < forms["jpeg 95"]["kb_per_video_s"]
    assert forms["h264 lossless"]["max_error"] == forms["ffv1 lossless"]["max_error"] == 0
    assert 0 < forms["h264 crf 8"]["mean_error"] < 0.05
    assert all(form["cpu_ms_per_segment"] > 0 for form in forms.values())


def test_flac_loses_nothing_that_is_heard() -> None:
    forms = last_line("sound_storage.py", *SMALL, "--reads", 2)["forms"]
    assert forms["flac in the clip"]["spectrogram_error"] == 0
    assert forms["aac in the clip"]["spectrogram_error"] > 0
    assert forms["aac in the clip"]["kb_per_s"] < forms["flac in the clip"]["kb_per_s"]
    assert all(form["cpu_ms_per_window"] > 0 for form in forms.values())
