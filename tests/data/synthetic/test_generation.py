import hashlib
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from adamml.config import SyntheticConfig
from adamml.data.manifest import Manifest
from adamml.data.synthetic.generation import ensure_synthetic, synthetic_name
from adamml.data.synthetic.rendering import render, storyboard
from adamml.data.synthetic.scene import motion_phase
from adamml.data.synthetic.storyboard import CEILINGS, LOOK, MOTION, SEGMENT_S, SOUND

TWO = SyntheticConfig(train_videos=2, validation_videos=1, test_videos=1, seconds=1.28, pixels=32)


def _ceiling(*cues: tuple[object, ...]) -> float:
    """Classes are equally likely: of those that share all cues one can be right."""
    return len(set(zip(*cues, strict=True))) / len(LOOK)


def test_ceilings_follow_from_the_classes() -> None:
    assert CEILINGS[("rgb",)] == _ceiling(LOOK)
    assert CEILINGS[("audio",)] == _ceiling(SOUND)
    assert CEILINGS[("motion",)] == _ceiling(MOTION)
    assert CEILINGS[("rgb", "audio")] == _ceiling(LOOK, SOUND)
    assert CEILINGS[("rgb", "motion")] == _ceiling(LOOK, MOTION)
    assert CEILINGS[("rgb", "motion", "audio")] == _ceiling(LOOK, SOUND, MOTION)


def test_media_are_h264_and_aac(small_data: Manifest) -> None:
    with av.open(str(small_data.path(0))) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, float(video.average_rate)) == (96, 96, 25.0)
        assert (audio.rate, audio.channels) == (24_000, 1)
        assert sum(1 for _ in container.decode(video)) == 100


def test_every_modality_of_every_video_has_evidence_and_stretches_cover_it(
    small_data: Manifest,
) -> None:
    for row in small_data.table.to_dict("records"):
        for column in ("rgb_stretches", "audio_stretches"):
            stretches = row[column]
            assert any(s["state"] == "carries" for s in stretches)
            assert all(s["end_s"] - s["start_s"] >= SEGMENT_S - 1e-9 for s in stretches)
            assert [s["start_s"] for s in stretches[1:]] == [s["end_s"] for s in stretches[:-1]]
            assert (stretches[0]["start_s"], stretches[-1]["end_s"]) == (0, row["duration_s"])


def test_splits_are_class_balanced(small_data: Manifest) -> None:
    counts = small_data.split("validation").table["label"].value_counts()
    assert sorted(counts.index) == list(range(8))
    assert set(counts) == {1}


def test_misleading_stretches_show_another_look_or_sound() -> None:
    kinds = {"rgb": LOOK, "audio": SOUND}
    config = SyntheticConfig()
    seen = set()
    for index in range(64):
        _, stretches = storyboard(config, "train", index)
        for stretch in stretches:
            for modality, scene in stretch.scenes.items():
                seen.add((modality, scene.state))
                if scene.state == "misleads":
                    assert scene.label is not None
                    assert kinds[modality][scene.label] != kinds[modality][index % 8]
    assert len(seen) == 6


@pytest.mark.parametrize("seconds", [SEGMENT_S, 2.6, 3.0, 5.4])
def test_every_modality_carries_in_a_video_of_any_length(seconds: float) -> None:
    for index in range(32):
        _, stretches = storyboard(SyntheticConfig(seconds=seconds), "train", index)
        carried = {
            m for s in stretches for m, scene in s.scenes.items() if scene.state == "carries"
        }
        assert carried == set(stretches[0].scenes)


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def digest(name: str, config: SyntheticConfig, index: int) -> str:
        render(tmp_path / name, config, "train", index)
        return hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()

    first = digest("a.mp4", TWO, 0)
    assert digest("b.mp4", TWO, 0) == first
    assert digest("c.mp4", TWO, 8) != first
    assert digest("d.mp4", replace(TWO, seed=1), 0) != first


@pytest.mark.parametrize(("motion", "reversal"), [("up", "down"), ("grow", "shrink")])
def test_frames_eight_apart_do_not_tell_a_motion_from_its_reversal(
    motion: str, reversal: str
) -> None:
    """Neither the order of a segment's frames nor what a maximum over them sees."""

    def drawn(name: str) -> np.ndarray:
        rng = np.random.default_rng(3)
        return np.stack([motion_phase(rng, name, 25)[::8] for _ in range(20_000)])

    one, other = drawn(motion), drawn(reversal)
    for cue in (lambda x: np.diff(x)[:, 0] % 1, lambda x: x.max(1), lambda x: x.min(1)):
        assert _distance(cue(one), cue(other)) < 0.025
    assert _distance(one[:, 0], other[:, 0]) < 0.025


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest gap between two distribution functions (Kolmogorov-Smirnov)."""
    places = np.sort(np.concatenate([one, other]))
    ranks = [np.searchsorted(np.sort(x), places, "right") / len(x) for x in (one, other)]
    return float(np.abs(ranks[0] - ranks[1]).max())


def test_adjacent_frames_tell_the_direction() -> None:
    rng = np.random.default_rng(0)
    assert np.median(np.diff(motion_phase(rng, "up", 50))) > 0.04
    assert np.median(np.diff(motion_phase(rng, "shrink", 50))) < -0.04


def test_intact_data_is_not_made_again_and_damage_is_repaired_alone(tmp_path: Path) -> None:
    first = ensure_synthetic(tmp_path, TWO, processes=1)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.mp4")}
    damaged, whole = sorted(times)[0], sorted(times)[0].read_bytes()
    ensure_synthetic(tmp_path, TWO, processes=1)
    assert times == {p: p.stat().st_mtime_ns for p in times}

    damaged.write_bytes(whole[: len(whole) // 2])
    made: list[int] = []
    again = ensure_synthetic(tmp_path, TWO, processes=1, progress=lambda done, _: made.append(done))
    assert damaged.read_bytes() == whole
    assert {p for p in times if p.stat().st_mtime_ns != times[p]} == {damaged}
    assert made == [4, 4]
    assert again.fingerprint == first.fingerprint


def test_splits_are_made_one_after_another_into_one_dataset(tmp_path: Path) -> None:
    whole = ensure_synthetic(tmp_path / "whole", TWO, processes=1)
    first = ensure_synthetic(tmp_path / "a", TWO, processes=1, splits=("train", "validation"))
    assert {p.parent.name for p in (tmp_path / "a").rglob("*.mp4")} == {"train", "validation"}
    made: list[tuple[int, int]] = []
    later = ensure_synthetic(
        tmp_path / "a",
        TWO,
        processes=1,
        splits=("test",),
        progress=lambda done, total: made.append((done, total)),
    )
    tests = TWO.test_videos
    assert made[-1] == (tests, tests)
    assert first.fingerprint == later.fingerprint == whole.fingerprint
    for row in range(len(whole)):
        assert later.path(row).read_bytes() == whole.path(row).read_bytes()
    torn = tmp_path / "a" / "test" / ".000001.99.part.mp4"
    torn.write_bytes(b"of a maker that was killed")
    damaged = later.path(0)  # what was made first is still known by its size
    damaged.write_bytes(damaged.read_bytes()[:-100])
    ensure_synthetic(tmp_path / "a", TWO, processes=1)
    assert damaged.read_bytes() == whole.path(0).read_bytes()
    assert not torn.exists()


def test_processes_make_the_same_videos(tmp_path: Path) -> None:
    config = replace(TWO, train_videos=9)
    one = ensure_synthetic(tmp_path / "one", config, processes=1)
    two = ensure_synthetic(tmp_path / "two", config, processes=2)
    assert one.fingerprint == two.fingerprint
    for row in range(len(one)):
        assert one.path(row).read_bytes() == two.path(row).read_bytes()


def test_folder_of_another_config_or_of_other_data_is_refused(tmp_path: Path) -> None:
    ensure_synthetic(tmp_path / "a", TWO, processes=1)
    with pytest.raises(ValueError, match=r"must hold the built-in dataset .*choose another folder"):
        ensure_synthetic(tmp_path / "a", replace(TWO, seed=1), processes=1)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "manifest.parquet").touch()
    with pytest.raises(ValueError, match="got one with other data"):
        ensure_synthetic(tmp_path / "b", TWO, processes=1)
    assert synthetic_name(TWO) != synthetic_name(replace(TWO, seed=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 1.0}, "seconds must be in"),
        ({"pixels": 97}, "pixels must be even"),
        ({"test_videos": 0}, "at least 1 video per split"),
        ({"seed": -1}, "seed must not be negative"),
    ],
)
def test_impossible_config_is_refused(
    tmp_path: Path, change: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ensure_synthetic(tmp_path, replace(TWO, **change), processes=1)  # type: ignore[arg-type]
