"""Preparing videos in every format, over real files: one after another on one standing Ray.

What the job prints, and Ctrl-C, kills and hostile files: the other tests of this folder.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import media
import pandas as pd
import pytest
import sweep_process
import tyro
from adamml.data.manifest import load_manifest
from adamml.data.media.flow_video import read_flow
from adamml.data.stored_flow import StoredFlow
from adamml.preparing.formats import FORMATS
from adamml.preparing.job import Prepared, prepare_videos
from adamml.preparing.options import PrepareOptions
from annotation_files import write
from picture_folders import write_pictures, write_wav
from standing_ray import CLIENT, head_node

JOB = sweep_process.ROOT / "jobs" / "prepare_videos.py"
NAMES = ["t0", "t1", "t2", "s0", "s1", "s2", "e0", "e1", "gone"]
"""Training of class 0, training of class 1, and evaluation; the file of gone is missing."""


def label_of(name: str) -> int:
    return {"t": 0, "s": 1, "e": int(name[-1]) if name[-1].isdigit() else 0, "g": 1}[name[0]]


def kinetics(folder: Path) -> list[str]:
    rows = [f"{'ab'[label_of(n)]},{n},0,1,{'validate' if n[0] in 'eg' else 'train'}" for n in NAMES]
    head = "label,youtube_id,time_start,time_end,split"
    return [str(write(folder, "all.csv", "\n".join([head, *rows])))]


def activitynet(folder: Path) -> list[str]:
    videos = {
        name: {
            "subset": "validation" if name[0] in "eg" else "training",
            "annotations": [{"label": "ab"[label_of(name)], "segment": [0, 1]}],
        }
        for name in NAMES
    }
    return [str(write(folder, "an.json", json.dumps({"database": videos})))]


def two_lists(line: Callable[[str], str]) -> Callable[[Path], list[str]]:
    def texts(folder: Path) -> list[str]:
        train, evaluation = NAMES[:6], NAMES[6:]
        return [
            str(write(folder, f"{split}.txt", "\n".join(line(name) for name in names)))
            for split, names in (("train", train), ("val", evaluation))
        ]

    return texts


ANNOTATIONS: dict[str, Callable[[Path], list[str]]] = {
    "kinetics": kinetics,
    "activitynet": activitynet,
    "lists": two_lists(lambda name: f"x/{name}.avi,30,{label_of(name)}"),
    "sports1m": two_lists(lambda name: f"https://youtube.com/watch?v={name} {label_of(name)}"),
    "reference": two_lists(lambda name: f"x/{name};1;20;{label_of(name)}"),
}


def test_every_format_is_tried() -> None:
    assert set(ANNOTATIONS) == set(FORMATS) - {"folders"}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Ray, which every preparation joins."""
    with (
        head_node(tmp_path_factory.mktemp("cluster")) as head,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in (CLIENT | {"RAY_ADDRESS": head.address}).items():
            patch.setenv(name, value)
        yield


def prepared(*options: str) -> Prepared:
    return prepare_videos(tyro.cli(PrepareOptions, args=options))


@pytest.mark.slow
@pytest.mark.usefixtures("standing")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # its own, of its own settings
@pytest.mark.parametrize("format", ANNOTATIONS)
def test_a_format_becomes_a_manifest_with_counts(format: str, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    (videos / "x").mkdir(parents=True)
    for name in NAMES[:-1]:
        if format == "reference":
            write_pictures(videos / "x" / name, range(1, 21))
            for side in ("x_", "y_"):
                write_pictures(videos / "x" / name, range(1, 20), template=side + "{:05d}.jpg")
            write_wav(videos / f"{name}.wav", 1.0)
        else:
            media.write_media(videos / "x" / f"{name}.mp4", times=[i / 25 for i in range(25)])
    out = tmp_path / "out"
    options = ["--format", format, "--annotations", *ANNOTATIONS[format](tmp_path)]
    options += ["--videos", str(videos), "--out", str(out)]
    options += ["--flow", "pairs"] if format == "reference" else []
    found = prepared(*options)
    manifest = load_manifest(out)
    assert found.tried == len(NAMES)
    assert manifest.table["split"].value_counts().to_dict() == {
        "train": 4,
        "validation": 2,
        "test": 2,
    }
    length = 20 / 29.97 if format == "reference" else 1.0
    assert manifest.table["duration_s"].tolist() == pytest.approx([length] * 8)
    if format == "reference":
        assert manifest.flow == StoredFlow(algorithm="tvl1", pairs=True)
        flows = [read_flow(out / file, fps=29.97) for file in manifest.table["flow_path"]]
        assert {flow.shape for flow in flows} == {(20, 2, 48, 64)}
    assert any("classes that miss clips: 1, most of all" in remark for remark in found.remarks)
    assert any("(1 of 5)" in remark for remark in found.remarks)
    counts = pd.read_csv(out / "counts.csv")
    assert counts["missing"].tolist() == [0, 1]
    assert pd.read_csv(out / "failed.csv")["reason"].tolist() == ["the file is missing"]


@pytest.mark.slow
@pytest.mark.usefixtures("standing")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # its own, of its own settings
def test_several_labels_reach_the_manifest(tmp_path: Path) -> None:
    train = [f"{name},9,{'0,1,1' if name == 't0' else label_of(name)}" for name in NAMES[:6]]
    lists = [
        str(write(tmp_path, "train.txt", "\n".join(train))),
        str(write(tmp_path, "val.txt", "e0,9,0\ne1,9,1\n")),
    ]
    (tmp_path / "videos").mkdir()
    for name in NAMES[:-1]:
        media.write_media(tmp_path / "videos" / f"{name}.mp4", times=[0.0, 0.04, 0.08])
    names = write(tmp_path, "names.txt", "boxing\nbowls\n")
    options = ["--format", "lists", "--annotations", *lists, "--class-names", str(names)]
    options += ["--videos", str(tmp_path / "videos"), "--out", str(tmp_path / "out")]
    prepared(*options)
    manifest = load_manifest(tmp_path / "out")
    assert (manifest.classes, manifest.quality) == (("boxing", "bowls"), "map")
    labels = dict(zip(manifest.table["id"], manifest.labels, strict=True))
    assert labels == {name: (label_of(name),) for name in NAMES[:-1]} | {"t0": (0, 1)}
    assert manifest.table["source"].tolist() == manifest.table["id"].tolist()


MISTAKES = {
    "no annotations": (["--format", "activitynet"], "must be one file, activity_net.v1-3.min.json"),
    "one list": (["--format", "lists", "--annotations", "bad.txt"], "must be two files, the train"),
    "a missing list": (
        ["--format", "reference", "--annotations", "bad.txt", "gone.txt"],
        "--annotations must be a file, got gone.txt",
    ),
    "no JSON": (["--format", "activitynet", "--annotations", "bad.txt"], "bad.txt must be Activi"),
    "no label": (
        ["--format", "sports1m", "--annotations", "bad.txt", "bad.txt"],
        "bad.txt:2: a line must be URL label,label with ?v=<id> in it, got 'http://x?v=b'",
    ),
    "several labels": (
        ["--format", "sports1m", "--annotations", "good.txt", "good.txt", "--quality", "accuracy"],
        "--quality must be map where a clip has several labels, got accuracy and 'a' with [0, 2]",
    ),
    "no videos": (
        ["--format", "sports1m", "--annotations", "good.txt", "good.txt"],
        "--videos must hold what the annotations name, such as 'a', got none of 1 in",
    ),
    "too few names": (
        [
            "--format",
            "sports1m",
            "--annotations",
            "good.txt",
            "good.txt",
            "--class-names",
            "bad.txt",
        ],
        "--class-names must have 3 lines or more",
    ),
    "no frame rate": (
        ["--format", "sports1m", "--annotations", "good.txt", "good.txt", "--pictures-fps", "nan"],
        "--pictures-fps must be in 1..240, got nan",
    ),
    "pairs of videos": (
        ["--format", "sports1m", "--annotations", "good.txt", "good.txt", "--flow", "pairs"],
        "--flow pairs must be given with reference only, got sports1m",
    ),
    "sounds of videos": (
        ["--format", "sports1m", "--annotations", "good.txt", "good.txt", "--sounds", "."],
        "--sounds must be given with reference only, got sports1m",
    ),
}


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "bad.txt", "http://x?v=a 1\nhttp://x?v=b\n")
    write(tmp_path, "good.txt", "http://x?v=a 2,0\n")
    (tmp_path / "videos").mkdir()
    monkeypatch.chdir(tmp_path)


DEFAULTS = ["--videos", "videos", "--out", "out"]


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(("options", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_before_anything_starts(options: list[str], words: str) -> None:
    asked = tyro.cli(PrepareOptions, args=[*options, *DEFAULTS])
    with pytest.raises(ValueError, match=re.escape(words)) as found:
        prepare_videos(asked)
    assert "\n" not in str(found.value)
    assert not Path("out").exists()


@pytest.mark.usefixtures("lists")
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    options, words = MISTAKES["no label"]
    code, said = sweep_process.sweep(tmp_path, *options, *DEFAULTS, job=JOB)
    assert (code, said) == (2, f"error: {words}\n")
