"""Decoding on every slot's node, and what came of it in the study's journal."""

import json
from collections.abc import Mapping
from typing import Any

from adamml.journal import Journal
from adamml.study.baselines import Spec
from adamml.study.runner import Runner, require


def prepare_spec(id: str, base: Mapping[str, Any], *splits: str) -> Spec:
    return {"kind": "prepare", "id": id, "splits": list(splits), "overrides": dict(base)}


def prepare(runner: Runner, num_slots: int, base: Mapping[str, Any], *splits: str) -> None:
    """Decode these splits on every slot's node; slots of one node share the work.

    Without slots nothing is read, and nothing written down.

    Raises:
        StudyError: too many unreadable videos.
    """
    name = f"prepare {'+'.join(splits)}"
    found: dict[str, Any] = {}
    names = [f"{name} {n}" for n in range(num_slots)]
    specs = {each: prepare_spec(each, base, *splits) for each in names}
    ends = runner.slots.run(specs, on_report=lambda _, metrics: found.update(metrics))
    require(ends)
    if not ends:
        return
    known = runner.record.data
    bad = known.get("bad", {}) | json.loads(found["bad"])
    counts = known.get("counts", {}) | {name: [found["silent"], found["videos"]]}
    silent, videos = (sum(c[i] for c in counts.values()) for i in (0, 1))
    journal = Journal(runner.folder / "journal.jsonl")
    journal.append("data", bad=bad, silent=silent, videos=videos, counts=counts)
