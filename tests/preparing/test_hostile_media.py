"""Hostile and broken files through preparation and through training's reads; see hostile.py."""

import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile
import hostile_reads
import sweep_process
from adamml.data.formats.folders import read_folders
from adamml.preparing.clips import Preparation, asked, find, prepare

JOB = sweep_process.ROOT / "jobs" / "prepare_videos.py"
EACH = 9
A_DOZEN = (
    "whole",
    "truncated",
    "bits flipped, header",
    "text",
    "FIFO",
    "no frames",
    "a cover and sound only",
    "title in Latin-1",
    "name that is no text",
    "rotated",
    "changing size",
    "absurd size, H.264",
    "unknown codec",
)
MOST_S, MOST_MIB = 10.0, 600.0
"""One file's, in training's reads."""


def made(root: Path, each: int, kinds: Iterable[str]) -> Path:
    hostile.make_corpus(root / "files", hostile.whole_clips(root / "clips"), each, kinds)
    return root / "files"


def paths_in(files: Path) -> list[str]:
    """kind/name of every file, links and all."""
    return [
        f"{folder.name}/{p.name}"
        for folder in sorted(files.iterdir())
        for p in sorted(folder.iterdir())
    ]


def kind_of(path: str) -> str:
    return path.partition("/")[0]


def read(files: Path, paths: list[str], home: Path) -> dict[str, dict[str, str]]:
    """What training's reads say, by path; names that are no text can't be in a manifest."""
    readable = [p for p in paths if p.isprintable()]
    done = subprocess.run(
        [sys.executable, hostile_reads.__file__, str(files), str(home / "reads")],
        input="\n".join(readable),
        env=sweep_process.environment(home) | {"PYTHONPATH": str(sweep_process.ROOT / "platform")},
        capture_output=True,
        text=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{readable[len(rows)]} ended the process: {done.stderr[-2000:]}"
    return {row["path"]: row for row in rows}


def wrong_reads(rows: dict[str, dict[str, str]]) -> dict[str, object]:
    return {
        path: row
        for path, row in rows.items()
        if not all(hostile.fits_read(kind_of(path), row[way]) for way in ("cached", "direct"))
        or row["seconds"] > MOST_S
        or row["mebibytes"] > MOST_MIB
    }


def test_a_dozen_kinds_come_to_what_they_must(tmp_path: Path) -> None:
    files = made(tmp_path, 1, A_DOZEN)
    work = Preparation(videos=files, out=tmp_path / "out", wall_s=60, cpu_s=30)
    found = find(files)
    clips = [asked(clip, found, work) for clip in read_folders([files]).table.to_dict("records")]
    with ThreadPoolExecutor(4) as pool:
        outcomes = {
            row["id"]: row.get("reason", "") for row in pool.map(lambda c: prepare(c, work), clips)
        }
    assert len(outcomes) == sum(hostile.KINDS[k].comes != "unlisted" for k in A_DOZEN)
    assert {id: r for id, r in outcomes.items() if not hostile.fits(kind_of(id), r)} == {}
    assert wrong_reads(read(files, paths_in(files), tmp_path)) == {}
