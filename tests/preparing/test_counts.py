"""Counts of annotated, prepared and published clips, against tables that are counted by hand."""

from pathlib import Path

import pandas as pd
import pytest
from adamml.data.manifest import Manifest
from adamml.preparing.counts import BOTH, class_counts, count_reasons, remarks, split_counts
from adamml.preparing.formats import FORMATS, read_annotations
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.published import PUBLISHED, recipe_with_classes
from adamml.preparing.formats.splits import with_splits
from annotation_files import SMALL


@pytest.fixture
def found(tmp_path: Path) -> Annotations:
    """Classes "a b" (20 clips) and "c" (19, and 3 for evaluation), and one clip of both."""
    return read_annotations("activitynet", SMALL["activitynet"](tmp_path))


def without(found: Annotations, *ids: str) -> Manifest:
    """As if all others had been prepared."""
    table = with_splits(found.table)
    return Manifest(Path(), table[~table["id"].isin(ids)].reset_index(drop=True), found.classes)


def test_every_split_with_what_is_missing_and_published(found: Annotations) -> None:
    table = with_splits(found.table).set_index("id")
    lost = table.index[table["split"] == "train"][:2]
    counts = split_counts(found, without(found, "v_e1", *lost), "activitynet")
    assert list(counts.index) == ["train", "validation", BOTH, "test"]
    assert counts["annotated"].tolist() == [36, 4, 40, 3]
    assert counts["prepared"].tolist() == [34, 4, 38, 2]
    assert counts["missing"].tolist() == [2, 0, 2, 1]
    assert counts["published (activitynet)"].tolist() == ["", "", "10024", "4926"]
    assert list(split_counts(found, without(found), None)) == ["annotated", "prepared", "missing"]


def test_a_clip_with_two_labels_counts_in_both_classes(found: Annotations) -> None:
    counts = class_counts(found, without(found, "v_both", "v_e0", "v_e1", "v_e2"))
    assert counts["class"].tolist() == ["a b", "c"]
    trained = counts[["train_annotated", "validation_annotated"]].sum(axis=1)
    assert trained.tolist() == [21, 20]
    assert counts["test_annotated"].tolist() == [0, 3]
    assert counts["test_prepared"].tolist() == [0, 0]
    assert counts["missing"].tolist() == [1, 4]


def test_remarks_name_what_misses_most_and_what_is_empty() -> None:
    rows = [
        ("boxing", 9, 9, 1, 1),
        ("bowls", 9, 2, 1, 1),
        ("golf", 9, 8, 1, 0),
        ("polo", 0, 0, 0, 0),
    ]
    table = pd.DataFrame(
        rows,
        columns=["class", "train_annotated", "train_prepared", "test_annotated", "test_prepared"],
    ).assign(missing=[0, 7, 2, 0])
    assert remarks(table) == [
        "classes that miss clips: 2, most of all bowls (7 of 10), golf (2 of 10)",
        "classes without any clip: 1 (polo)",
        "classes without a prepared clip in test: 1 (golf)",
    ]
    assert remarks(table.iloc[:1]) == []
    many = pd.concat([table.iloc[3:]] * 7, ignore_index=True)
    assert remarks(many) == [
        "classes without any clip: 7 (polo, polo, polo, polo, polo and 2 more)"
    ]


def test_reasons_are_counted_without_the_file_that_they_name() -> None:
    said = ["truncated: 1.0 of 2.0 s", "truncated: 3.0 of 9.0 s", "the file is missing"]
    assert count_reasons(pd.DataFrame({"reason": said})) == [
        ("truncated", 2),
        ("the file is missing", 1),
    ]
    assert count_reasons(pd.DataFrame({"reason": said}), 1) == [("truncated", 2)]
    assert count_reasons(pd.DataFrame(columns=["id", "source", "reason"])) == []


def test_published_counts_are_those_of_the_recipe_with_as_many_classes() -> None:
    def recipe(format: str, classes: int) -> str | None:
        return recipe_with_classes(FORMATS[format].published, classes)

    assert recipe("lists", 239) == "fcvid"
    assert recipe("lists", 487) == recipe("sports1m", 487) == "mini_sports1m"
    assert recipe("kinetics", 31) == recipe("reference", 31) == "kinetics_sounds"
    assert recipe("kinetics", 400) is None
    assert recipe("folders", 31) is None
    assert len({counts.classes for counts in PUBLISHED.values()}) == len(PUBLISHED)
