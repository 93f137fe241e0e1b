"""What only one of the formats has."""

from pathlib import Path

import pytest
from adamml.preparing.formats import read_annotations
from adamml.preparing.formats.kinetics import KINETICS_SOUNDS
from adamml.preparing.formats.lists import with_names
from annotation_files import SMALL, write

HEAD = "label,youtube_id,time_start,time_end,split\n"


def test_kinetics_sounds_are_31_of_the_400(tmp_path: Path) -> None:
    names = [*KINETICS_SOUNDS, "abseiling"]
    rows = [f"{name},v{n},0,10,train\n" for n, name in enumerate(names)]
    found = read_annotations(
        "kinetics", [write(tmp_path, "a.csv", HEAD + "".join(rows))], "kinetics_sounds"
    )
    assert len(KINETICS_SOUNDS) == len(set(KINETICS_SOUNDS)) == len(found.table) == 31
    assert "abseiling" not in found.classes
    less = write(tmp_path, "b.csv", HEAD + "".join(rows[1:]))
    with pytest.raises(
        ValueError, match=r"must have all classes of --classes, got no clip of \['blowing nose'\]"
    ):
        read_annotations("kinetics", [less], "kinetics_sounds")


def test_a_video_of_kinetics_may_be_called_na(tmp_path: Path) -> None:
    found = read_annotations("kinetics", [write(tmp_path, "a.csv", HEAD + "x,NA,3,13,train\n")])
    row = found.table.iloc[0]
    assert (row["id"], row["source"]) == ("NA_000003_000013", "NA")
    assert (row["start_s"], row["end_s"]) == (3.0, 13.0)


def test_activitynet_has_all_labels_of_an_untrimmed_video(tmp_path: Path) -> None:
    found = read_annotations("activitynet", SMALL["activitynet"](tmp_path))
    table = found.table.set_index("id")
    assert found.classes == ("a b", "c")
    assert table.loc["v_both", "labels"] == (0, 1)
    assert table.loc["v_t0", "labels"] == (0,)
    assert table.loc["v_e0", ["source", "clip", "split"]].tolist() == ["e0", "v_e0", "evaluation"]
    assert table["end_s"].isna().all()
    assert "v_nobody" not in table.index


def test_lists_keep_what_is_no_suffix_of_a_video(tmp_path: Path) -> None:
    table = read_annotations("lists", SMALL["lists"](tmp_path)).table.set_index("id")
    assert table.loc["x/t3", ["source", "clip"]].tolist() == ["x/t3", "x/t3.mp4"]
    assert table.loc["x/s.3", ["source", "clip"]].tolist() == ["x/s.3", "x/s.3"]
    assert table.loc["x/both", "labels"] == (0, 1)


def test_lists_of_ids_choose_among_the_partitions(tmp_path: Path) -> None:
    files = SMALL["sports1m"](tmp_path)
    assert len(read_annotations("sports1m", files[:3]).table) == 40
    files[3] = write(tmp_path, "ids.txt", "e0\nhttps://www.youtube.com/watch?v=gone 7\n")
    with pytest.raises(ValueError, match=r"ids\.txt:2: an id must be in a partition, got 'https"):
        read_annotations("sports1m", files)


def test_sound_goes_with_the_pictures_of_its_row(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "train.txt", "a 1 9 0\nb 10 20 1\n"),
        write(tmp_path, "val.txt", "c 1 9 1\n"),
        write(tmp_path, "train_audio.txt", "wavs/one.wav 1 9 0\nwavs/two.wav 10 20 1\n"),
        write(tmp_path, "val_audio.txt", "wavs/c.wav 1 9 1\n"),
    ]
    table = read_annotations("reference", files).table.set_index("clip")
    assert table["sound"].to_dict() == {
        "a": "wavs/one.wav",
        "b": "wavs/two.wav",
        "c": "wavs/c.wav",
    }
    assert table.loc["b", "frames"] == (10, 20)
    short = write(tmp_path, "short.txt", "wavs/one.wav 1 9 0\n")
    with pytest.raises(ValueError, match=r"short\.txt must have 2 rows, got 1"):
        read_annotations("reference", [*files[:2], short, files[3]])
    other = write(tmp_path, "other.txt", "wavs/two.wav 10 20 1\nwavs/one.wav 1 9 0\n")
    with pytest.raises(ValueError, match=r"other\.txt:1: a sound must have the frames and labels"):
        read_annotations("reference", [*files[:2], other, files[3]])


def test_the_reference_reports_accuracy_where_each_clip_has_one_label(tmp_path: Path) -> None:
    files = [write(tmp_path, "train.txt", "a 1 9 0\n"), write(tmp_path, "val.txt", "c 1 9 1\n")]
    assert read_annotations("reference", files).quality == "accuracy"


def test_numbered_classes_get_names_from_a_file(tmp_path: Path) -> None:
    found = read_annotations("lists", SMALL["lists"](tmp_path))
    names = write(tmp_path, "names.txt", "boxing\nbowls\nnobody\n")
    assert with_names(found, names).classes == ("boxing", "bowls", "nobody")
    for text in ("boxing\n", "boxing\n\nbowls\n", ""):
        with pytest.raises(ValueError, match="--class-names must have 2 lines or more"):
            with_names(found, write(tmp_path, "few.txt", text))
    named = read_annotations("activitynet", SMALL["activitynet"](tmp_path))
    with pytest.raises(ValueError, match="--class-names must not be given with a format that has"):
        with_names(named, names)
