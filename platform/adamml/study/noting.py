"""Notes: events that follow from the records of a study, written into its journal for readers."""

import json
from collections.abc import Mapping
from typing import Any

from adamml.records import StudyRecord
from adamml.study.selection import choose, evaluated, hypervolume, on_front, strongest_fusion
from adamml.training.policy_quality import regret

Event = tuple[str, dict[str, Any]]
"""Name of an event, and its fields."""


def missing_notes(study: StudyRecord, reference: tuple[float, ...]) -> list[Event]:
    """Return the notes on a search that its journal lacks: regret, tags and hypervolume.

    Args:
        study: its records, after the search.
        reference: worst value of each objective, for the hypervolume.
    """
    volume = hypervolume(study.trials, reference)
    return [*_regrets(study), *_tags(study), *changed_metrics(study, {"hypervolume": volume})]


def changed_metrics(study: StudyRecord, metrics: Mapping[str, float]) -> list[Event]:
    """Return an event with those metrics whose values differ from the journal's; none if none do.

    Args:
        study: its records.
        metrics: of the study.
    """
    new = {name: value for name, value in metrics.items() if study.metrics.get(name) != value}
    return [("metrics", {"metrics": new})] if new else []


def _regrets(study: StudyRecord) -> list[Event]:
    """Return the distance of each trial to the oracle front, if the study has one."""
    events: list[Event] = []
    for record in evaluated(study.trials) if study.references else ():
        final = record.final
        metrics = regret(final["quality"], final["gflops"], study.references["oracle_front"])
        if record.regret != metrics:
            events.append(("regret", {"id": record.id, "metrics": metrics}))
    return events


def _tags(study: StudyRecord) -> list[Event]:
    """Return the tags on_front, chosen and operating_point of each trial, by validation.

    One trial is chosen, under a decision bias or without one.
    """
    records, events = study.trials, list[Event]()
    front, chosen = on_front(records), choose(records, strongest_fusion(records))
    for record in records:
        if record.kind != "trial":
            continue
        bias = chosen.bias if chosen and record.id == chosen.record.id else None
        tags = {
            "on_front": "true" if record.id in front else "false",
            "chosen": "true" if bias is not None else "false",
            "operating_point": json.dumps(bias) if bias else "none",
        }
        if record.tags != tags:
            events.append(("tags", {"id": record.id, "tags": tags}))
    return events
