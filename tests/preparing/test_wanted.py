"""Which files there are for annotations, and clips of numbered pictures, without Ray."""

import os
from dataclasses import replace
from pathlib import Path

import media
import numpy as np
import pytest
from adamml.data.media.encoding import Encoding
from adamml.data.media.sound import read_audio
from adamml.data.media.video import read_video
from adamml.preparing.clips import Preparation, Row, clip_path, prepare
from adamml.preparing.formats import read_annotations
from adamml.preparing.wanted import wanted_clips
from annotation_files import write
from picture_folders import grey_of, write_pictures, write_wav


@pytest.fixture
def work(tmp_path: Path) -> Preparation:
    (tmp_path / "rgb").mkdir()
    return Preparation(
        videos=(tmp_path / "rgb").resolve(),
        out=tmp_path / "out",
        encoding=Encoding(short_side=32),
        pictures_fps=30.0,
    )


def wanted_rows(
    format: str, work: Preparation, train: str, evaluation: str, *more: str
) -> dict[str, Row]:
    """By the clip's id."""
    texts = (train, evaluation, *more)
    files = [write(work.videos.parent, f"{n}.txt", text) for n, text in enumerate(texts)]
    return {row["id"]: row for row in wanted_clips(read_annotations(format, files), work)}


def test_a_row_of_pictures_becomes_its_part_of_them_with_its_sound(work: Preparation) -> None:
    write_pictures(work.videos / "videos" / "a", range(1, 41), template="image_{:05d}.jpg")
    write_wav(work.videos / "a.wav", 40 / 30)
    rows = wanted_rows(
        "reference", work, "videos/a 11 40 0\nvideos/gone 1 9 0\n", "videos/b;1;9;1\n"
    )
    made = prepare(rows["videos/a:11-40"], work)
    assert (made["duration_s"], made["fps"], made["silent"]) == (1.0, 30.0, False)
    path = work.out / made["path"]
    assert path == clip_path("videos/a:11-40", work.out)
    frames = read_video(path, fps=30, every=1, short_side=32)
    wanted = [grey_of(number) for number in range(11, 41)]
    np.testing.assert_allclose(frames.mean((1, 2, 3)), wanted, atol=1.5)
    assert read_audio(path, sample_rate=24_000) is not None
    assert prepare(rows["videos/gone:1-9"], work)["reason"] == "the file is missing"


def test_a_file_that_only_the_driver_sees_is_tried_again(work: Preparation) -> None:
    media.write_media(work.videos / "a.mp4", times=[0.0, 0.1])
    rows = wanted_rows("lists", work, "a,9,0\n", "b,9,0\n")
    (work.videos / "a.mp4").unlink()
    outcome = prepare(rows["a"], work)
    assert outcome["reason"] == "the file is missing on the node that was to read it"
    assert outcome["retry"]
    assert "retry" not in prepare(rows["b"], work)


def test_sounds_are_found_by_their_list_or_by_name(work: Preparation) -> None:
    sounds = work.videos.parent / "audio"
    own = replace(work, sounds=sounds.resolve())
    for name in ("a", "b", "c"):
        write_pictures(work.videos / "videos" / name, range(1, 3))
    beside = write_wav(work.videos / "videos" / "a.wav", 0.1)
    flat = write_wav(sounds / "b.wav", 0.1)
    named = write_wav(sounds / "wavs" / "one.wav", 0.1)
    lists = ("videos/a 1 2 0\nvideos/b 1 2 0\n", "videos/c 1 2 1\n")

    def sounds_of(rows: dict[str, Row]) -> list[str]:
        return [row["pictures"]["sound"] for row in rows.values()]

    assert sounds_of(wanted_rows("reference", work, *lists)) == [str(beside), "", ""]
    assert sounds_of(wanted_rows("reference", own, *lists)) == ["", str(flat.resolve()), ""]
    own_lists = ("wavs/one.wav 1 2 0\nwavs/gone.wav 1 2 0\n", "b.wav 1 2 1\n")
    rows = wanted_rows("reference", own, *lists, *own_lists)
    assert sounds_of(rows) == [str(named.resolve()), "", str(flat.resolve())]


def test_what_a_clip_follows_from_changes_its_key(work: Preparation) -> None:
    def key(changed: Preparation = work) -> str:
        return str(wanted_rows("reference", changed, "a 1 3 0\n", "b 1 3 0\n")["a:1-3"]["key"])

    write_pictures(work.videos / "a", range(1, 4))
    keys = [key(), key(replace(work, pictures_fps=25.0))]
    assert key() == keys[0]
    write_wav(work.videos / "a.wav", 0.1)
    keys.append(key())
    os.utime(work.videos / "a" / "00003.jpg", (1, 1))
    keys.append(key())
    assert len(set(keys)) == 4


def test_no_list_leads_out_of_the_root(work: Preparation) -> None:
    outside = write_pictures(work.videos.parent / "outside", range(1, 4))
    write_wav(work.videos.parent / "secret.wav", 0.1)
    write_pictures(work.videos / "b", range(1, 4))
    (work.videos / "link").symlink_to(outside)
    lists = ("../outside 1 3 0\nlink/. 1 3 0\n" + "x" * 5000 + " 1 3 0\n\0 1 3 0\n", "b 1 3 1\n")
    rows = wanted_rows("reference", work, *lists)
    assert [prepare(row, work).get("reason", "") for row in rows.values()] == [
        "a link that leads out of the videos' folder",
        "its file is that of another video: ../outside",
        "the file is missing",
        "the file is missing",
        "",
    ]
    rows = wanted_rows(
        "reference", work, "gone 1 3 0", "b 1 3 1", "gone 1 3 0", "../secret.wav 1 3 1"
    )
    reason = prepare(rows["b:1-3"], work)["reason"]
    assert reason == "a link that leads out of the folder: secret.wav"


def reasons_of(rows: dict[str, Row], work: Preparation) -> dict[str, str]:
    return {id: prepare(row, work).get("reason", "") for id, row in rows.items()}


def test_one_file_under_two_names_is_the_evaluations(work: Preparation) -> None:
    """Otherwise a video of the evaluation list could be found for a row of the training list."""
    (work.videos / "x").mkdir()
    media.write_media(work.videos / "x" / "a.mp4", times=[0.0, 0.1])
    rows = wanted_rows("lists", work, "a,9,0\n", "x/a.mp4,9,0\n")
    assert reasons_of(rows, work) == {"a": "its file is that of another video: x/a", "x/a": ""}
    (work.videos / "x" / "link.mp4").symlink_to(work.videos / "x" / "a.mp4")
    linked = wanted_rows("lists", work, "x/a.mp4,9,0\n", "x/link,9,0\n")
    assert reasons_of(linked, work) == {
        "x/a": "its file is that of another video: x/link",
        "x/link": "",
    }
    assert linked["x/a"]["key"] != rows["x/a"]["key"]


def test_two_clips_of_one_video_share_its_file(work: Preparation) -> None:
    media.write_media(work.videos / "v.mp4", times=[i / 25 for i in range(50)])
    text = "label,youtube_id,time_start,time_end,split\nx,v,0,1,train\nx,v,1,2,train\n"
    found = read_annotations("kinetics", [write(work.videos.parent, "a.csv", text)])
    rows = {row["id"]: row for row in wanted_clips(found, work)}
    assert reasons_of(rows, work) == {"v_000000_000001": "", "v_000001_000002": ""}


def test_a_folder_without_any_of_the_videos_is_refused(work: Preparation) -> None:
    with pytest.raises(
        ValueError, match=r"--videos must hold what the annotations name, such as 'a"
    ):
        wanted_rows("lists", work, "a.mp4,9,0\n", "b.mp4,9,0\n")
