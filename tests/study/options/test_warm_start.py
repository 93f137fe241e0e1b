import json
from pathlib import Path

import pytest
from adamml.journal import Journal
from adamml.study.options.jobs import SweepOptions
from adamml.study.options.settings import open_study
from adamml.study.options.sweep import resolve

from search_spaces import space_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    return tmp_path


def earlier_study(name: str, recipe: str = "tiny", trials: bool = True) -> Path:
    plan = resolve(SweepOptions(recipe=recipe, name=name), space_of)
    open_study(plan.folder, plan.settings)
    study = Journal(plan.folder / "journal.jsonl")
    study.append("start", name=name, params={})
    for number, method in enumerate(("always_on", "adamml", "adamml") if trials else ()):
        id = f"trial-{number:03d}"
        journal = Journal(plan.folder / "trials" / id / "journal.jsonl")
        start = {"kind": "trial", "method": method, "name": id, "attempt": 1, "params": {}}
        journal.append("start", id=id, overrides={"loss.gamma": 0.5 * number}, **start)
        journal.append("final", fidelity="policy", metrics={"quality": 0.5, "gflops": 0.1})
        if number == 2:
            journal.append("final", fidelity="joint", metrics={"quality": 0.9, "gflops": 0.2})
        journal.append("end", status="completed", error=None)
    return plan.folder


def warm(name: str, **options: object):  # type: ignore[no-untyped-def]
    options = {"recipe": "tiny", "warm_start": name, **options}
    return resolve(SweepOptions(**options), space_of)  # type: ignore[arg-type]


def test_the_sampled_trials_of_that_study_are_taken_at_their_first_fidelity() -> None:
    earlier_study("a")
    found = warm("a").earlier
    assert [t.id for t in found] == ["trial-001", "trial-002"]
    assert [t.final["quality"] for t in found] == [0.5, 0.5]


def test_another_start_is_another_study() -> None:
    earlier_study("a")
    cold = resolve(SweepOptions(recipe="tiny"), space_of)
    assert warm("a").folder.name != cold.folder.name


def test_another_space_is_refused_with_the_difference(home: Path) -> None:
    folder = earlier_study("a")
    settings = json.loads((folder / "study.json").read_text())
    settings["searched"]["loss.gamma"] = "another range"
    (folder / "study.json").write_text(json.dumps(settings))
    with pytest.raises(
        ValueError, match=r"over the same space, got 'a':\n.*loss.gamma: in a 'another"
    ):
        warm("a")


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "must name a study in the home, got 'none'"), ("empty", "with finished trials")],
)
def test_a_study_that_can_teach_nothing_is_refused(name: str, message: str) -> None:
    earlier_study("empty", trials=False)
    with pytest.raises(ValueError, match=message):
        warm(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "tep"}, "unknown sampler 'tep'"),
        ({"scheduler": "asha"}, "unknown scheduler 'asha'"),
        ({"scheduler": "front_asha", "eta": 1}, "eta at least 2"),
        ({"max_gflops": -1.0}, "max-gflops must be a number above 0"),
    ],
)
def test_a_search_that_cannot_be_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(SweepOptions(recipe="tiny", **options), space_of)  # type: ignore[arg-type]
