"""The phases of a sweep that are left: a pure function of its records and its plan.

    unimodal networks -> baselines -> search -> joint training -> bounds -> notes -> test
        -> retraining with fresh seeds (retraining.py)

The display, --dry-run and the question whether a study is complete ask it too.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from adamml.config import FEATURE_FUSIONS
from adamml.records import StudyRecord, TrialRecord
from adamml.study import specs
from adamml.study.options.plan import Plan, SweepPlan
from adamml.study.retraining import retraining_phases
from adamml.study.running.phase import SEARCH, Phase, Session, still_open, with_decoding
from adamml.study.selection import (
    as_it_is,
    average_is_stronger,
    choose,
    evaluated,
    hypervolume,
    on_front,
    promoted,
    strongest_fusion,
)
from adamml.study.sharing import sharing
from adamml.training.policy_quality import regret
from adamml.trials.assignment import Assignment, Suggestion

SEARCHING = "searching"
TESTING = "testing"

Event = tuple[str, dict[str, Any]]


def remaining(plan: SweepPlan, study: StudyRecord, session: Session) -> list[Phase]:
    """Return what is left of a sweep, in order; nothing for a complete one.

    Args:
        plan: of the sweep.
        study: its journals as they stand now.
        session: this run of the job.
    """
    records = {record.id: record for record in study.trials}
    searched = [_unimodals(plan, records, session), _baselines(plan, records, session)]
    searched.append(_search(plan, study, session))
    phases = [*searched, _joint(plan, study, session, decided=all(p.empty for p in searched))]
    decided = all(phase.empty for phase in phases)
    phases.append(_bounds(plan, study, session, decided=decided))
    decided = decided and phases[-1].empty
    if decided:
        phases.append(Phase(title="taking notes", events=tuple(_notes(plan, study))))
    phases.append(_tests(plan, study, session, decided=decided))
    decided = decided and phases[-1].empty
    phases += retraining_phases(plan, study, session, decided=decided)
    if all(phase.empty for phase in phases):
        shared = _new_metrics(study, sharing(study.trials, plan.config, session.data))
        phases.append(Phase(title="counting shared networks", events=tuple(shared)))
    return with_decoding(phases, decodings(plan, session), session)


def decodings(plan: Plan, session: Session) -> dict[str, list[Assignment]]:
    """Return what has to be decoded before any training ("train"), and before any test ("test")."""
    return {
        "train": specs.decoding_everywhere(session.num_slots, plan.base, "train", "validation"),
        "test": specs.decoding_everywhere(session.num_slots, plan.base, "test"),
    }


def _unimodals(plan: SweepPlan, records: dict[str, TrialRecord], session: Session) -> Phase:
    networks = specs.unimodals(plan.config, plan.base, plan.recognition, session.data)
    left = still_open(networks, records, session)
    # Whichever slot has nothing left to train makes and decodes what will be needed last.
    idle = specs.decoding("decode test", plan.base, "test")
    if left and idle.key not in session.settled:
        left = (*left, idle)
    return Phase(title="training unimodal networks", assignments=left)


def _baselines(plan: SweepPlan, records: dict[str, TrialRecord], session: Session) -> Phase:
    """The first trials, and the fusions that need no training."""
    fidelity = plan.first_fidelity
    trials = specs.baselines(plan.config, plan.base, fidelity)[: plan.trials]
    trials += specs.untrained_fusions(plan.config, plan.base, fidelity)
    return Phase(title="running baselines", assignments=still_open(trials, records, session))


def sampled_records(study: StudyRecord) -> list[TrialRecord]:
    """Return the trials that a sampler suggested, whatever has become of them."""
    return [r for r in study.trials if r.kind == "trial" and r.method not in specs.BASELINES]


def num_unsampled(plan: SweepPlan, study: StudyRecord) -> int:
    """Return how many sampled trials the study lacks; interrupted and failed ones count as open."""
    ended = [r for r in sampled_records(study) if r.status in ("completed", "stopped") or r.final]
    return max(0, plan.trials - len(specs.BASELINES) - len(ended))


def _search(plan: SweepPlan, study: StudyRecord, session: Session) -> Phase:
    count = 0 if SEARCHING in session.settled else num_unsampled(plan, study)
    records = sampled_records(study)
    ids = [r.id for r in records if not r.final and r.status != "stopped"]
    ids += [specs.trial_id(len(specs.BASELINES) + len(records) + n) for n in range(count)]
    # About one in eta goes on at each rung; with plain rules all reach one fidelity.
    whole = math.ceil(count / plan.halving.eta ** len(plan.rungs)) if plan.rungs else count
    trials = [
        specs.sampled(
            plan.base,
            plan.sampled_fidelity if number < whole else plan.first_fidelity,
            plan.rungs,
            Suggestion(id=id, overrides={}),
        )
        for number, id in enumerate(ids[:count])
    ]
    return Phase(title=SEARCHING, by=SEARCH, undecided=tuple(trials))


def _joint(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """The best few and the strongest fusions go through the remaining stages.

    The dearest come first, and one that needs a policy costs more than always-on.
    """
    records = {record.id: record for record in study.trials}
    trials, events = list[Assignment](), list[Event]()
    if plan.first_fidelity == "policy":
        always_on = _always_on(study)
        going_on, events = _going_on(plan, study)
        trials = [specs.joint(r) for r in [*going_on, *always_on]]
    stronger = average_is_stronger(study.trials)
    trials += [specs.trained_fusion(plan.base)] if stronger else []
    if decided:
        left = still_open(trials, records, session)
        title = f"training {len(left)} jointly"
        return Phase(title=title, assignments=left, events=tuple(events) if left else ())
    expected = 0
    if plan.first_fidelity == "policy":
        expected = 1 + (1 if plan.stops_early else min(plan.joint, plan.trials - 1))
    stand_in = Suggestion(id="promoted", overrides={})
    undecided = [specs.sampled(plan.base, "joint", (), stand_in)] * (expected + stronger)
    return Phase(title=f"training {len(undecided)} jointly", undecided=tuple(undecided))


def _always_on(study: StudyRecord) -> list[TrialRecord]:
    """The search's own always-on trial, not its retrainings."""
    return [r for r in study.trials if r.kind == "trial" and r.method == "always_on"]


def _going_on(plan: SweepPlan, study: StudyRecord) -> tuple[list[TrialRecord], list[Event]]:
    """The trials that are promoted to joint training, and the event that says so where it lacks.

    A scheduler has compared all but the published setting. Without one the best are promoted, once
    for a number of trials: training some of them must not change which others are.
    """
    if plan.stops_early:
        return [r for r in evaluated(study.trials) if r.method == "published"], []
    numbers = {"trials": plan.trials, "joint": plan.joint}
    earlier = [p["ids"] for p in study.promotions if p | numbers == p]
    if earlier:
        return [r for r in study.trials if r.id in earlier[-1]], []
    best = promoted(study.trials, plan.joint, plan.settings.reference)
    ids = [record.id for record in best]
    return [r for r in study.trials if r.id in ids], [("promoted", {**numbers, "ids": ids})]


def _bounds(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """The limits of a perfect policy, where the manifest says where the evidence is."""
    title = "computing the oracle front"
    has_segment_logits = plan.config.fusion not in FEATURE_FUSIONS
    if study.references or not session.relevance_known or not has_segment_logits:
        return Phase(title=title)
    joint = [r for r in _always_on(study) if r.fidelity == "joint"]
    bounds = tuple(specs.bounds(r) for r in joint[:1])
    if not decided:
        return Phase(title=title, undecided=bounds)
    return Phase(title=title, assignments=tuple(a for a in bounds if a.key not in session.settled))


def _notes(plan: SweepPlan, study: StudyRecord) -> list[Event]:
    """Events that follow from the records and are not in the study's journal yet."""
    volume = hypervolume(study.trials, plan.settings.reference)
    return [*_regrets(study), *_tags(study), *_new_metrics(study, {"hypervolume": volume})]


def _regrets(study: StudyRecord) -> list[Event]:
    """Each trial against the oracle front, where there is one."""
    events: list[Event] = []
    for record in evaluated(study.trials) if study.references else ():
        final = record.final
        metrics = regret(final["quality"], final["gflops"], study.references["oracle_front"])
        if record.regret != metrics:
            events.append(("regret", {"id": record.id, "metrics": metrics}))
    return events


def _tags(study: StudyRecord) -> list[Event]:
    """on_front, chosen and operating_point of every trial, on validation.

    One point is chosen: a trial under a decision bias, or as it is.
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


def _new_metrics(study: StudyRecord, metrics: Mapping[str, float]) -> list[Event]:
    """The metrics of the study that its journal does not have with these values."""
    new = {name: value for name, value in metrics.items() if study.metrics.get(name) != value}
    return [("metrics", {"metrics": new})] if new else []


def _tests(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """The strongest fusion as it is and the chosen point, each once, on the test split."""
    if not decided:
        tested = any(record.test for record in study.trials if record.kind != "confirm")
        stand_in = specs.evaluation(TrialRecord(id="chosen", overrides=dict(plan.base)), {})
        return Phase(title=TESTING, undecided=() if tested else (stand_in, stand_in))
    fusion = strongest_fusion(study.trials)
    chosen = choose(study.trials, fusion)
    finalists = [as_it_is(fusion)] if fusion else []
    finalists += [chosen] if chosen else []
    tests = [specs.evaluation(f.record, f.bias) for f in finalists if not f.tested]
    return Phase(title=TESTING, assignments=tuple(t for t in tests if t.key not in session.settled))
