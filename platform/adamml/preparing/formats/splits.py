"""Train, validation and test splits.

The published evaluation split is test, and a tenth of the rest is validation.
"""

import hashlib

import pandas as pd

VALIDATION_SHARE = 0.1
"""Share of the published training split that is held out for validation."""


def with_splits(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return Annotations.table with train, validation and test in the column split.

    Validation is a tenth of the published training split, drawn by class and by source video. Every
    clip of the published evaluation split is in test, and test holds no other clip.
    """
    training = table["split"] == "train"
    drawn = held_out(table[training], VALIDATION_SHARE, seed)
    split = pd.Series("train", index=table.index)
    split[training & table["source"].isin(drawn)] = "validation"
    split[table["split"] == "evaluation"] = "test"
    return table.assign(split=split)


def held_out(table: pd.DataFrame, share: float, seed: int) -> list[str]:
    """Draw about this share of the sources of every class; at least one of a class with two.

    The order in which a class gives up its sources follows from (seed, name) alone. It is therefore
    the same on every machine, and a video that one machine lacks moves few others. A source with
    several labels counts in the class of its first label.
    """
    first_label = table.groupby("source")["labels"].agg(lambda labels: min(labels)[0])
    chosen: list[str] = []
    for _, sources in first_label.groupby(first_label):
        names = sorted(sources.index, key=lambda name: _rank(name, seed))
        count = round(share * len(names))
        chosen += names[: max(count, 1) if len(names) > 1 else 0]
    return sorted(chosen)


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
