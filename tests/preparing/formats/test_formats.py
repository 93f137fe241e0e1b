"""One contract for all formats: small files of each, and what they must become."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from adamml.preparing import formats
from adamml.preparing.formats import FORMATS, read_annotations
from adamml.preparing.formats.annotations import (
    COLUMNS,
    Annotations,
    Clip,
    annotations,
    with_quality,
)
from adamml.preparing.formats.published import PUBLISHED
from adamml.preparing.formats.splits import with_splits
from annotation_files import SMALL, write

SEVERAL_LABELS = ("activitynet", "lists", "sports1m", "reference")


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(name: str, tmp_path: Path) -> Annotations:
    return read_annotations(name, SMALL[name](tmp_path))


def test_all_become_one_table(name: str, found: Annotations) -> None:
    assert list(found.table.columns) == list(COLUMNS)
    assert len(found.classes) == 2
    counts = found.table["split"].value_counts()
    assert counts["train"] == 40
    assert counts["evaluation"] in (3, 10), "the files name 3, or a fifth of 50 is drawn"
    assert found.table["id"].is_unique
    assert found.multi_label == (name in SEVERAL_LABELS)
    labels = found.table["labels"]
    assert labels.map(lambda row: row == tuple(sorted(set(row))) and len(row) > 0).all()
    assert set(labels.explode()) == {0, 1}
    assert found.table.groupby("source")["split"].nunique().max() == 1


def test_quality_is_what_papers_report(name: str, found: Annotations) -> None:
    assert found.quality == ("map" if name in SEVERAL_LABELS else "accuracy")
    assert with_quality(found, "map").quality == "map"
    with pytest.raises(ValueError, match="--quality must be accuracy or map, got mAP"):
        with_quality(found, "mAP")
    if found.multi_label:
        with pytest.raises(ValueError, match=r"must be map where a clip has several labels, .*1 s"):
            with_quality(found, "accuracy")
    else:
        assert with_quality(found, "accuracy").quality == "accuracy"


def test_an_entry_describes_what_it_reads(name: str, found: Annotations) -> None:
    format = FORMATS[name]
    assert format.summary
    assert "\n" not in format.summary
    assert (format.media == "pictures") == found.table["frames"].notna().all()
    assert format.default_quality in (None, found.quality)
    assert set(format.published) <= set(PUBLISHED)
    assert all(format.classes.values())


def test_no_code_but_the_table_knows_the_name_of_a_format() -> None:
    """A new format is one module and one line of the table."""
    folder = Path(formats.__file__).parent
    named = [
        f"{path.name}:{node.lineno}: {node.value}"
        for path in sorted(folder.parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in FORMATS and path.parent != folder
    ]
    assert named == []


def test_reading_twice_gives_the_same(name: str, found: Annotations, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = read_annotations(name, SMALL[name](tmp_path / "again"))
    pd.testing.assert_frame_equal(again.table, found.table)
    assert again.classes == found.classes


def test_nothing_of_the_published_evaluation_split_reaches_a_search(found: Annotations) -> None:
    ours = with_splits(found.table)
    published = found.table["split"] == "evaluation"
    assert (ours["split"][published] == "test").all()
    assert set(ours["split"][~published]) == {"train", "validation"}
    searched = ours[ours["split"] != "test"]
    assert not set(searched["source"]) & set(found.table["source"][published])


def test_validation_is_a_tenth_of_every_class_and_the_same_everywhere(found: Annotations) -> None:
    ours = with_splits(found.table)
    first = ours["labels"].map(min)
    assert ours[ours["split"] == "validation"].groupby(first).size().tolist() == [2, 2]
    shuffled = with_splits(found.table.sample(frac=1, random_state=3)).sort_index()
    pd.testing.assert_frame_equal(shuffled, ours)
    other = with_splits(found.table, seed=1)
    assert not other["split"].equals(ours["split"])


def test_a_missing_video_moves_few_others(found: Annotations) -> None:
    ours = with_splits(found.table)
    some = found.table[found.table["split"] == "train"].index[:3]
    fewer = with_splits(found.table.drop(some))
    moved = (ours.drop(some)["split"] != fewer["split"]).sum()
    assert moved <= 2


def test_clips_of_one_video_stay_together() -> None:
    rows = [(f"{n}_{part}", f"v{n}", (0,)) for n in range(30) for part in range(3)]
    table = pd.DataFrame(rows, columns=["id", "source", "labels"]).assign(split="train")
    ours = with_splits(table)
    assert (ours.groupby("source")["split"].nunique() == 1).all()
    assert (ours["split"] == "validation").sum() == 9


def test_files_that_are_too_many_none_or_a_folder_are_refused(name: str, tmp_path: Path) -> None:
    files = SMALL[name](tmp_path)
    for wrong in ([], files * 100, [tmp_path / "nowhere"] * len(files)):
        with pytest.raises(ValueError, match=rf"{name} must be|must be a file|{name} takes"):
            read_annotations(name, wrong)
    if name != "folders":
        with pytest.raises(ValueError, match="--annotations must be a file, got"):
            read_annotations(name, [tmp_path] * len(files))
        with (tmp_path / "sparse").open("wb") as sparse:
            sparse.truncate(2**30 + 1)
        with pytest.raises(ValueError, match=r"must have at most 1073741824 bytes, got .*sparse"):
            read_annotations(name, [tmp_path / "sparse"] * len(files))


def test_a_subset_that_nobody_knows_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown subset|--classes must not be given"):
        read_annotations(name, SMALL[name](tmp_path), "sounds")


def in_both_splits(name: str, folder: Path) -> list[Path]:
    """The files of SMALL, where the evaluation has a video of the training split too."""
    files = SMALL[name](folder)
    more = {
        "kinetics": HEAD + "c,ta b0,50,60,validate\nc,e9,0,10,validate\n",
        "lists": "./x/t0.webm,300,0\nx/e9.mp4,300,1\n",
        "reference": "x y//t0;1;300;0\nx/e9;1;200;1\n",
    }
    if name in more:
        files[-1] = write(folder, "both.txt", more[name])
    return files


@pytest.mark.parametrize("name", ["kinetics", "lists", "reference"])
def test_a_video_in_both_published_splits_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"both\.txt:\d: an id must be there once|one published spl"
    ):
        read_annotations(name, in_both_splits(name, tmp_path))


def test_sports1m_counts_a_video_in_both_as_evaluation(tmp_path: Path) -> None:
    files = SMALL["sports1m"](tmp_path)
    assert "v=e0 1" in files[0].read_text()
    ours = with_splits(read_annotations("sports1m", files).table).set_index("id")
    assert ours.loc["e0", "split"] == "test"
    every = with_splits(read_annotations("sports1m", files[:2]).table).set_index("id")
    assert every.loc["e0", "split"] == "test"
    assert len(every) == 50


HEAD = "label,youtube_id,time_start,time_end,split\n"
URL = "http://x?v=a"
DATABASE = '{"database": {%s, %s}}'
TRAINING = '"a": {"subset": "training", "annotations": [{"label": "x"}]}'
LABEL = '{"database": {"v": {"subset": "training", "annotations": [%s]}}}'
BROKEN = {
    "kinetics": [
        ("label,youtube_id\na,b\n", r"0\.txt must have the columns"),
        ("", r"0\.txt must be a CSV file"),
        (b"\xff\xfe\x00", r"0\.txt must be a CSV file"),
        (HEAD + "a,b,0,1,train\na,b,x,1,train\n", r"0\.txt:3: time_start must be seconds.* x to"),
        (HEAD + "a,b,0,inf,train\n", r"0\.txt:2: time_end must be seconds"),
        (HEAD + "a,b,-1,1,train\n", r"0\.txt:2: time_start must be seconds"),
        (HEAD + "a,b,5,5,train\n", r"0\.txt:2: times must be rising"),
        (HEAD + "a,,0,5,train\n", r"0\.txt:2: youtube_id must not be empty"),
        (HEAD + "a,b,0,5,train\nc,b,0,5,train\n", r"0\.txt:3: an id must be there once"),
        (HEAD + "a,b,0,5,test\n", r"0\.txt must name a clip, got none"),
        (HEAD + "a,v,0,10,train\na,v,20,30,validate\n", r"txt:2: clips of one video must be in on"),
    ],
    "activitynet": [
        ("{", r"0\.txt must be ActivityNet's JSON"),
        ("[]", r"0\.txt must be ActivityNet's JSON"),
        ("[" * 100_000, r"0\.txt must be ActivityNet's JSON.* RecursionError"),
        ('{"database": {"a": {"annotations": []}}}', r"0\.txt must be ActivityNet's JSON"),
        ('{"database": {"a": {"subset": []}}}', r"0\.txt must be ActivityNet's JSON"),
        ('{"database": {}}', r"0\.txt must name a clip, got none"),
        ('{"database": {"a": {"subset": "training"}}}', r"0\.txt: video 'a' must have annot"),
        (LABEL % '{"segment": []}', r"0\.txt: video 'v' must have annotations with a label each"),
        (LABEL % '"x"', r"0\.txt: video 'v' must have annotations with a label each"),
        (LABEL % '{"label": 3}', r"0\.txt: a label of video 'v' must be a name, got 3"),
        (LABEL % '{"label": ""}', r"0\.txt: names must be text, got ''"),
        (LABEL.replace("v", "\\ud800") % '{"label": "x"}', r"0\.txt: names must be text"),
        (
            DATABASE % (TRAINING.replace("training", "validation"), TRAINING),
            r"0\.txt must be ActivityNet's JSON.*'a' more than once",
        ),
    ],
    "lists": [
        ("a.mp4,0\n", r"0\.txt:1: a line must be path,num_frames,label"),
        ("\n\na.mp4,10,x\n", r"0\.txt:3: a label must be a number from 0"),
        ("a.mp4,10,-1\n", r"0\.txt:1: a label must be a number from 0"),
        ("a.mp4,10,²\n", r"0\.txt:1: a label must be a number from 0"),
        ("a.mp4,10,\n", r"0\.txt:1: a label must be a number from 0"),
        ("a.mp4,many,1\n", r"0\.txt:1: num_frames must be a number from 0"),
        (f"a.mp4,10,{'9' * 9}\n", r"0\.txt:1: labels must be numbers from 0 to 99999"),
        (f"a.mp4,10,{'9' * 9999}\n", r"0\.txt:1: a label must be a number from 0"),
        ("a.mp4,10,0\nb,10,0\na.webm,10,0\n", r"0\.txt:3: an id must be there once, got 'a'"),
        (b"a.mp4,10,\xff\n", r"0\.txt must be a text file"),
        ("v 300 0\n", r"0\.txt:1: a line must be path,num_frames,label"),
    ],
    "sports1m": [
        ("http://x 1\n", r"0\.txt:1: a line must be URL label,label"),
        (f"{URL}\n", r"0\.txt:1: a line must be URL label,label"),
        (f"{URL} 1\n{URL} b\n", r"0\.txt:2: a label must be a number from 0"),
        ("http://[?w=a 1\n", r"0\.txt:1: a line must be URL label,label"),
        (b"\x1f\x8b\x08\xff", r"0\.txt must be a text file \(unpacked, where it is a \.gz\)"),
    ],
    "reference": [
        ("a;1;2\n", r"0\.txt:1: a line must be path;start;end;label"),
        ("b;1;2;0\na;5;2;0\n", r"0\.txt:2: end must not be before start"),
        ("a;1;2;b\n", r"0\.txt:1: a label must be a number from 0"),
        ("a;-1;2;0\n", r"0\.txt:1: start and end must be a number from 0"),
        ("a b 1 2 0\n", r"0\.txt:1: start and end must be a number from 0"),
        ("a;1;2;0\n./a 1 2 0\n", r"0\.txt:2: an id must be there once, got 'a:1-2'"),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "words"), [(n, *case) for n, cases in BROKEN.items() for case in cases]
)
def test_a_broken_file_is_named_with_its_line(
    name: str, text: str | bytes, words: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{n}.txt" for n in range(1 if name in ("kinetics", "activitynet") else 2)]
    for file in files:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=words):
        read_annotations(name, files)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"labels": ()},
            r"here:2: labels must be in 0\.\.1, at least one, got 'b' with labels \[\]",
        ),
        ({"labels": (0, 2)}, r"here:2: labels must be in 0\.\.1"),
        ({"labels": (-1,)}, r"here:2: labels must be in 0\.\.1"),
        ({"id": "a"}, r"here:2: an id must be there once"),
        ({"id": ""}, r"here:2: names must be text, got ''"),
        ({"source": "a", "split": "evaluation"}, r"here:1: clips of one video must be in one publ"),
    ],
)
def test_what_no_table_may_have(changed: dict[str, Any], words: str) -> None:
    clips = [
        Clip(id=name, source=name, clip=name, split="train", labels=(0,), where=f"here:{line}")
        for line, name in enumerate("abc", start=1)
    ]
    assert len(annotations(clips, ["x", "y"], Path()).table) == 3
    clips[1] = replace(clips[1], **changed)
    with pytest.raises(ValueError, match=words):
        annotations(clips, ["x", "y"], Path())
