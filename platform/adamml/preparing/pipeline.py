"""All clips of a dataset through Ray Data.

A journal says which are done, so that no run repeats the work of an earlier one.
"""

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
from adamml.preparing.flows import FLOWS, FOLDER, add_flow, flow_folder, flow_key

JOURNAL = "prepared.jsonl"
"""Name of the journal in the folder of prepared clips."""
CLIPS_PER_BLOCK = 4
"""Number of clips that one task makes before its rows reach the journal: as many per CPU are lost
where a run is killed. With flow, which takes far longer, it is 1."""
MAX_BLOCKS = 20_000
"""Largest number of tasks of one run."""
READERS = 16
"""Number of threads that read files for their checksums."""


def journal_path(out: Path) -> Path:
    """Return the path of the journal of a folder of prepared clips."""
    return out / JOURNAL


def outcomes(out: Path, flow: StoredFlow | None = None) -> dict[str, Row]:
    """Return the last outcome of every clip whose file, if it has one, is whole.

    Args:
        out: the folder of prepared clips.
        flow: adds the last outcome of add_flow() for it, as "flow", where that file is whole.

    Returns:
        Id -> row of prepare().

    Raises:
        ValueError: the journal is damaged.
    """
    clips: dict[str, Row] = {}
    flows: dict[tuple[str, str], Row] = {}
    for event in read_journal(journal_path(out)):
        row = event.get("row", {})
        if event["event"] == "clip":
            clips[row["id"]] = row
        elif event["event"] == "flow":
            flows[row["id"], row["key"]] = row
    valid = {id: row for id, row in clips.items() if "reason" in row or _is_whole(row, out)}
    if flow is None:
        return valid
    for id, row in valid.items():
        # Flow of an earlier version of the clip has another key.
        flow_row = flows.get((id, flow_key(row, flow))) if "reason" not in row else None
        if flow_row is not None and ("reason" in flow_row or _is_whole(flow_row, out)):
            valid[id] = row | {"flow": flow_row}
    return valid


def _is_whole(row: Row, out: Path) -> bool:
    try:
        return bool((out / str(row["path"])).stat().st_size == row["bytes"])
    except OSError:
        return False


def flow_counts(ids: Sequence[str], out: Path) -> dict[str, int]:
    """Count how many of these clips have each kind of flow that was prepared in earlier runs.

    Args:
        ids: clips that can be used.
        out: the folder of prepared clips.

    Returns:
        Value of --flow -> number of clips, for every kind that any clip has.
    """
    counts = {}
    for name, flow in FLOWS.items():
        if flow_folder(flow, out).is_dir():
            rows = outcomes(out, flow)
            counts[name] = sum("path" in rows[id].get("flow", {}) for id in ids)
    return {name: count for name, count in counts.items() if count}


def remove_damaged(out: Path) -> list[str]:
    """Remove prepared files whose content differs from the journal's checksums.

    They are then missing, and are made again where they are wanted.

    Returns:
        Their paths in out.
    """
    rows = [event["row"] for event in read_journal(journal_path(out)) if "row" in event]
    # A path's last row counts: its file may have been made again.
    expected = {row["path"]: row["sha256"] for row in rows if "path" in row}
    present = [path for path in expected if (out / path).is_file()]
    with ThreadPoolExecutor(READERS) as pool:
        sums = dict(zip(present, pool.map(sha256_of, (out / p for p in present)), strict=True))
    damaged = sorted(path for path in present if sums[path] != expected[path])
    for path in damaged:
        (out / path).unlink()
    return damaged


def missing(wanted: Sequence[Row], out: Path, flow: StoredFlow | None = None) -> list[Row]:
    """Return the wanted clips that have no outcome under their present key.

    Where only the flow is missing, the row has its clip's outcome as "clip". A file that cannot be
    decoded is not tried again before it changes; a clip that ran out of time or memory is.
    """
    done = outcomes(out, flow)
    rows = []
    for row in wanted:
        clip = done.get(row["id"], {})
        if clip.get("key") != row["key"] or "retry" in clip:
            rows.append(row)
        # A clip without a row of flow is like one to be tried again. pop() leaves prepare()'s row.
        elif flow and "reason" not in clip and "retry" in clip.pop("flow", {"retry": True}):
            rows.append(row | {"clip": clip})
    return rows


def prepare_missing(
    wanted: Sequence[Row], work: Preparation, on_clip: Callable[[Row], None]
) -> None:
    """Prepare what is missing, on all nodes of the cluster that is connected.

    Args:
        wanted: all clips of the dataset.
        work: the settings of the run.
        on_clip: called with every new outcome, as outcomes() has it, in the order in which they
            come.

    Raises:
        OSError: work.out cannot be written.
    """
    work.out.mkdir(parents=True, exist_ok=True)
    journal, todo = Journal(journal_path(work.out)), missing(wanted, work.out, work.flow)
    remove_partial(work.out)
    for done in _prepared(todo, work) if todo else ():
        if "unwritable" in done:
            raise OSError(done["unwritable"])
        # The journal first: a clip that is counted as done is done, even if the run dies here.
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
    dataset = ray.data.from_items(texts, override_num_blocks=blocks).map(
        partial(_prepare, work=work), num_cpus=1
    )
    yield from (json.loads(item["row"]) for item in dataset.iter_rows())


def _prepare(item: Mapping[str, str], work: Preparation) -> dict[str, str]:
    """Make what one row lacks. Runs on a node.

    Returns:
        The outcomes by event, clip or flow; or the error of a disk as "unwritable". As text.
    """
    row: Row = json.loads(item["row"])
    clip = row.get("clip")
    done: Row = {}
    try:
        if clip is None:
            clip = done["clip"] = prepare(row, work)
        if work.flow and "reason" not in clip:
            done["flow"] = add_flow(clip, work.flow, work)
    except OSError as error:
        # Passed on as a value: an exception would end the other tasks without their rows.
        done["unwritable"] = str(error)
    return {"row": json.dumps(done)}


def remove_partial(out: Path) -> None:
    """Remove the temporary files that a killed run left half-written."""
    for folder in ("clips/*", f"{FOLDER}/*/*"):
        for file in out.glob(f"{folder}/.*.part.mp4"):
            os.unlink(file)
