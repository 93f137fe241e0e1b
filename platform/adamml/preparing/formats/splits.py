"""Our three splits: the published evaluation split is test, a tenth of the rest is validation."""

import hashlib

import pandas as pd

VALIDATION = 0.1


def with_splits(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Annotations.table with train, validation and test as split.

    Validation is a tenth of the published training split, by class and by source video; no clip of
    the published evaluation split is anywhere but in test.
    """
    training = table["split"] == "train"
    drawn = held_out(table[training], VALIDATION, seed)
    split = pd.Series("train", index=table.index)
    split[training & table["source"].isin(drawn)] = "validation"
    split[table["split"] == "evaluation"] = "test"
    return table.assign(split=split)


def held_out(table: pd.DataFrame, share: float, seed: int) -> list[str]:
    """Sources with about this share of every class's sources; at least one of a class with two.

    The order in which a class gives them up follows from (seed, name) alone: it is the same on
    every machine, and a video that is missing on one moves few others. A source with several labels
    counts in the class of its first.
    """
    first = table.groupby("source")["labels"].agg(lambda labels: min(labels)[0])
    chosen: list[str] = []
    for _, sources in first.groupby(first):
        names = sorted(sources.index, key=lambda name: _rank(name, seed))
        count = round(share * len(names))
        chosen += names[: max(count, 1) if len(names) > 1 else 0]
    return sorted(chosen)


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
