"""Files that are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
from adamml.files import whole, whole_folder
from adamml.models.weight_files import save_weights
from adamml.training.checkpoints import Progress, save_checkpoint
from torch import nn


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The order of the system calls that make a file durable: (call, name of the file)."""
    calls: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        fsync(descriptor)

    def spy_replace(source: Path, target: Path) -> None:
        calls.append(("replace", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    return calls


def test_a_file_is_on_disk_before_it_has_its_name(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    with whole(tmp_path / "a" / "b.json") as part:
        part.write_text("new")
    assert (tmp_path / "a" / "b.json").read_text() == "new"
    assert calls == [
        ("fsync", f".b.{os.getpid()}.part.json"),
        ("replace", "b.json"),
        ("fsync", "a"),
    ]


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole(path) as part:
        part.write_text(str(1 / 0))
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "old"


@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_weights_have_the_permissions_that_the_umask_asks_for(
    umask: int, expected: int, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        save_weights(nn.Linear(2, 2), tmp_path / "model.safetensors")
        save_checkpoint(tmp_path / "c", nn.Linear(2, 2), {}, Progress(epoch=1, stage="warm_up"))
    finally:
        os.umask(before)
    assert mode(tmp_path / "model.safetensors") == expected
    assert {mode(file) for file in (tmp_path / "c" / "epoch-0001").iterdir()} == {expected}


def test_a_checkpoint_is_on_disk_before_its_folder_has_its_name(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    save_checkpoint(tmp_path, nn.Linear(2, 2), {}, Progress(epoch=1, stage="warm_up"))
    assert calls[-2] == ("fsync", f".epoch-0001.{os.getpid()}.part"), "the names in it"
    assert calls[-1] == ("fsync", tmp_path.name), "and its own"
    synced = {name for call, name in calls if call == "fsync"}
    assert {"model.safetensors", "optimizers.pt", "progress.json"} <= synced


def test_a_folder_replaces_the_one_of_its_name_and_nothing_is_left_beside_it(
    tmp_path: Path,
) -> None:
    for text in ("old", "new"):
        with whole_folder(tmp_path / "f") as part:
            (part / f"{text}.txt").write_text(text)
    assert [file.name for file in (tmp_path / "f").iterdir()] == ["new.txt"]
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "f") as part:
        (part / "half.txt").write_text(str(1 / 0))
    assert [file.name for file in tmp_path.iterdir()] == ["f"]
