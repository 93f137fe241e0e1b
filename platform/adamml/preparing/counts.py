"""Numbers of clips by split and by class: annotated, prepared, and published in the papers."""

from collections import Counter

import pandas as pd

from adamml.data.manifest import SPLITS, Manifest
from adamml.preparing.formats.annotations import Annotations
from adamml.preparing.formats.published import PUBLISHED
from adamml.preparing.formats.splits import with_splits

BOTH = "train + validation"
"""Row of split_counts() that is to be compared with the papers' training split."""


def split_counts(annotations: Annotations, manifest: Manifest, recipe: str | None) -> pd.DataFrame:
    """Count the clips of each split: annotated, prepared and missing.

    The papers' training split is our train and validation together.

    Args:
        annotations: all clips.
        manifest: the prepared clips.
        recipe: a key of PUBLISHED, which adds a column of what the paper reports.
    """
    annotated = with_splits(annotations.table)["split"].value_counts()
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


def class_counts(annotations: Annotations, manifest: Manifest) -> pd.DataFrame:
    """Count the clips of each class. A clip with several labels counts in each of its classes.

    Returns:
        A row per class: class, <split>_annotated and <split>_prepared for each split, and missing.
    """
    table = with_splits(annotations.table)[["id", "split", "labels"]].explode("labels")
    table = table.astype({"labels": int})
    is_prepared = table["id"].isin(set(manifest.table["id"]))
    states = ("annotated", "prepared")
    counts = {}
    for split in SPLITS:
        for state, rows in zip(states, (table, table[is_prepared]), strict=True):
            labels = rows["labels"][rows["split"] == split].value_counts()
            counts[f"{split}_{state}"] = labels.reindex(
                range(len(annotations.classes)), fill_value=0
            )
    result = pd.DataFrame(counts)
    result.insert(0, "class", list(annotations.classes))
    totals = {state: result.filter(like=f"_{state}").sum(axis=1) for state in states}
    return result.assign(missing=totals["annotated"] - totals["prepared"])


def remarks(classes: pd.DataFrame, most: int = 5) -> list[str]:
    """Return sentences about the classes that lack clips.

    Args:
        classes: the table of class_counts().
        most: number of classes that a sentence names.
    """
    annotated = classes.filter(like="_annotated").sum(axis=1)
    sentences = []
    missing = classes.assign(annotated=annotated)[classes["missing"] > 0]
    short = missing.sort_values("missing", ascending=False, kind="stable")
    if len(short):
        worst = short[["class", "missing", "annotated"]].head(most).itertuples(index=False)
        named = [f"{name} ({less} of {all})" for name, less, all in worst]
        sentences.append(f"classes that miss clips: {len(short)}, most of all {', '.join(named)}")
    # annotated > 0: a class without any clip is named once, not in all three sentences.
    empty = {
        "any clip": annotated == 0,
        "a prepared clip in train": (annotated > 0) & (classes["train_prepared"] == 0),
        "a prepared clip in test": (annotated > 0) & (classes["test_prepared"] == 0),
    }
    for what, without in empty.items():
        if without.any():
            names = classes["class"][without].tolist()
            more = f" and {len(names) - most} more" if len(names) > most else ""
            sentences.append(
                f"classes without {what}: {len(names)} ({', '.join(names[:most])}{more})"
            )
    return sentences


def count_reasons(failed: pd.DataFrame, most: int = 8) -> list[tuple[str, int]]:
    """Return the most frequent reasons of manifests.failures(), each with its number of clips.

    A reason is cut at its first colon, behind which it names what only one file has.
    """
    return Counter(str(reason).partition(": ")[0] for reason in failed["reason"]).most_common(most)
