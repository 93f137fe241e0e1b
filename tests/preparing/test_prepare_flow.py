"""jobs/prepare_videos.py --flow, --check, and what becomes of runs that were killed."""

import hashlib
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import one_by_one
import pytest
import sweep_process
import tyro
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import load_manifest
from adamml.data.media.flow_video import read_flow
from adamml.data.stored_flow import StoredFlow
from adamml.journal import Journal
from adamml.preparing import flows
from adamml.preparing.clips import Preparation, Row, prepare
from adamml.preparing.flows import FLOWS, add_flow, failure_reason
from adamml.preparing.job import _kept_flow, prepare_videos
from adamml.preparing.options import PrepareOptions
from adamml.preparing.pipeline import flow_counts, journal_path, missing, outcomes, remove_damaged
from adamml.preparing.wanted import files_by_name, wanted_video
from adamml.recipes import tiny

JOB = sweep_process.ROOT / "jobs" / "prepare_videos.py"
CLASSES, CLIPS = ("left", "right"), 6
DIS = StoredFlow(algorithm="dis", bound=20.0, short_side=256)


def moving(path: Path, *, shift: int, frames: int = 24) -> None:
    """A texture that moves sideways by so many pixels a frame: 64 x 48."""
    noise = np.random.default_rng(shift + 50 + int(path.stem)).integers(
        0, 256, (9, 40, 3), np.uint8
    )
    wide = cv2.resize(noise, (200, 48), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for step in range(frames):
            at = 68 - shift * step
            picture = np.ascontiguousarray(wide[:, at : at + 64])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of six clips each, and one that is too small for flow."""
    root = tmp_path_factory.mktemp("moving")
    for name, shift in zip(CLASSES, (-2, 2), strict=True):
        (root / name).mkdir()
        for number in range(CLIPS):
            moving(root / name / f"{number}.mp4", shift=shift)
    with av.open(str(root / "left" / "small.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 12, "yuv420p"
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((12, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return root


def job(home: Path, videos: Path, *options: str) -> str:
    places = ["--format", "folders", "--videos", str(videos), "--out", str(home / "out")]
    code, said = sweep_process.sweep(home, *places, *options, job=JOB)
    assert code == 0, said
    return said


def files(out: Path, kind: str) -> dict[str, tuple[int, str]]:
    """Path -> when it was written, and its content."""
    return {
        str(file.relative_to(out)): (
            file.stat().st_mtime_ns,
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        for file in (out / kind).rglob("*.mp4")
    }


@pytest.fixture
def work(videos: Path, tmp_path: Path) -> Preparation:
    return Preparation(videos=videos, out=tmp_path / "out", flow=DIS)


def wanted_of(work: Preparation, *ids: str) -> list[Row]:
    clips = [{"id": i, "clip": i, "source": i, "start_s": 0.0, "end_s": None} for i in ids]
    return [wanted_video(clip, files_by_name(work.videos), work) for clip in clips]


def journalled(work: Preparation, **rows: Row) -> None:
    for event, row in rows.items():
        Journal(journal_path(work.out)).append(event, row=row)


def test_the_journal_tells_clips_without_flow_from_those_with(work: Preparation) -> None:
    wanted = wanted_of(work, "left/1.mp4", "right/1.mp4")
    assert missing(wanted, work.out, DIS) == wanted
    clip = prepare(wanted[0], work)
    journalled(work, clip=clip)
    assert missing(wanted, work.out) == wanted[1:]
    assert missing(wanted, work.out, DIS) == [wanted[0] | {"clip": clip}, wanted[1]]

    flow = add_flow(clip, DIS, work)
    assert (flow["flows"], flow["path"].startswith("flow/dis-20/")) == (24, True)
    journalled(work, flow=flow)
    assert missing(wanted, work.out, DIS) == wanted[1:]
    assert outcomes(work.out, DIS)["left/1.mp4"]["flow"] == flow
    other = replace(DIS, bound=10.0)
    assert missing(wanted, work.out, other) == [wanted[0] | {"clip": clip}, wanted[1]]

    (work.out / flow["path"]).write_bytes(b"half")
    assert missing(wanted, work.out, DIS)[0] == wanted[0] | {"clip": clip}


def test_files_that_changed_are_removed_and_missed(work: Preparation) -> None:
    wanted = wanted_of(work, "left/1.mp4")
    clip = prepare(wanted[0], work)
    flow = add_flow(clip, DIS, work)
    journalled(work, clip=clip, flow=flow)
    assert remove_damaged(work.out) == []
    for row, left in ((flow, [wanted[0] | {"clip": clip}]), (clip, wanted)):
        content = bytearray((work.out / row["path"]).read_bytes())
        content[-1] ^= 1
        (work.out / row["path"]).write_bytes(content)
        assert remove_damaged(work.out) == [row["path"]]
        assert missing(wanted, work.out, DIS) == left


def test_no_flow_is_computed_from_a_clip_that_was_changed(work: Preparation) -> None:
    clip = prepare(wanted_of(work, "left/1.mp4")[0], work)
    (work.out / clip["path"]).write_bytes(b"another")
    assert "was changed since" in add_flow(clip, DIS, work)["reason"]
    assert not (work.out / "flow").exists()


def test_flow_that_takes_too_long_is_tried_again(
    work: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = wanted_of(work, "left/1.mp4")
    clip = prepare(wanted[0], work)
    monkeypatch.setattr(flows, "SECONDS_PER_FLOW", 0.0)
    flow = add_flow(clip, DIS, replace(work, wall_s=0.001))
    assert flow["retry"]
    journalled(work, clip=clip, flow=flow)
    assert (
        failure_reason(outcomes(work.out, DIS)["left/1.mp4"])
        == "no flow, takes longer than 0.001 s"
    )
    assert missing(wanted, work.out, DIS) == [wanted[0] | {"clip": clip}]
    assert not list(work.out.rglob("*.part.mp4"))


def test_a_run_without_flow_keeps_flow_that_every_clip_has(
    work: Preparation, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = ["left/1", "left/2", "right/1", "right/2"]
    for wanted in wanted_of(work, *ids):
        clip = prepare(wanted, work)
        journalled(work, clip=clip, flow=add_flow(clip, DIS, work))
    assert flow_counts(ids, work.out) == {"dis": 4}
    assert flow_counts([], work.out) == {}

    options = tyro.cli(
        PrepareOptions,
        args=[
            *("--format", "lists", "--videos", str(videos), "--out", str(work.out)),
            *("--annotations", *lists_of(work.out.parent, ids[:2], ids[2:])),
        ],
    )
    outcome = prepare_videos(options)
    assert (outcome.tried, outcome.manifest.flow) == (0, DIS)
    assert outcome.remarks[-1] == "flow (dis) is prepared for all clips and stays in the manifest"
    fingerprint = outcome.manifest.fingerprint
    assert prepare_videos(replace(options, flow="dis")).manifest.fingerprint == fingerprint

    (work.out / outcome.manifest.table["flow_path"][1]).unlink()
    outcome = prepare_videos(options)
    assert (outcome.tried, outcome.manifest.flow) == (0, None)
    assert outcome.remarks[-1].startswith(
        "flow (dis) is prepared for 3 of 4 clips, so the manifest"
    )


def test_of_two_kinds_of_flow_that_of_the_manifest_is_kept(
    work: Preparation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adamml.preparing.job.flow_counts", lambda ids, out: counts)
    counts = {"tvl1": 2, "dis": 2}
    assert _kept_flow(["a", "b"], work.out, DIS)[0] == DIS
    assert _kept_flow(["a", "b"], work.out, None)[0] == FLOWS["tvl1"]
    counts = {"tvl1": 2, "dis": 1}
    assert _kept_flow(["a", "b"], work.out, DIS)[0] == FLOWS["tvl1"]
    counts = {}
    assert _kept_flow(["a", "b"], work.out, None) == (None, "")


def lists_of(folder: Path, *splits: list[str]) -> list[str]:
    """Annotations of --format lists: one file per split, all of class 0."""
    files = [folder / f"{number}.txt" for number in range(len(splits))]
    for file, ids in zip(files, splits, strict=True):
        file.write_text("".join(f"{id},9,0\n" for id in ids))
    return [str(file) for file in files]


@pytest.fixture(scope="module")
def prepared(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with clips and then their flow, and the clips' manifest without it."""
    home = tmp_path_factory.mktemp("prepared")
    out = home / "out"
    plain = one_by_one.prepare_folders(videos, out)
    clips = files(out, "clips")
    assert plain.flow is None
    assert len(plain) == 2 * CLIPS + 1

    said = job(home, videos, "--flow", "dis")
    assert f"{2 * CLIPS + 1} clips were prepared or tried now" in said
    assert "1 cannot be used: no flow, flow needs frames of at least 16 pixels" in said
    assert files(out, "clips") == clips
    return home, plain.fingerprint


@pytest.fixture
def home(prepared: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(prepared[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.slow
def test_flow_is_added_to_what_is_prepared_and_read_in_training(
    videos: Path, prepared: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, plain = home / "out", prepared[1]
    manifest = load_manifest(out)
    assert manifest.flow == DIS
    assert len(manifest) == 2 * CLIPS
    assert manifest.fingerprint != plain
    for row in manifest.table.to_dict("records"):
        flow = read_flow(out / row["flow_path"], fps=row["fps"])
        assert flow.shape == (24, 2, 48, 64)
        middle = np.median(flow[:-1, 0, 12:-12, 12:-12]) * 40 / 255 - 20
        assert middle == pytest.approx(2 if row["label"] else -2, abs=0.3)
    assert "0 clips were prepared or tried now" in job(home, videos, "--flow", "dis")
    assert load_manifest(out).fingerprint == manifest.fingerprint

    monkeypatch.setenv("ADAMML_CACHE", str(home / "cache"))
    parent = tiny(("rgb", "flow"))
    config = replace(
        parent,
        rgb=replace(parent.rgb, stored_every=1, stored_short_side=256),
        motion=replace(parent.motion, step=1, algorithm="dis"),
    )
    frames = open_frames(manifest, config)
    monkeypatch.setattr("adamml.data.cache.decoding.optical_flow", None)  # nothing is computed
    dataset = SegmentDataset(manifest, config, num_segments=2, training=False, frames=frames)
    for index in range(len(dataset)):
        item = dataset[index]
        x = float(item["flow"][:, :, ::2].mean())
        assert (x > 0) == bool(item["label"])

    assert "0 clips were prepared" in job(home, videos)
    assert load_manifest(out).fingerprint == plain


@pytest.mark.slow
def test_check_finds_and_makes_again_what_was_changed(videos: Path, home: Path) -> None:
    out = home / "out"
    clips, flow = files(out, "clips"), files(out, "flow")
    manifest = load_manifest(out)
    broken = [manifest.table["path"][3], manifest.table["flow_path"][5]]
    for name in broken:
        content = bytearray((out / name).read_bytes())
        content[len(content) // 2] ^= 1
        (out / name).write_bytes(content)
    assert "0 clips were prepared or tried now" in job(home, videos, "--flow", "dis")
    said = job(home, videos, "--flow", "dis", "--check")
    assert "2 files had changed since" in said
    assert "2 clips were prepared or tried now" in said
    again = files(out, "clips") | files(out, "flow")
    remade = {n for n, f in again.items() if f[0] != (clips | flow)[n][0]}
    assert remade == {*broken, manifest.table["flow_path"][3]}  # a new clip has new flow
    assert {n: f[1] for n, f in again.items()} == {n: f[1] for n, f in (clips | flow).items()}
    assert load_manifest(out).fingerprint == manifest.fingerprint
    said = job(home, videos, "--flow", "dis", "--check")
    assert "had changed" not in said
    assert "0 clips were prepared or tried now" in said


@pytest.mark.slow
def test_a_run_killed_among_flows_goes_on_to_the_same_files(
    videos: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same as `home`, which two whole runs have made."""
    killed = tmp_path_factory.mktemp("killed")
    places = ["--format", "folders", "--videos", str(videos), "--out", str(killed / "out")]
    process = sweep_process.start(killed, *places, "--flow", "dis", job=JOB)
    journal = killed / "out" / "prepared.jsonl"
    deadline = time.monotonic() + 120
    while not journal.exists() or '"flow"' not in journal.read_text():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    sweep_process.assert_nothing_is_left(killed)
    done = journal.read_text().count('"event": "flow"')
    assert 0 < done < 2 * CLIPS
    half = killed / "out" / "flow" / "dis-20" / "zz"
    half.mkdir(parents=True)
    (half / ".half.1.part.mp4").write_bytes(b"half")
    said = job(killed, videos, "--flow", "dis")
    assert "the rest was done" in said
    assert load_manifest(killed / "out").fingerprint == load_manifest(home / "out").fingerprint
    for kind in ("clips", "flow"):
        contents = [
            {name: content for name, (_, content) in files(folder / "out", kind).items()}
            for folder in (killed, home)
        ]
        assert contents[0] == contents[1]
        assert len(contents[0]) >= 2 * CLIPS
    assert not list((killed / "out").rglob("*.part.mp4"))
    said = job(killed, videos, "--flow", "dis", "--check")
    assert "had changed" not in said


def test_an_unknown_flow_is_one_line(videos: Path, tmp_path: Path) -> None:
    places = ["--format", "folders", "--videos", str(videos), "--out", str(tmp_path / "out")]
    code, said = sweep_process.sweep(tmp_path, *places, "--flow", "farneback", job=JOB)
    assert code == 2
    assert said.startswith("error: unknown flow 'farneback'; choose from dis, pairs, tvl1")
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
