"""A study that is read again and again, a few lines at a time."""

from pathlib import Path

import pytest
from adamml import journal as journals
from adamml.journal import Journal
from adamml.records import read_study
from adamml.study_reader import StudyReader
from fabricated_study import write_study


def test_each_look_equals_a_whole_reading(tmp_path: Path) -> None:
    """Every journal grows line by line, all in turn, as slots write them."""
    whole, growing = tmp_path / "whole" / "s", tmp_path / "growing" / "s"
    write_study(whole)
    files = sorted(path.relative_to(whole) for path in whole.rglob("journal.jsonl"))
    lines = {file: (whole / file).read_text().splitlines(keepends=True) for file in files}
    reader = StudyReader(growing)
    with pytest.raises(ValueError, match=r"must be a study's folder with a journal\.jsonl"):
        reader.read()
    (growing / "journal.jsonl").parent.mkdir(parents=True)
    while any(lines.values()):
        for file in files[::-1]:
            (growing / file).parent.mkdir(parents=True, exist_ok=True)
            with (growing / file).open("a") as journal:
                journal.writelines(lines[file][:3])
            del lines[file][:3]
        assert reader.read() == read_study(growing)
    assert reader.read().trials


def test_a_look_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_study(tmp_path / "s")
    reader = StudyReader(folder)
    reader.read()
    parsed: list[bytes] = []
    parse = journals._parse
    monkeypatch.setattr(
        journals, "_parse", lambda line, *place: parsed.append(line) or parse(line, *place)
    )
    reader.read()
    assert parsed == []
    Journal(folder / "journal.jsonl").append("metrics", metrics={"x": 1.0})
    assert reader.read().metrics["x"] == 1.0
    assert len(parsed) == 1


def test_a_record_that_was_given_out_does_not_change(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s")
    reader = StudyReader(folder)
    before = reader.read()
    id, tags = before.trials[-1].id, dict(before.trials[-1].tags)
    Journal(folder / "journal.jsonl").append("tags", id=id, tags={"on_front": "maybe"})
    assert reader.read().trials[-1].tags["on_front"] == "maybe"
    assert before.trials[-1].tags == tags


def test_a_broken_line_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s" / "journal.jsonl"
    Journal(path).append("start", name="s", params={})
    reader = StudyReader(path.parent)
    reader.read()
    with path.open("a") as file:
        file.write("broken\n")
    with pytest.raises(ValueError, match="line 2 must be a JSON object with an event"):
        reader.read()
