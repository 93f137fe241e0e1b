"""jobs/prepare_videos.py as its user runs it, over real files in four containers."""

import json
import os
import signal
from pathlib import Path

import media
import one_by_one
import pandas as pd
import pytest
import sweep_process
from adamml.data.manifest import load_manifest
from adamml.data.media.flow_video import read_flow
from adamml.data.media.video import read_video
from adamml.data.stored_flow import StoredFlow

JOB = sweep_process.ROOT / "jobs" / "prepare_videos.py"


def run(home: Path, *options: str) -> tuple[int, str]:
    return sweep_process.sweep(home, *options, job=JOB)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of ten short clips each, and three files that are none."""
    root = tmp_path_factory.mktemp("videos")
    for label in ("a", "b"):
        (root / label).mkdir()
        for number in range(10):
            suffix = list(media.CODECS)[number % 4]
            rate = 48_000 if suffix == "webm" else 24_000
            times = [i / 25 for i in range(30)]
            media.write_media(root / label / f"{number}.{suffix}", times=times, rate=rate)
    (root / "a" / "text.mp4").write_text("no video")
    (root / "a" / "empty.mkv").touch()
    (root / "b" / "out.mp4").symlink_to(os.devnull)
    (root / "b" / "gone.mp4").symlink_to(root / "nowhere")
    return root


def test_folders_become_a_manifest_and_a_second_run_does_nothing(
    videos: Path, tmp_path: Path
) -> None:
    options = ["--format", "folders", "--videos", str(videos), "--out", str(tmp_path / "out")]
    code, said = run(tmp_path, *options)
    assert code == 0, said
    manifest = load_manifest(tmp_path / "out")
    assert len(manifest) == 20
    assert manifest.classes == ("a", "b")
    assert set(manifest.table["split"]) == {"train", "validation", "test"}
    frames = read_video(manifest.path(0), fps=25, every=5, short_side=256)
    assert frames.shape == (6, 3, 48, 64)
    failed = pd.read_csv(tmp_path / "out" / "failed.csv")
    reasons = dict(zip(failed["id"], failed["reason"], strict=True))
    assert set(reasons) == {"a/text.mp4", "a/empty.mkv"}
    assert "not a readable video" in reasons["a/text.mp4"]
    assert "22 clips were prepared or tried now" in said

    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "clips").rglob("*.mp4")}
    manifest.path(3).unlink()
    code, said = run(tmp_path, *options)
    assert (code, "1 clips were prepared or tried now" in said) == (0, True)
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "clips").rglob("*.mp4")}
    assert {p for p in before if before[p] != after[p]} == {manifest.path(3)}
    assert load_manifest(tmp_path / "out").fingerprint == manifest.fingerprint

    code, said = run(tmp_path, *options)
    assert "0 clips were prepared or tried now" in said


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_result(videos: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    options = ["--format", "folders", "--videos", str(videos), "--out", str(killed)]
    process = sweep_process.start(tmp_path, *options, job=JOB)
    journal = killed / "prepared.jsonl"
    while not journal.exists() or not journal.read_text():
        assert process.poll() is None, process.communicate()[0]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = len(journal.read_text().splitlines())
    (killed / "clips" / "zz").mkdir()
    (killed / "clips" / "zz" / ".half.1.part.mp4").write_bytes(b"half")
    code, said = run(tmp_path, *options)
    assert code == 0, said
    assert f"{22 - done} clips were prepared" in said
    whole = one_by_one.prepare_folders(videos, tmp_path / "whole")
    assert len(whole) == 20
    assert load_manifest(killed).fingerprint == whole.fingerprint
    assert not list(killed.rglob("*.part.mp4"))


@pytest.mark.slow
def test_kinetics_cuts_what_is_uncut_and_names_what_is_missing(tmp_path: Path) -> None:
    source = tmp_path / "videos"
    source.mkdir()
    times = [i / 25 for i in range(75)]
    media.write_media(source / "uncut.mp4", times=times)
    media.write_media(source / "cut_000005_000007.mkv", times=times[:50])
    names = ["label,youtube_id,time_start,time_end,split"]
    names += ["x,uncut,1,2,train", "x,cut,5,7,train", "x,gone,0,2,train", "x,uncut2,0,1,validate"]
    media.write_media(source / "uncut2.mp4", times=times)
    (tmp_path / "a.csv").write_text("\n".join(names))
    out = tmp_path / "out"
    options = ["--format", "kinetics", "--annotations", str(tmp_path / "a.csv")]
    options += ["--videos", str(source), "--out", str(out), "--flow", "tvl1"]
    code, said = run(tmp_path, *options)
    assert code == 0, said
    manifest = load_manifest(out)
    assert manifest.flow == StoredFlow(algorithm="tvl1")
    table = manifest.table.set_index("id")
    assert table["duration_s"].round(2).to_dict() == {
        "uncut_000001_000002": 1.0,
        "cut_000005_000007": 2.0,
        "uncut2_000000_000001": 1.0,
    }
    assert table.loc["uncut2_000000_000001", "split"] == "test"
    assert pd.read_csv(out / "failed.csv")["reason"].tolist() == ["the file is missing"]
    assert read_flow(out / table["flow_path"].iloc[0], fps=25.0).shape == (25, 2, 48, 64)
    lines = (out / "prepared.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert (events.count("clip"), events.count("flow")) == (4, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "kinetic"], "kinetics"),
        (["--format", "folders", "--videos", "nowhere"], "folder"),
        (["--format", "kinetics", "--annotations", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, options: list[str], words: str) -> None:
    defaults = ["--videos", str(tmp_path), "--out", str(tmp_path / "out")]
    code, said = run(tmp_path, *defaults, *options)
    assert code == 2
    assert said.startswith("error: ")
    assert words in said
    assert len(said.strip().splitlines()) == 1
