"""Stored flow against the flow that is computed from the same frames."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from adamml.config import Config
from adamml.data.cache.decoding import Decoding
from adamml.data.cache.opening import open_frames
from adamml.data.dataset import SegmentDataset
from adamml.data.manifest import Manifest, load_manifest, write_manifest
from adamml.data.media.encoding import Encoding
from adamml.data.media.flow import quantise
from adamml.data.media.flow_video import FlowEncoding, read_flow, read_flow_at, write_flow
from adamml.data.media.pictures import Pictures
from adamml.data.media.video import UnreadableVideo, read_video
from adamml.data.stored_flow import StoredFlow, unread, warn_once
from adamml.preparing.making.flow import flow_of_clip
from adamml.preparing.making.pictures import join_pictures
from adamml.recipes import tiny
from picture_folders import grey_of, write_pictures

DIS = StoredFlow(algorithm="dis", bound=20.0, short_side=48)
FPS, FRAMES = 25, 40
SHIFT = 2
"""Pixels to the right from each frame to the next."""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A texture that moves to the right: 64 x 48 pixels, 40 frames."""
    (tmp_path / "data").mkdir(exist_ok=True)
    file = tmp_path / "data" / "clip.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (9, 30, 3), dtype=np.uint8)
    wide = cv2.resize(noise, (160, 48), interpolation=cv2.INTER_CUBIC)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for step in range(FRAMES):
            at = 90 - SHIFT * step
            pixels = np.ascontiguousarray(wide[:, at : at + 64])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return file


@pytest.fixture
def stored(clip: Path) -> Manifest:
    """A prepared folder of that one clip, with its flow."""
    target = clip.with_name("flow.mp4")
    count = flow_of_clip(clip, target, fps=Fraction(FPS), flow=DIS, encoding=FlowEncoding())
    assert count == FRAMES
    row = {
        "id": "a",
        "path": clip.name,
        "split": "train",
        "label": 0,
        "duration_s": FRAMES / FPS,
        "fps": float(FPS),
        "flow_path": target.name,
    }
    write_manifest(Manifest(clip.parent, pd.DataFrame([row]), ("x", "y"), flow=DIS))
    return load_manifest(clip.parent)


def without(manifest: Manifest) -> Manifest:
    return replace(manifest, table=manifest.table.drop(columns="flow_path"), flow=None)


@pytest.fixture
def flow_config() -> Config:
    """A tiny config that reads flow as it is stored, from every frame to the next."""
    parent = tiny(("rgb", "flow"))
    config = replace(
        parent,
        rgb=replace(parent.rgb, stored_every=1, stored_short_side=48, frames=3),
        motion=replace(parent.motion, step=1, stack=5, algorithm="dis", bound=20.0),
    )
    assert DIS.overrides(config) == {}
    return config


def test_a_flow_video_gives_back_its_flow(tmp_path: Path) -> None:
    y, x = np.mgrid[:32, :48]
    flows = [quantise(np.stack([x / 9 - 3 + k / 20, y / 9 - 2]), 20.0) for k in range(30)]
    write_flow(tmp_path / "a.mp4", flows, Fraction(30000, 1001))
    restored = read_flow(tmp_path / "a.mp4", fps=30000 / 1001)
    assert restored.shape == (30, 2, 32, 48)
    assert np.abs(restored.astype(int) - np.stack(flows)).max() <= 3
    for steps in ([0, 13, 14, 29], [11], [12, 24], [28, 29]):
        few = read_flow_at(tmp_path / "a.mp4", steps, fps=30000 / 1001)
        np.testing.assert_array_equal(few, restored[steps])
    behind = read_flow_at(tmp_path / "a.mp4", [29, 30, 31], fps=30000 / 1001)
    np.testing.assert_array_equal(behind[0], restored[29])
    assert (behind[1:] == 128).all()
    assert (read_flow_at(tmp_path / "a.mp4", [40, 300], fps=30000 / 1001) == 128).all()


def test_flow_of_a_clip_is_that_of_its_frames(clip: Path, stored: Manifest) -> None:
    decoding = Decoding(every=1, short_side=48, sample_rate=24_000, flow="dis")
    computed = decoding.flow_of(read_video(clip, fps=FPS, every=1, short_side=48))
    stored_flow = read_flow(clip.with_name("flow.mp4"), fps=FPS)
    assert stored_flow.shape == computed.shape
    error = np.abs(stored_flow.astype(int) - computed) * 40 / 255
    assert error.mean() < 0.05
    assert error.max() < 1.5
    assert (stored_flow[-1] == 128).all()
    middle = np.median(stored_flow[:-1, :, 12:-12, 12:-12], axis=(0, 2, 3)) * 40 / 255 - 20
    assert middle == pytest.approx([SHIFT, 0], abs=0.3)


@pytest.mark.parametrize("gib", ["20", "0"], ids=["cached", "direct"])
@pytest.mark.parametrize("training", [True, False])
def test_training_reads_stored_flow_as_it_would_compute_it(
    stored: Manifest,
    flow_config: Config,
    monkeypatch: pytest.MonkeyPatch,
    gib: str,
    training: bool,
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", gib)
    items = []
    for manifest in (stored, without(stored)):
        frames = open_frames(manifest, flow_config)
        dataset = SegmentDataset(
            manifest, flow_config, num_segments=6, training=training, frames=frames
        )
        items.append([dataset[0] for epoch in range(3) if dataset.set_epoch(epoch) is None])
    crop, scale = flow_config.rgb.crop, 2 * DIS.bound * flow_config.motion.std
    flips = 0
    for read, computed in zip(*items, strict=True):
        torch.testing.assert_close(read["rgb"], computed["rgb"], rtol=0, atol=0)
        assert read["flow"].shape == (6, 3, 10, crop, crop)
        error = (read["flow"] - computed["flow"]).abs() * scale
        assert float(error.mean()) < 0.05
        assert float(error.max()) < 1.5
        x = read["flow"][:, :, ::2].mean((1, 2, 3, 4))
        flips += int((x < 0).sum())
        assert (x.abs() > 0).all()
    assert (flips > 0) == training


def test_cached_and_direct_reading_are_equal_to_the_end(
    stored: Manifest, flow_config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    indices = np.array([[0, 1, 2], [20, 25, 31], [38, 39, 45]])
    cached = open_frames(stored, flow_config)
    assert list((tmp_path / "cache").rglob("*.bin"))
    monkeypatch.setenv("ADAMML_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    direct = open_frames(stored, flow_config)
    flow = cached["a"].flow(indices)
    np.testing.assert_array_equal(flow, direct["a"].flow(indices))
    assert (flow[2, 1:] == 128).all()


@pytest.mark.parametrize(
    ("changed", "override"),
    [
        ({"motion": {"algorithm": "tvl1"}}, "motion.algorithm=dis"),
        ({"motion": {"bound": 10.0}}, "motion.bound=20.0"),
        ({"motion": {"step": 2}}, "motion.step=1"),
        ({"rgb": {"stored_short_side": 44}}, "rgb.stored_short_side=48"),
    ],
)
def test_other_flow_is_computed_and_the_user_is_told_once_how_to_read_it(
    stored: Manifest,
    flow_config: Config,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, dict[str, object]],
    override: str,
) -> None:
    [(part, fields)] = changed.items()
    other = replace(flow_config, **{part: replace(getattr(flow_config, part), **fields)})
    warn_once.cache_clear()
    for _ in range(2):
        frames = open_frames(stored, other)
    assert len(caplog.records) == 1
    assert f"add --override {override}" in caplog.text
    plain = open_frames(without(stored), other)
    indices = np.array([[0, 2, 4]])
    np.testing.assert_array_equal(frames["a"].flow(indices), plain["a"].flow(indices))
    assert unread(flow_config, DIS) == unread(other, None) == ""


@pytest.mark.parametrize("gib", ["20", "0"])
def test_a_video_without_its_flow_is_bad_and_the_reason_names_the_flow(
    stored: Manifest, flow_config: Config, monkeypatch: pytest.MonkeyPatch, gib: str
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", gib)
    (stored.root / "flow.mp4").unlink()
    with pytest.raises(ValueError, match="its flow: the file is missing"):
        open_frames(stored, flow_config)


def test_flow_of_another_length_is_bad(stored: Manifest, flow_config: Config) -> None:
    other = [np.full((2, 48, 64), 128, np.uint8)] * (FRAMES - 1)
    write_flow(stored.root / "flow.mp4", other, Fraction(FPS))
    with pytest.raises(ValueError, match=r"its flow: .*must be \(40, 2, 48, 64\)"):
        open_frames(stored, flow_config)


def test_what_cannot_have_flow_leaves_no_file(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "flow.mp4"
    small = tmp_path / "small.mp4"
    write_flow(small, [np.zeros((2, 4, 64), np.uint8)] * 3, Fraction(25))
    clip.write_bytes(clip.read_bytes()[:500])
    for source, reason in ((small, "at least 16"), (clip, "readable")):
        with pytest.raises(UnreadableVideo, match=reason):
            flow_of_clip(source, target, fps=Fraction(25), flow=DIS, encoding=FlowEncoding())
    assert not list(tmp_path.glob("*flow*"))


def test_flow_that_is_damaged_later_is_still_and_of_the_frames_size(
    stored: Manifest,
    flow_config: Config,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ADAMML_CACHE_GIB", "0")
    frames = open_frames(stored, flow_config)
    (stored.root / "flow.mp4").write_bytes(b"no video")
    indices = np.array([[0, 1, 2]])
    assert frames["a"].frames(indices).shape == (1, 3, 3, 48, 64)
    still = frames["a"].flow(indices)
    assert still.shape == (1, 3, 2, 48, 64)
    assert (still == 128).all()
    assert "damaged" in caplog.text
    assert frames.bad["a"].startswith("its flow: ")


@pytest.mark.parametrize("content", [b"", b"no video"])
def test_what_is_no_video_is_no_flow(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    for read in (lambda: read_flow(file, fps=25), lambda: read_flow_at(file, [3, 4], fps=25)):
        with pytest.raises(UnreadableVideo):
            read()


def test_a_video_of_an_odd_height_is_no_flow(tmp_path: Path) -> None:
    file = tmp_path / "a.mkv"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 33, "gray"
        picture = av.VideoFrame.from_ndarray(np.zeros((33, 48), np.uint8), format="gray")
        container.mux([*stream.encode(picture), *stream.encode()])
    with pytest.raises(UnreadableVideo, match="x above y"):
        read_flow(file, fps=25)


def _rewritten(manifest: Manifest, drop: str = "", **metadata: str) -> None:
    file = manifest.root / "manifest.parquet"
    table = pq.read_table(file)
    metadata_left = {k: v for k, v in (table.schema.metadata or {}).items() if k != b"adamml.flow"}
    table = table.replace_schema_metadata(metadata_left | {"adamml.flow": metadata["flow"]})
    pq.write_table(table.drop_columns([drop]) if drop else table, file)


@pytest.mark.parametrize(
    "text", ["dis", "[]", "{}", '{"algorithm": "dis", "bound": -1}', '{"algorithm": 3}']
)
def test_a_manifest_that_says_nonsense_of_its_flow_is_refused(stored: Manifest, text: str) -> None:
    _rewritten(stored, flow=text)
    with pytest.raises(ValueError, match=r"manifest\.parquet: adamml\.flow must be JSON"):
        load_manifest(stored.root)


def test_flow_metadata_without_its_column_is_refused(stored: Manifest) -> None:
    _rewritten(stored, drop="flow_path", flow=json.dumps({"algorithm": "dis"}))
    with pytest.raises(ValueError, match="got the metadata alone"):
        load_manifest(stored.root)


@pytest.mark.parametrize("path", ["../out.mp4", "", "a\0b"])
def test_no_flow_path_leads_out_of_the_folder(stored: Manifest, path: str) -> None:
    write_manifest(replace(stored, table=stored.table.assign(flow_path=[path])))
    with pytest.raises(ValueError, match="flow_path must be relative"):
        load_manifest(stored.root)


def test_the_references_pairs_are_taken_as_they_are(tmp_path: Path) -> None:
    """There are 20 pictures, 65 pixels wide, and 19 pairs of flow."""
    folder = write_pictures(tmp_path / "v", range(1, 21), size=(65, 48))
    for side in ("x_", "y_"):
        write_pictures(folder, range(1, 20), template=side + "{:05d}.jpg", size=(65, 48))
    pictures = Pictures(folder=folder, first=1, last=20, roots=(tmp_path.resolve(),))
    clip, target = tmp_path / "clip.mp4", tmp_path / "flow.mp4"
    join_pictures(pictures, clip, fps=25, sound=None, encoding=Encoding())
    flow = replace(DIS, algorithm="tvl1", pairs=True)
    made = {"fps": Fraction(FPS), "flow": flow, "encoding": FlowEncoding(), "pictures": pictures}
    assert flow_of_clip(clip, target, **made) == 20
    restored = read_flow(target, fps=FPS)
    assert restored.shape == (20, 2, 48, 64)
    wanted = [grey_of(number) for number in range(1, 20)] + [128]
    np.testing.assert_allclose(restored.mean((1, 2, 3)), wanted, atol=1.5)
    assert flow.name == "tvl1-20-pairs"

    write_pictures(folder, range(1, 20), template="x_{:05d}.jpg", size=(32, 24))
    write_pictures(folder, range(1, 20), template="y_{:05d}.jpg", size=(32, 24))
    with pytest.raises(UnreadableVideo, match=r"flow must be of \(48, 64\) pixels, as its frames"):
        flow_of_clip(clip, target, **made)
