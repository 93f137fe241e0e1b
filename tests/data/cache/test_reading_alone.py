import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from adamml.data.cache.reading_alone import ends_its_reader, marked
from adamml.data.manifest import Manifest, write_manifest

SCRIPT = Path(__file__).parents[2] / "support" / "deadly_reads.py"
DEADLY = "deadly.mp4"
ENDED = "reading it ended its process (SIGSEGV)"


@pytest.fixture
def deadly(small_data: Manifest, tmp_path: Path) -> Path:
    """A folder in which the sixth video is DEADLY."""
    root = tmp_path / "data"
    shutil.copytree(small_data.root, root)
    table = small_data.table.copy()
    shutil.move(root / table.loc[5, "path"], root / DEADLY)
    table.loc[5, "path"] = DEADLY
    write_manifest(Manifest(root, table, small_data.classes))
    return root


def opened(root: Path, cache: Path, *, processes: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(root), str(processes)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "ADAMML_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_reader_that_comes_after_one_that_died_leaves_the_video_out(
    deadly: Path, small_data: Manifest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = opened(deadly, cache, processes=1)
    assert first.returncode == -signal.SIGSEGV
    second = opened(deadly, cache, processes=1)
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout) == {small_data.table.loc[5, "id"]: ENDED}
    assert not list(cache.rglob("*.reading"))
    assert not list(cache.rglob("*.part*"))


def test_in_several_processes_it_is_found_out_at_once(
    deadly: Path, small_data: Manifest, tmp_path: Path
) -> None:
    finished = opened(deadly, tmp_path / "cache", processes=2)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {small_data.table.loc[5, "id"]: ENDED}
    assert "A process that decodes videos died." in finished.stderr


def test_a_video_whose_reader_died_of_something_else_is_read(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with marked(mark) as left_behind:
        assert not left_behind
        assert mark.exists()
    mark.touch()
    with marked(mark) as left_behind:
        assert left_behind
    assert not mark.exists()
    assert ends_its_reader(partial(int, "no number"), limit_s=60) == ""


def test_a_reader_that_does_not_end_is_killed() -> None:
    reason = ends_its_reader(partial(time.sleep, 60), limit_s=0.5)
    assert reason == "reading it takes longer than 0.5 s"
