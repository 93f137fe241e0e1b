"""Phases of a sweep that are left: a pure function of its plan, its records and the session.

    unimodal networks -> baselines -> search -> joint training -> bounds -> notes -> test
        -> retraining with fresh seeds (retraining.py)

The runner calls remaining() after every phase. The display estimates the time left from its result,
--dry-run prints it, and the study is complete when it is empty.
"""

import math

from adamml.config import FEATURE_FUSIONS
from adamml.records import StudyRecord, TrialRecord
from adamml.study import specs
from adamml.study.noting import Event, changed_metrics, missing_notes
from adamml.study.options.plan import Plan, SweepPlan
from adamml.study.retraining import retraining_phases
from adamml.study.running.phase import SEARCH, Phase, Session, unfinished, with_decoding
from adamml.study.selection import (
    average_is_stronger,
    choose,
    evaluated,
    promoted,
    strongest_fusion,
    unbiased_point,
)
from adamml.study.sharing import sharing
from adamml.trials.assignment import Assignment, Suggestion

SEARCHING = "searching"
"""Title of the phase in which Tune and Optuna choose trials."""
TESTING = "testing"
"""Title of the phase that uses the test split."""


def remaining(plan: SweepPlan, study: StudyRecord, session: Session) -> list[Phase]:
    """Return what is left of a sweep, in order; nothing if it is complete.

    Args:
        plan: of the sweep.
        study: its records.
        session: this run of the job.
    """
    # Each step depends on the results of all before it. Until they are complete (`decided`), it
    # has stand-ins in place of assignments.
    records = {record.id: record for record in study.trials}
    searched = [_unimodals(plan, records, session), _baselines(plan, records, session)]
    searched.append(_search(plan, study, session))
    phases = [*searched, _joint(plan, study, session, decided=all(p.empty for p in searched))]
    decided = all(phase.empty for phase in phases)
    phases.append(_bounds(plan, study, session, decided=decided))
    decided = decided and phases[-1].empty
    if decided:
        notes = missing_notes(study, plan.settings.reference)
        phases.append(Phase(title="noting results", events=tuple(notes)))
    phases.append(_tests(plan, study, session, decided=decided))
    decided = decided and phases[-1].empty
    phases += retraining_phases(plan, study, session, decided=decided)
    if all(phase.empty for phase in phases):
        shared = changed_metrics(study, sharing(study.trials, plan.config, session.data))
        phases.append(Phase(title="counting shared networks", events=tuple(shared)))
    return with_decoding(phases, decodings(plan, session), session)


def decodings(plan: Plan, session: Session) -> dict[str, list[Assignment]]:
    """Return the assignments that decode videos: "train" before training, "test" before tests.

    Args:
        plan: of the study.
        session: this run of the job.
    """
    return {
        "train": specs.decoding_everywhere(session.num_slots, plan.base, "train", "validation"),
        "test": specs.decoding_everywhere(session.num_slots, plan.base, "test"),
    }


def _unimodals(plan: SweepPlan, records: dict[str, TrialRecord], session: Session) -> Phase:
    networks = specs.unimodals(plan.config, plan.base, plan.recognition, session.data)
    left = unfinished(networks, records, session)
    # A slot that has no network left to train makes and decodes the videos that are needed last.
    idle = specs.decoding("decode test", plan.base, "test")
    if left and idle.key not in session.settled:
        left = (*left, idle)
    return Phase(title="training unimodal networks", assignments=left)


def _baselines(plan: SweepPlan, records: dict[str, TrialRecord], session: Session) -> Phase:
    """Run the first trials, and the fusions that need no training."""
    fidelity = plan.first_fidelity
    trials = specs.baselines(plan.config, plan.base, fidelity)[: plan.trials]
    trials += specs.untrained_fusions(plan.config, plan.base, fidelity)
    return Phase(title="running baselines", assignments=unfinished(trials, records, session))


def sampled_records(study: StudyRecord) -> list[TrialRecord]:
    """Return the trials that a sampler suggested, of any status."""
    return [r for r in study.trials if r.kind == "trial" and r.method not in specs.BASELINES]


def num_unsampled(plan: SweepPlan, study: StudyRecord) -> int:
    """Return how many sampled trials the study lacks; interrupted and failed ones do not count.

    Args:
        plan: of the sweep.
        study: its records.
    """
    ended = [r for r in sampled_records(study) if r.status in ("completed", "stopped") or r.final]
    return max(0, plan.trials - len(specs.BASELINES) - len(ended))


def _search(plan: SweepPlan, study: StudyRecord, session: Session) -> Phase:
    """Run sampled trials. Their stand-ins have the fidelities that they are expected to reach."""
    count = 0 if SEARCHING in session.settled else num_unsampled(plan, study)
    records = sampled_records(study)
    ids = [r.id for r in records if not r.final and r.status != "stopped"]
    ids += [specs.trial_id(len(specs.BASELINES) + len(records) + n) for n in range(count)]
    # About one in eta trials continues at each rung; without rungs all reach one fidelity.
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
    return Phase(title=SEARCHING, executor=SEARCH, undecided=tuple(trials))


def _joint(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """Train the promoted trials, always-on fusion and average fusion through all stages."""
    records = {record.id: record for record in study.trials}
    trials, events = list[Assignment](), list[Event]()
    if plan.first_fidelity == "policy":
        always_on = _always_on(study)
        promotions, events = _promotions(plan, study)
        # The longest first: trials with a policy take longer than always-on fusion.
        trials = [specs.joint(r) for r in [*promotions, *always_on]]
    stronger = average_is_stronger(study.trials)
    trials += [specs.trained_fusion(plan.base)] if stronger else []
    if decided:
        left = unfinished(trials, records, session)
        title = f"training {len(left)} jointly"
        return Phase(title=title, assignments=left, events=tuple(events) if left else ())
    expected = 0
    if plan.first_fidelity == "policy":
        expected = 1 + (1 if plan.stops_early else min(plan.joint, plan.trials - 1))
    stand_in = Suggestion(id="promoted", overrides={})
    undecided = [specs.sampled(plan.base, "joint", (), stand_in)] * (expected + stronger)
    return Phase(title=f"training {len(undecided)} jointly", undecided=tuple(undecided))


def _always_on(study: StudyRecord) -> list[TrialRecord]:
    """Return the always-on trial of the search, without its retrainings."""
    return [r for r in study.trials if r.kind == "trial" and r.method == "always_on"]


def _promotions(plan: SweepPlan, study: StudyRecord) -> tuple[list[TrialRecord], list[Event]]:
    """Return the trials promoted to joint training, and an event if that is not noted yet."""
    # A scheduler has decided for every trial but the published setting, which it never saw.
    if plan.stops_early:
        return [r for r in evaluated(study.trials) if r.method == "published"], []
    numbers = {"trials": plan.trials, "joint": plan.joint}
    # Decided once for a number of trials: training some of them must not change the choice.
    earlier = [p["ids"] for p in study.promotions if p | numbers == p]
    if earlier:
        return [r for r in study.trials if r.id in earlier[-1]], []
    best = promoted(study.trials, plan.joint, plan.settings.reference)
    ids = [record.id for record in best]
    return [r for r in study.trials if r.id in ids], [("promoted", {**numbers, "ids": ids})]


def _bounds(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """Compute the limits of a perfect policy, if the manifest says where the evidence is."""
    title = "computing the oracle front"
    has_segment_logits = plan.config.fusion not in FEATURE_FUSIONS
    if study.references or not session.relevance_known or not has_segment_logits:
        return Phase(title=title)
    joint = [r for r in _always_on(study) if r.fidelity == "joint"]
    bounds = tuple(specs.bounds(r) for r in joint[:1])
    if not decided:
        stand_in = specs.bounds(TrialRecord(id="always_on", overrides=dict(plan.base)))
        return Phase(title=title, undecided=bounds or (stand_in,))
    return Phase(title=title, assignments=tuple(a for a in bounds if a.key not in session.settled))


def _tests(plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool) -> Phase:
    """Test the strongest fusion and the chosen operating point, each once."""
    if not decided:
        tested = any(record.test for record in study.trials if record.kind != "confirm")
        stand_in = specs.evaluation(TrialRecord(id="chosen", overrides=dict(plan.base)), {})
        return Phase(title=TESTING, undecided=() if tested else (stand_in, stand_in))
    fusion = strongest_fusion(study.trials)
    chosen = choose(study.trials, fusion)
    finalists = [unbiased_point(fusion)] if fusion else []
    finalists += [chosen] if chosen else []
    tests = [specs.evaluation(f.record, f.bias) for f in finalists if not f.tested]
    return Phase(title=TESTING, assignments=tuple(t for t in tests if t.key not in session.settled))
