"""All clips of a dataset through Ray Data, with a journal: what is done is not done again."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import ray.data

from adamml.data.stored_flow import StoredFlow
from adamml.journal import Journal, read_journal
from adamml.preparing.clips import Preparation, Row, prepare, sha256_of
from adamml.preparing.flows import FOLDER, add_flow, key_of

JOURNAL = "prepared.jsonl"
CLIPS_PER_BLOCK = 4
"""What one task makes before its rows are seen: a killed run makes as many again per CPU. With
flow, which takes far longer, it is 1."""
MAX_BLOCKS = 20_000
READERS = 16


def journal_of(out: Path) -> Path:
    return out / JOURNAL


def outcomes(out: Path, flow: StoredFlow | None = None) -> dict[str, Row]:
    """Id -> the last row that prepare() gave, of clips whose file, if it has one, is there whole.

    Args:
        flow: with the last row that add_flow() gave for it, as "flow", where that is there whole.

    Raises:
        ValueError: the journal is damaged.
    """
    clips: dict[str, Row] = {}
    flows: dict[tuple[str, str], Row] = {}
    for event in read_journal(journal_of(out)):
        row = event.get("row", {})
        if event["event"] == "clip":
            clips[row["id"]] = row
        elif event["event"] == "flow":
            flows[row["id"], row["key"]] = row
    found = {id: row for id, row in clips.items() if "reason" in row or _whole(row, out)}
    if flow is None:
        return found
    for id, row in found.items():
        own = flows.get((id, key_of(row, flow))) if "reason" not in row else None
        if own is not None and ("reason" in own or _whole(own, out)):
            found[id] = row | {"flow": own}
    return found


def _whole(row: Row, out: Path) -> bool:
    try:
        return bool((out / str(row["path"])).stat().st_size == row["bytes"])
    except OSError:
        return False


def remove_damaged(out: Path) -> list[str]:
    """Remove files of out that are not what the journal says of them, so that they are made again.

    Returns:
        Their paths in out.
    """
    rows = [event["row"] for event in read_journal(journal_of(out)) if "row" in event]
    sums = {row["path"]: row["sha256"] for row in rows if "path" in row}
    there = [path for path in sums if (out / path).is_file()]
    with ThreadPoolExecutor(READERS) as pool:
        found = dict(zip(there, pool.map(sha256_of, (out / p for p in there)), strict=True))
    damaged = sorted(path for path in there if found[path] != sums[path])
    for path in damaged:
        (out / path).unlink()
    return damaged


def missing(wanted: Sequence[Row], out: Path, flow: StoredFlow | None = None) -> list[Row]:
    """Those of which no outcome is known under their present key; where it is the flow alone, they
    have their clip's outcome as "clip".

    What cannot be decoded fails again with the same file; what ran out of time or memory may not.
    """
    known = outcomes(out, flow)
    found = []
    for row in wanted:
        clip = known.get(row["id"], {})
        if clip.get("key") != row["key"] or "retry" in clip:
            found.append(row)
        elif flow and "reason" not in clip and "retry" in clip.pop("flow", {"retry": True}):
            found.append(row | {"clip": clip})
    return found


def run(
    wanted: Sequence[Row], work: Preparation, on_clip: Callable[[Row], None] = lambda row: None
) -> None:
    """Prepare what is missing, on all nodes of the cluster that is connected.

    Args:
        on_clip: called with every new outcome (of outcomes()), in the order in which they come.

    Raises:
        OSError: work.out cannot be written.
    """
    work.out.mkdir(parents=True, exist_ok=True)
    journal, todo = Journal(journal_of(work.out)), missing(wanted, work.out, work.flow)
    remove_partial(work.out)
    for done in _prepared(todo, work) if todo else ():
        if "unwritable" in done:
            raise OSError(done["unwritable"])
        for event in ("clip", "flow"):
            if event in done:
                journal.append(event, row=done[event])
        on_clip(done.get("clip", {}) | {k: v for k, v in done.items() if k == "flow"})


def _prepared(todo: Sequence[Row], work: Preparation) -> Iterator[dict[str, Row]]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    blocks = min(MAX_BLOCKS, -(-len(todo) // (1 if work.flow else CLIPS_PER_BLOCK)))
    # As text: a block's rows would otherwise all get the fields that any of them has.
    texts = [{"row": json.dumps(row)} for row in todo]
    done = ray.data.from_items(texts, override_num_blocks=blocks).map(
        partial(_prepare, work=work), num_cpus=1
    )
    yield from (json.loads(item["row"]) for item in done.iter_rows())


def _prepare(item: Mapping[str, str], work: Preparation) -> dict[str, str]:
    """Event -> its row, as text."""
    asked: Row = json.loads(item["row"])
    clip = asked.get("clip")
    done: Row = {}
    try:
        if clip is None:
            clip = done["clip"] = prepare(asked, work)
        if work.flow and "reason" not in clip:
            done["flow"] = add_flow(clip, work.flow, work)
    except OSError as error:
        done["unwritable"] = str(error)
    return {"row": json.dumps(done)}


def remove_partial(out: Path) -> None:
    """What a killed run left half-written."""
    for folder in ("clips/*", f"{FOLDER}/*/*"):
        for file in out.glob(f"{folder}/.*.part.mp4"):
            os.unlink(file)
