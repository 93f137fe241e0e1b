"""Kinetics-400's CSV files: label, youtube_id, time_start, time_end, split.

`validate` is the papers' test set. Rows of the dataset's own test split, on which no paper reports,
are left out. A clip's file is named <youtube_id>_<start>_<end> with six digits each, as in the
copies in circulation. Where only the uncut video is at hand, it is named <youtube_id>.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from adamml.preparing.formats.annotations import Annotations, Clip, PublishedSplit, annotations
from adamml.preparing.formats.format import Files, Format

KINETICS_SOUNDS = (
    "blowing nose", "blowing out candles", "bowling", "chopping wood", "dribbling basketball",
    "laughing", "mowing lawn", "playing accordion", "playing bagpipes", "playing bass guitar",
    "playing clarinet", "playing drums", "playing guitar", "playing harmonica",
    "playing keyboard", "playing organ", "playing piano", "playing saxophone",
    "playing trombone", "playing trumpet", "playing violin", "playing xylophone",
    "ripping paper", "shoveling snow", "shuffling cards", "singing", "stomping grapes",
    "tap dancing", "tapping guitar", "tapping pen", "tickling",
)  # fmt: skip
"""Names of the 31 classes, from an author of the paper: github.com/IBM/AdaMML/issues/3."""
SPLITS: dict[str, PublishedSplit] = {
    "train": "train",
    "validate": "evaluation",
    "val": "evaluation",
}
"""Published split by the value of the column split."""
MAX_TIME_S = 1e6
"""Latest time, in seconds, that counts as one."""
NEEDED = ("label", "youtube_id", "time_start", "time_end", "split")
"""Columns that a file must have."""


def read_kinetics(files: Sequence[Path], classes: Sequence[str] | None = None) -> Annotations:
    """Read the CSV files.

    Args:
        files: in any order; the split is a column.
        classes: names of the classes to read, in the order of their labels; all by default.

    Raises:
        ValueError: a column is missing, a class has no clip, a time is no number of seconds, or an
            id is there twice.
        OSError: a file cannot be read.
    """
    table = pd.concat([_read(file) for file in files], ignore_index=True)
    table = table[table["split"].isin(list(SPLITS))]
    # After the rows that are left out: a class that only they have gets no label.
    annotated = sorted(table["label"].unique())
    names = annotated if classes is None else list(classes)
    if missing := [name for name in names if name not in annotated]:
        raise ValueError(f"{files[0]} must have all classes of --classes, got no clip of {missing}")
    number = {name: index for index, name in enumerate(names)}
    table = table[table["label"].isin(names)]
    rows = table[[*NEEDED, "where"]].assign(label=table["label"].map(number))
    clips = (_clip(*row) for row in rows.itertuples(index=False, name=None))
    return annotations(clips, names, files[0])


def _clip(label: int, youtube_id: str, start: float, end: float, split: str, where: str) -> Clip:
    id = f"{youtube_id}_{round(start):06d}_{round(end):06d}"
    return Clip(
        id=id,
        source=youtube_id,
        clip=id,
        split=SPLITS[split],
        labels=(label,),
        start_s=float(start),
        end_s=float(end),
        where=where,
    )


def _read(file: Path) -> pd.DataFrame:
    texts = {"label": str, "youtube_id": str, "split": str}
    try:
        table = pd.read_csv(file, dtype=texts, keep_default_na=False)  # a video may be called NA
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} must be a CSV file of Kinetics, got: {error}") from error
    if missing := [name for name in NEEDED if name not in table.columns]:
        raise ValueError(
            f"{file} must have the columns {', '.join(NEEDED)}, got none named {missing}"
        )
    table["where"] = [f"{file}:{number}" for number in range(2, len(table) + 2)]
    times = ["time_start", "time_end"]
    given, table[times] = table[times], table[times].apply(pd.to_numeric, errors="coerce")
    rules = {
        "youtube_id": ("must not be empty", table["youtube_id"].str.strip() != ""),
        "time_start": ("must be seconds", table["time_start"].between(0, MAX_TIME_S)),
        "time_end": ("must be seconds", table["time_end"].between(0, MAX_TIME_S)),
        "times": ("must be rising", table["time_start"] < table["time_end"]),
    }
    for name, (rule, good) in rules.items():
        if not good.all():
            row, span = table[~good].iloc[0], given[~good].iloc[0].tolist()
            raise ValueError(
                f"{row['where']}: {name} {rule}, got {row['youtube_id']!r} from "
                f"{span[0]} to {span[1]} ({int((~good).sum())} such rows)"
            )
    return table


KINETICS = Format(
    summary="Kinetics-400's CSV files",
    read=read_kinetics,
    files=Files(range(1, 100), "CSV files, such as train.csv and validate.csv"),
    classes={"kinetics_sounds": KINETICS_SOUNDS},
    default_quality="accuracy",
    published=("kinetics_sounds",),
)
