"""Hostile and broken files through preparation and through training's reads; see hostile.py."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hostile
import hostile_reads
import pandas as pd
import pytest
import sweep_process
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import load_manifest
from adamml.preparing.clips import Preparation, prepare
from adamml.preparing.formats.folders import read_folders
from adamml.preparing.wanted import files_by_name, wanted_video

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
MOST_S, MOST_MIB = 10.0, 250.0
"""One file's, in training's reads."""


def made(root: Path, each: int, kinds: Iterable[str]) -> Path:
    hostile.make_corpus(root / "files", hostile.whole_clips(root / "clips"), each, kinds)
    return root / "files"


def paths_in(files: Path) -> list[str]:
    """kind/name of every file, links and all, but not the copies that these lead to."""
    paths = sorted(path for path in files.glob("*/*") if path.suffix != ".copy")
    return [path.relative_to(files).as_posix() for path in paths]


def kind_of(path: str) -> str:
    return path.partition("/")[0]


def read(files: Path, paths: list[str], home: Path) -> dict[str, dict[str, str]]:
    """What training's reads say, by path; names that are no text can't be in a manifest."""
    readable = [p for p in paths if p.isprintable()]
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda at: read_here(files, readable[at::2], home / f"{at}"), range(2))
    return {path: row for part in parts for path, row in part.items()}


def read_here(files: Path, readable: list[str], home: Path) -> dict[str, dict[str, str]]:
    """In one process."""
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


def wrong_outcomes(outcomes: dict[str, str]) -> dict[str, str]:
    return {id: why for id, why in outcomes.items() if not hostile.fits(kind_of(id), why)}


def test_a_dozen_kinds_come_to_what_they_must(tmp_path: Path) -> None:
    files = made(tmp_path, 1, A_DOZEN)
    work = Preparation(videos=files, out=tmp_path / "out", wall_s=60, cpu_s=30)
    found = files_by_name(files)
    clips = [
        wanted_video(clip, found, work) for clip in read_folders([files]).table.to_dict("records")
    ]
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda clip: prepare(clip, work), clips))
    listed = sum(hostile.KINDS[kind].comes != "unlisted" for kind in A_DOZEN)
    assert len(rows) == listed
    assert wrong_outcomes({row["id"]: row.get("reason", "") for row in rows}) == {}
    assert wrong_reads(read(files, paths_in(files), tmp_path)) == {}


@pytest.mark.slow
def test_hundreds_of_hostile_files_go_through_preparation_and_training(tmp_path: Path) -> None:
    """The table of what came of every kind is left in tmp_path/hostile.md."""
    files, out = made(tmp_path, EACH, hostile.KINDS), tmp_path / "out"
    paths = paths_in(files)
    assert len(paths) >= 500
    options = ["--format", "folders", "--videos", str(files), "--out", str(out)]
    code, said = sweep_process.sweep(tmp_path, *options, job=JOB)
    assert code == 0, said
    failed = pd.read_csv(out / "failed.csv", keep_default_na=False)
    outcomes = dict(zip(failed["id"], failed["reason"], strict=True))
    prepared = load_manifest(out)
    outcomes |= dict.fromkeys(prepared.table["id"], "")
    reads = read(files, paths, tmp_path)
    (tmp_path / "hostile.md").write_text(table_of(paths, outcomes, reads))
    unlisted = [p for p in paths if hostile.KINDS[kind_of(p)].comes == "unlisted"]
    assert len(outcomes) == len(paths) - len(unlisted)
    assert wrong_outcomes(outcomes) == {}
    assert wrong_reads(reads) == {}
    config = hostile_reads.config()
    assert open_frames(prepared, config, processes=2).bad == {}
    assert len(open_frames(hostile_reads.manifest_of(files, list(reads)), config, processes=2).bad)


def table_of(paths: list[str], outcomes: dict[str, str], reads: dict[str, dict[str, str]]) -> str:
    """Markdown: one row per kind."""
    lines = ["| kind | files | prepared | refused, why | read | s | MiB |", "|---|" + "---|" * 6]
    for kind in sorted({kind_of(path) for path in paths}):
        whys = [why for id, why in outcomes.items() if kind_of(id) == kind]
        rows = [row for path, row in reads.items() if kind_of(path) == kind]
        refused = Counter(why.partition(" (")[0] for why in whys if why)
        texts = "; ".join(f"{count} {why}" for why, count in refused.most_common())
        read_ = "/".join(str(sum(not row[way] for row in rows)) for way in ("cached", "direct"))
        most = [max((row[what] for row in rows), default=0.0) for what in ("seconds", "mebibytes")]
        files = sum(kind_of(path) == kind for path in paths)
        lines.append(
            f"| {kind} | {files} | {sum(not why for why in whys)} | {texts or 'none'} | {read_} "
            f"| {most[0]:.1f} | {most[1]:.0f} |"
        )
    return "\n".join(lines) + "\n"
