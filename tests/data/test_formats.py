"""One contract for all formats: small files of each, and what they must become."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from adamml.data.formats import FORMATS
from adamml.data.formats.annotations import COLUMNS, Annotations
from adamml.data.formats.kinetics import KINETICS_SOUNDS
from adamml.data.formats.splits import with_splits

Files = Callable[[Path], list[Path]]


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def kinetics(folder: Path) -> list[Path]:
    head = "label,youtube_id,time_start,time_end,split,is_cc\n"
    train = [
        f'"{label}",t{label}{n},{n},{n + 10},train,0' for label in ("a b", "c") for n in range(20)
    ]
    test = [f"c,e{n},0,10,validate,1" for n in range(3)] + ["c,nobody,0,10,test,0"]
    return [
        write(folder, "train.csv", head + "\n".join(train) + "\n"),
        write(folder, "validate.csv", head + "\n".join(test) + "\n"),
    ]


def folders(folder: Path) -> list[Path]:
    for label, count in (("a b", 25), ("c", 25), ("empty", 0)):
        (folder / "media" / label).mkdir(parents=True)
        for n in range(count):
            write(folder / "media" / label, f"{n}.mp4", "")
        write(folder / "media" / label, "notes.txt", "")
    return [folder / "media"]


SMALL: dict[str, Files] = {
    "kinetics": kinetics,
    "folders": folders,
}


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(name: str, tmp_path: Path) -> Annotations:
    return FORMATS[name](SMALL[name](tmp_path), None)


def test_all_become_one_table(name: str, found: Annotations) -> None:
    assert list(found.table.columns) == list(COLUMNS)
    assert len(found.classes) == 2
    evaluation = 10 if name == "folders" else 3
    counts = found.table["split"].value_counts()
    assert (counts["train"], counts["evaluation"]) == (40, evaluation)
    assert found.table["id"].is_unique
    assert not found.multi_label


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


BROKEN = {
    "kinetics": [
        "label,youtube_id\na,b\n",
        "",
        "label,youtube_id,time_start,time_end,split\na,b,x,1,train\n",
    ],
}


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in BROKEN.items() for t in texts])
def test_a_broken_file_is_named_with_what_it_should_be(
    name: str, text: str, tmp_path: Path
) -> None:
    files = [write(tmp_path, f"{n}.txt", text) for n in range(2)]
    with pytest.raises(ValueError, match=r"0\.txt.* must "):
        FORMATS[name](files, None)


def test_a_video_in_both_published_splits_is_refused(tmp_path: Path) -> None:
    head = "label,youtube_id,time_start,time_end,split\n"
    file = write(tmp_path, "all.csv", head + "a,v,0,10,train\na,v,20,30,validate\n")
    with pytest.raises(ValueError, match="clips of one video must be in one published split"):
        FORMATS["kinetics"]([file], None)


def test_kinetics_sounds_are_31_of_the_400(tmp_path: Path) -> None:
    head = "label,youtube_id,time_start,time_end,split\n"
    names = [*KINETICS_SOUNDS, "abseiling"]
    rows = [f"{name},v{n},0,10,train\n" for n, name in enumerate(names)]
    found = FORMATS["kinetics"]([write(tmp_path, "a.csv", head + "".join(rows))], "kinetics_sounds")
    assert len(KINETICS_SOUNDS) == len(set(KINETICS_SOUNDS)) == len(found.table) == 31
    assert "abseiling" not in found.classes
    less = write(tmp_path, "b.csv", head + "".join(rows[1:]))
    with pytest.raises(ValueError, match="must have all classes of kinetics_sounds"):
        FORMATS["kinetics"]([less], "kinetics_sounds")
