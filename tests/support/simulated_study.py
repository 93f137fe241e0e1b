"""A study executed by writing the journals that slots would have written: no Ray, no training."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamml.config import flatten, override
from adamml.journal import Journal
from adamml.objectives.table import OBJECTIVES
from adamml.records import read_study
from adamml.study.options.plan import Plan
from adamml.study.running.phase import SEARCH, SUMMARY, Phase, Remaining, Session
from adamml.trials.assignment import Assignment
from adamml.trials.journalled import start_fields

SESSION = Session(data="0" * 16, relevance_known=False)


class Simulated:
    """Executes phases by writing journals.

    Args:
        fails: keys of assignments that end as failed.
        on_front: probability to be on the front that a summary finds, by number of seeds.
    """

    def __init__(
        self,
        plan: Plan,
        remaining: Remaining,
        *,
        session: Session = SESSION,
        fails: tuple[str, ...] = (),
        on_front: Callable[[str, int], float] = lambda key, seeds: 1.0,
    ) -> None:
        self.plan, self.remaining, self.session = plan, remaining, session
        self.fails, self.on_front = fails, on_front
        self.titles: list[str] = []
        self.keys: list[str] = []
        self.journal = Journal(plan.folder / "journal.jsonl")
        self.journal.append("start", name=plan.folder.name, params=flatten(plan.config))

    def left(self) -> list[Phase]:
        return self.remaining(read_study(self.plan.folder), self.session)

    def run(self, phases: int = 1000) -> None:
        """Execute the head of what is left, so often at most."""
        while phases and (left := self.left()):
            phases -= 1
            self.execute(left[0])
        self.journal.append("end", status="completed")

    def execute(self, phase: Phase) -> None:
        self.titles.append(phase.title)
        for event, fields in phase.events:
            self.journal.append(event, **fields)
        assignments = phase.undecided if phase.executor == SEARCH else phase.assignments
        for assignment in assignments:
            self.keys.append(assignment.key)
            self.write(assignment)
        done = {a.key for a in assignments} | (
            {phase.title} if phase.executor != "slots" else set()
        )
        self.session = replace(self.session, settled=self.session.settled | done)
        if phase.executor == SUMMARY:
            self.summarise(phase.seeds)

    def write(self, assignment: Assignment) -> None:
        values = numbers(assignment)
        if assignment.kind in ("test", "test_videos"):
            metrics = {f"test_{name}": value for name, value in values.items()}
            bias = dict.fromkeys(self.plan.config.modalities, 0.0) | dict(assignment.decision_bias)
            metrics |= {f"test_bias.{m}": value for m, value in bias.items()}
            self.journal.append("test", id=assignment.id, metrics=metrics)
        if not assignment.fidelity:
            return
        journal = Journal(self.plan.folder / "trials" / assignment.id / "journal.jsonl")
        config = override(self.plan.config, assignment.overrides)
        journal.append("start", **start_fields(assignment, config), attempt=1)
        if assignment.key in self.fails:
            journal.append("end", status="failed", error="ValueError: on purpose")
            return
        journal.append("final", fidelity=assignment.fidelity, metrics=values)
        journal.append("end", status="completed", error=None)

    def summarise(self, seeds: int) -> None:
        keys = {t.id.partition("confirm-")[2].rpartition("-seed-")[0] for t in self._retrained()}
        metrics = {f"confirm.{key}.on_front": self.on_front(key, seeds) for key in keys}
        self.journal.append("metrics", metrics={**metrics, "confirm.seeds": seeds})

    def _retrained(self) -> list[Any]:
        study = read_study(self.plan.folder)
        return [t for t in study.trials if t.kind == "confirm" and t.test]


def numbers(assignment: Assignment) -> dict[str, float]:
    """Objectives and rates that follow from the key alone."""
    dice = random.Random(assignment.key)
    always_on = assignment.method in ("always_on", "average", "max")
    values = {
        "quality": 0.4 if assignment.kind == "fusion" else round(dice.uniform(0.5, 0.9), 3),
        "gflops": 1.0 if always_on else round(dice.uniform(0.1, 0.9), 3),
        "training_seconds": 1.0,
    }
    others = {name: dice.random() for name in OBJECTIVES if name not in values}
    return values | others | {f"selection_rate.{m}": 0.5 for m in ("rgb", "audio")}


def files(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def as_json(phases: list[Phase]) -> str:
    """Phases as text, to compare them."""
    return json.dumps([[p.title, [a.key for a in p.assignments]] for p in phases])
