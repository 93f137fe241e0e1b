import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from adamml.journal import Journal, read_after, read_journal


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_events_come_back_in_order_with_their_time(tmp_path: Path) -> None:
    ticks = iter([10.0, 11.5])
    journal = Journal(tmp_path / "deep" / "journal.jsonl", clock=lambda: next(ticks))
    journal.append("start", id="a", params={"x": (1, 2)})
    journal.append("epoch", epoch=1, metrics={"loss": 0.5})
    assert read_journal(journal.path) == [
        {"event": "start", "time": 10.0, "id": "a", "params": {"x": [1, 2]}},
        {"event": "epoch", "time": 11.5, "epoch": 1, "metrics": {"loss": 0.5}},
    ]


def test_text_of_any_kind_stays_on_one_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    nasty = "Zeile\nzwei\u2028drei \U0001f3a5\0"
    journal.append("end", error=nasty)
    assert [event["error"] for event in read_journal(journal.path)] == [nasty]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_by_name(tmp_path: Path, value: float) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    with pytest.raises(ValueError, match=r"metrics\.accuracy must be finite, got"):
        journal.append("epoch", epoch=1, metrics={"loss": 1.0, "accuracy": value})
    with pytest.raises(ValueError, match=r"front\[1\]\.gflops must be finite"):
        journal.append("references", front=[{"gflops": 1.0}, {"gflops": value}])
    assert read_journal(journal.path) == []


def test_a_missing_journal_has_no_events(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none.jsonl") == []


def test_a_torn_last_line_is_dropped_and_cut_before_the_next(tmp_path: Path) -> None:
    path = write(tmp_path / "j.jsonl", '{"event": "start", "time": 1}\n{"event": "epo')
    assert [event["event"] for event in read_journal(path)] == ["start"]
    Journal(path).append("end", status="completed")
    assert [event["event"] for event in read_journal(path)] == ["start", "end"]


def test_every_cut_of_a_journal_reads_as_its_complete_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "whole.jsonl")
    for epoch in range(3):
        journal.append("epoch", epoch=epoch, metrics={"loss": 0.1})
    whole = journal.path.read_bytes()
    for cut in range(len(whole)):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(whole[:cut])
        assert len(read_journal(path)) == whole[:cut].count(b"\n")
        Journal(path).append("end")
        assert read_journal(path)[-1]["event"] == "end"


@pytest.mark.parametrize("broken", ['{"event": "epo', "[1]", '{"time": 1}', "", "\0\0\0"])
def test_a_broken_line_in_the_middle_names_file_and_line(tmp_path: Path, broken: str) -> None:
    path = write(tmp_path / "j.jsonl", f'{{"event": "start"}}\n{broken}\n{{"event": "end"}}\n')
    with pytest.raises(ValueError, match=r"j\.jsonl line 2 must be a JSON object"):
        read_journal(path)
    with pytest.raises(ValueError, match=r"j\.jsonl line 2 must be"):
        read_after(path, len('{"event": "start"}\n'))


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append("start")
    events, offset = read_after(journal.path, 0)
    assert [e["event"] for e in events] == ["start"]
    with open(journal.path, "ab") as file:
        file.write(b'{"event": "torn')
    assert read_after(journal.path, offset) == ([], offset)
    Journal(journal.path).append("end")
    assert [e["event"] for e in read_after(journal.path, offset)[0]] == ["end"]


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import os, signal; from adamml.journal import Journal\n"
        f"j = Journal({str(path)!r}); [j.append('epoch', epoch=i) for i in range(20)]\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "platform"})
    assert [event["epoch"] for event in read_journal(path)] == list(range(20))


def test_a_line_that_did_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file size limit stands for a full disk."""
    path = tmp_path / "j.jsonl"
    code = (
        "import errno, resource, signal; from adamml.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"j = Journal({str(path)!r}); j.append('start')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 400))\n"
        "try: j.append('epoch', stage='x' * 1000)\n"
        "except OSError as error: assert error.errno == errno.EFBIG, error\n"
        "else: raise SystemExit('it should have failed')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))\n"
        "j.append('end')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": "platform"})
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["start", "end"]
