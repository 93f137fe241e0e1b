"""All clips of a dataset through Ray Data, with a journal: what is done is not done again."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import ray.data

from adamml.journal import Journal, read_journal
from adamml.preparing.clips import Preparation, Row, prepare

JOURNAL = "prepared.jsonl"
CLIPS_PER_BLOCK = 4
"""What one task makes before its rows are seen: a killed run makes as many again per CPU."""
MAX_BLOCKS = 20_000


def journal_of(out: Path) -> Path:
    return out / JOURNAL


def outcomes(out: Path) -> dict[str, Row]:
    """Id -> the last row that prepare() gave, of clips whose file, if it has one, is there whole.

    Raises:
        ValueError: the journal is damaged.
    """
    rows = {e["row"]["id"]: e["row"] for e in read_journal(journal_of(out)) if e["event"] == "clip"}
    return {id: row for id, row in rows.items() if "reason" in row or _whole(row, out)}


def _whole(row: Row, out: Path) -> bool:
    try:
        return bool((out / str(row["path"])).stat().st_size == row["bytes"])
    except OSError:
        return False


def missing(wanted: Sequence[Row], out: Path) -> list[Row]:
    """Those of which no outcome is known under their present key.

    What cannot be decoded fails again with the same file; what ran out of time or memory may not.
    """
    settled = {id: row["key"] for id, row in outcomes(out).items() if "retry" not in row}
    return [row for row in wanted if settled.get(row["id"]) != row["key"]]


def run(
    wanted: Sequence[Row], work: Preparation, on_clip: Callable[[Row], None] = lambda row: None
) -> None:
    """Prepare what is missing, on all nodes of the cluster that is connected.

    Args:
        on_clip: called with every new outcome, in the order in which they come.

    Raises:
        OSError: work.out cannot be written.
    """
    work.out.mkdir(parents=True, exist_ok=True)
    journal, todo = Journal(journal_of(work.out)), missing(wanted, work.out)
    remove_partial(work.out)
    for row in _prepared(todo, work) if todo else ():
        if "unwritable" in row:
            raise OSError(row["unwritable"])
        journal.append("clip", row=row)
        on_clip(row)


def _prepared(todo: Sequence[Row], work: Preparation) -> Iterator[Row]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    blocks = min(MAX_BLOCKS, -(-len(todo) // CLIPS_PER_BLOCK))
    # As text: a block's rows would otherwise all get the fields that any of them has.
    texts = [{"row": json.dumps(row)} for row in todo]
    done = ray.data.from_items(texts, override_num_blocks=blocks).map(
        partial(_prepare, work=work), num_cpus=1
    )
    yield from (json.loads(item["row"]) for item in done.iter_rows())


def _prepare(item: dict[str, str], work: Preparation) -> dict[str, str]:
    row: Row = json.loads(item["row"])
    try:
        row = prepare(row, work)
    except OSError as error:
        row |= {"unwritable": str(error)}
    return {"row": json.dumps(row)}


def remove_partial(out: Path) -> None:
    """What a killed run left half-written."""
    for file in (out / "clips").glob("*/.*.part.mp4"):
        os.unlink(file)
