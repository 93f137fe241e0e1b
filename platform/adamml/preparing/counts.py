"""How many clips are annotated, prepared, and reported by the papers, by split and by class."""

from collections import Counter

import pandas as pd

from adamml.data.manifest import SPLITS, Manifest
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.published import PUBLISHED
from adamml.preparing.formats.splits import with_splits

BOTH = "train + validation"


def split_counts(found: Annotations, manifest: Manifest, recipe: str | None) -> pd.DataFrame:
    """Clips by split: annotated, prepared, missing and, where a recipe is named, published.

    The papers' training split is our train and validation together.
    """
    annotated = with_splits(found.table)["split"].value_counts()
    prepared = manifest.table["split"].value_counts()
    table = pd.DataFrame({"annotated": annotated, "prepared": prepared}).reindex(list(SPLITS))
    table = table.fillna(0).astype(int)
    table.loc[BOTH] = table.loc[["train", "validation"]].sum()
    table["missing"] = table["annotated"] - table["prepared"]
    if recipe:
        published = PUBLISHED[recipe]
        numbers = {BOTH: str(published.train), "test": str(published.evaluation)}
        table[f"published ({recipe})"] = [numbers.get(str(name), "") for name in table.index]
    return table.loc[["train", "validation", BOTH, "test"]]


def class_counts(found: Annotations, manifest: Manifest) -> pd.DataFrame:
    """class, <split>_annotated and <split>_prepared for each split, and missing; a row per class.

    A clip with several labels counts in each of its classes.
    """
    table = with_splits(found.table)[["id", "split", "labels"]].explode("labels")
    table = table.astype({"labels": int})
    there = table["id"].isin(set(manifest.table["id"]))
    counts = {}
    for split in SPLITS:
        for what, rows in (("annotated", table), ("prepared", table[there])):
            labels = rows["labels"][rows["split"] == split].value_counts()
            counts[f"{split}_{what}"] = labels.reindex(range(len(found.classes)), fill_value=0)
    result = pd.DataFrame(counts)
    result.insert(0, "class", list(found.classes))
    of = {what: result.filter(like=f"_{what}").sum(axis=1) for what in ("annotated", "prepared")}
    return result.assign(missing=of["annotated"] - of["prepared"])


def remarks(classes: pd.DataFrame, most: int = 5) -> list[str]:
    """What is odd about class_counts(): the classes that miss most clips, and those without any."""
    annotated = classes.filter(like="_annotated").sum(axis=1)
    said = []
    missing = classes.assign(annotated=annotated)[classes["missing"] > 0]
    short = missing.sort_values("missing", ascending=False, kind="stable")
    if len(short):
        worst = short[["class", "missing", "annotated"]].head(most).itertuples(index=False)
        named = [f"{name} ({less} of {all})" for name, less, all in worst]
        said.append(f"classes that miss clips: {len(short)}, most of all {', '.join(named)}")
    empty = {
        "any clip": annotated == 0,
        "a prepared clip in train": (annotated > 0) & (classes["train_prepared"] == 0),
        "a prepared clip in test": (annotated > 0) & (classes["test_prepared"] == 0),
    }
    for what, without in empty.items():
        if without.any():
            names = classes["class"][without].tolist()
            more = f" and {len(names) - most} more" if len(names) > most else ""
            said.append(f"classes without {what}: {len(names)} ({', '.join(names[:most])}{more})")
    return said


def reasons(failed: pd.DataFrame, most: int = 8) -> list[tuple[str, int]]:
    """The most frequent reasons of failures(), up to a colon, behind which they name one file."""
    return Counter(str(reason).partition(": ")[0] for reason in failed["reason"]).most_common(most)
