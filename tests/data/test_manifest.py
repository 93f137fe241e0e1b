import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from adamml.data.manifest import Manifest, load_manifest, write_manifest


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data folder must exist, got .*/nowhere"):
        load_manifest(tmp_path / "nowhere")


def test_folder_without_manifest_says_what_was_expected_and_where(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"must hold a manifest.parquet \(columns id, path"
    ) as error:
        load_manifest(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_a_manifest_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.parquet").write_text("id,path\n")
    with pytest.raises(ValueError, match="must be a parquet file"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["x", "x"]}, "id must be unique, got 'x'"),
        ({"split": ["train", "training"]}, "split must be one of .* got 'training'"),
        ({"label": [0, 2]}, r"label must be in 0..1, got 2 for video 'v1'"),
        ({"label": [0, -1]}, "label must be in 0..1, got -1"),
        ({"duration_s": [4.0, 0.0]}, "duration_s must be positive"),
        ({"duration_s": [4.0, float("inf")]}, "duration_s must be positive"),
        ({"fps": [25.0, -1.0]}, "fps must be in"),
        ({"path": ["a.mp4", "../b.mp4"]}, "path must be relative and stay inside .*'../b.mp4'"),
        ({"path": ["a.mp4", "/etc/passwd"]}, "path must be relative"),
        ({"path": ["a.mp4", ""]}, "path must be relative"),
        (
            {"rgb_stretches": [[], [{"start_s": 0.0, "end_s": 1.0, "state": "maybe"}]]},
            "rgb_stretches must have",
        ),
    ],
)
def test_rows_that_break_a_rule_are_named(
    make_manifest: Callable[..., Manifest], columns: dict[str, object], message: str
) -> None:
    manifest = make_manifest(["a.mp4", "b.mp4"], **columns)
    with pytest.raises(ValueError, match=message):
        load_manifest(manifest.root)


def test_missing_column_and_wrong_type_are_named(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(ValueError, match=r"got none named .*'path'"):
        load_manifest(tmp_path)
    row = {
        "id": "a",
        "path": "a",
        "split": "train",
        "label": "zero",
        "duration_s": 1.0,
        "fps": 25.0,
    }
    pd.DataFrame([row]).to_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(ValueError, match="column label must be int64"):
        load_manifest(tmp_path)


def test_symbolic_link_out_of_the_folder_is_refused(
    make_manifest: Callable[..., Manifest], tmp_path: Path
) -> None:
    manifest = make_manifest(["inside.mp4", "link/b.mp4"])
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", manifest.root / "link")
    with pytest.raises(ValueError, match=r"symbolic links included, got 'link/b.mp4'"):
        load_manifest(manifest.root)


def test_symbolic_link_that_stays_inside_is_fine(make_manifest: Callable[..., Manifest]) -> None:
    manifest = make_manifest(["link/a.mp4"])
    (manifest.root / "real").mkdir()
    os.symlink(manifest.root / "real", manifest.root / "link")
    assert len(load_manifest(manifest.root)) == 1


def test_manifest_without_stretches_or_class_names_is_fine(tmp_path: Path) -> None:
    row = {"id": "a", "path": "a.mp4", "split": "test", "label": 3, "duration_s": 1, "fps": 25}
    pd.DataFrame([row]).to_parquet(tmp_path / "manifest.parquet")
    manifest = load_manifest(tmp_path)
    assert manifest.classes == ("0", "1", "2", "3")
    assert len(manifest.split("test")) == 1
    assert len(manifest.split("train")) == 0


def test_fingerprint_follows_content_not_place(
    make_manifest: Callable[..., Manifest], tmp_path: Path
) -> None:
    first = load_manifest(make_manifest(["a.mp4", "b.mp4"]).root).fingerprint
    (tmp_path / "data").rename(tmp_path / "moved")
    assert load_manifest(tmp_path / "moved").fingerprint == first
    assert load_manifest(make_manifest(["a.mp4", "c.mp4"]).root).fingerprint != first


def test_unknown_split_is_refused(small_data: Manifest) -> None:
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        small_data.split("val")  # type: ignore[arg-type]


def test_several_labels_mean_map(make_manifest: Callable[..., Manifest]) -> None:
    made = make_manifest(["a.mp4", "b.mp4"])
    rows = made.table.drop(columns="label").assign(labels=[[0], [0, 1]])
    write_manifest(replace(made, table=rows, quality="map"))
    loaded = load_manifest(made.root)
    assert (loaded.quality, loaded.labels) == ("map", [(0,), (0, 1)])
    assert loaded.fingerprint != made.fingerprint
    pq.write_table(pa.Table.from_pandas(rows), made.root / "manifest.parquet")
    assert load_manifest(made.root).quality == "map", "nothing says otherwise"
    assert load_manifest(made.root).classes == ("0", "1")
    write_manifest(replace(made, table=rows, quality="accuracy"))
    with pytest.raises(ValueError, match="quality must be map where videos have several labels"):
        load_manifest(made.root)


def test_one_label_may_have_map(make_manifest: Callable[..., Manifest]) -> None:
    made = make_manifest(["a.mp4", "b.mp4"])
    assert load_manifest(made.root).quality == "accuracy"
    write_manifest(replace(made, quality="map"))
    assert load_manifest(made.root).quality == "map"
    write_manifest(replace(made, quality="f1"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="quality must be accuracy or map, got 'f1'"):
        load_manifest(made.root)


@pytest.mark.parametrize(
    "labels", [[[0], [1, 0]], [[0], []], [[0], [0, 0]], [[0], [2]], [[0], [-1]]]
)
def test_labels_that_are_none_are_refused(
    make_manifest: Callable[..., Manifest], labels: list[list[int]]
) -> None:
    made = make_manifest(["a.mp4", "b.mp4"])
    rows = made.table.drop(columns="label").assign(labels=labels)
    write_manifest(replace(made, table=rows, quality="map"))
    with pytest.raises(ValueError, match=r"labels must be rising numbers in 0..1.* video 'v1'"):
        load_manifest(made.root)


@pytest.mark.parametrize("columns", [("label", "labels"), ()])
def test_there_is_one_column_of_labels(
    make_manifest: Callable[..., Manifest], columns: tuple[str, ...]
) -> None:
    made = make_manifest(["a.mp4"])
    rows = made.table.assign(labels=[[0]])
    dropped = rows.drop(columns=[c for c in ("label", "labels") if c not in columns])
    pq.write_table(pa.Table.from_pandas(dropped), made.root / "manifest.parquet")
    with pytest.raises(ValueError, match="must have one of the columns label, labels, got"):
        load_manifest(made.root)


def test_no_video_is_in_two_splits(make_manifest: Callable[..., Manifest]) -> None:
    made = make_manifest(["a.mp4", "a.mp4"], split=["train", "test"])
    with pytest.raises(ValueError, match=r"path must be in one split.*got 'a.mp4' for video 'v0'"):
        load_manifest(made.root)
    clips = made.table.assign(path=["a.mp4", "b.mp4"], source=["x", "x"])
    write_manifest(replace(made, table=clips))
    with pytest.raises(ValueError, match=r"source must be in one split.*got 'x'"):
        load_manifest(made.root)
    write_manifest(replace(made, table=clips.assign(split="train")))
    assert load_manifest(made.root).table["source"].tolist() == ["x", "x"]
