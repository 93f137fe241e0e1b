"""Phases of the retraining that are left: candidates of a search are trained with fresh seeds.

Each seed has its own unimodal networks, which all candidates share at that seed. All candidates are
trained through all stages, so they have equal recognition epochs. An operating point belongs to one
trained policy, so each retraining chooses its own, on validation, by the rule of the search.
"""

from collections.abc import Sequence

from adamml.config import override
from adamml.records import StudyRecord, TrialRecord
from adamml.statistics.retrained_fronts import CONTESTED
from adamml.study import specs
from adamml.study.candidates import Candidate, candidates
from adamml.study.options.plan import SweepPlan
from adamml.study.running.phase import SUMMARY, Phase, Session, is_complete, unfinished
from adamml.study.selection import BUDGET, best_within, strongest_fusion
from adamml.trials.assignment import Assignment

FRESH_SEED_OFFSET = 1001
"""Difference between the first fresh seed and the study's seed."""
SUMMARISED = "confirm.seeds"
"""Metric of a study: number of fresh seeds that the summary of its retraining covers."""


def first_fresh_seed(plan: SweepPlan) -> int:
    """Return the first seed of the retraining; the others follow by one."""
    return plan.config.seed + FRESH_SEED_OFFSET


def retraining_phases(
    plan: SweepPlan, study: StudyRecord, session: Session, *, decided: bool
) -> list[Phase]:
    """Return what is left of the retraining and of its summary.

    All candidates get the plan's number of seeds. Then those that may or may not be on the front,
    by the summary so far, get one more seed at a time.

    Args:
        plan: of the sweep.
        study: its records.
        session: this run of the job.
        decided: True if the search is over, so that its candidates are certain.
    """
    if not plan.confirm.seeds:
        return []
    if not decided:
        return [_expected(plan)]
    chosen = candidates(study.trials, plan.config, plan.base, whole_front=plan.confirm.whole_front)
    if strongest_fusion(study.trials) is None or not chosen:
        return []
    first, seeds = first_fresh_seed(plan), plan.confirm.seeds
    training = _retrain(plan, study, session, chosen, range(first, first + seeds))
    if not training.empty:
        return [training, _summary(seeds)]
    covered = int(study.metrics.get(SUMMARISED, 0))
    # The summary is missing, is from a run with other numbers of seeds, or lacks a candidate.
    outdated = not seeds <= covered <= max(seeds, plan.confirm.until)
    if outdated or _summary_lacks_candidate(plan, study, chosen):
        return _unless_settled(_summary(seeds), session)
    low, high = CONTESTED
    contested = [c for c in chosen if low < _on_front(study, c, missing=0.0) < high]
    if covered >= plan.confirm.until or not contested:
        return []
    # Always-on fusion too: differences to it are taken at the same seeds.
    again = [c for c in chosen if c in contested or c is chosen[0]]
    training = _retrain(plan, study, session, again, [first + covered])
    return [training] if not training.empty else _unless_settled(_summary(covered + 1), session)


def _summary(seeds: int) -> Phase:
    return Phase(title=f"summarising {seeds} fresh seeds", executor=SUMMARY, seeds=seeds)


def _unless_settled(phase: Phase, session: Session) -> list[Phase]:
    return [] if phase.title in session.settled else [phase]


def _on_front(study: StudyRecord, candidate: Candidate, *, missing: float) -> float:
    return study.metrics.get(f"confirm.{candidate.key}.on_front", missing)


def _summary_lacks_candidate(
    plan: SweepPlan, study: StudyRecord, chosen: Sequence[Candidate]
) -> bool:
    """Return whether a candidate was tested but is not in the summary."""
    tested = {record.id for record in study.trials if record.test}
    first = first_fresh_seed(plan)
    seeds = range(first, first + max(plan.confirm.seeds, plan.confirm.until))
    return any(
        _on_front(study, c, missing=-1.0) < 0
        and any(specs.retraining_id(c.key, seed) in tested for seed in seeds)
        for c in chosen
    )


def _expected(plan: SweepPlan) -> Phase:
    """Return stand-ins for a retraining whose candidates are not chosen yet."""
    configurations = 2  # the chosen trial and always-on fusion
    if plan.confirm.whole_front:
        # A guess: the size of the front is the number of jointly trained trials.
        configurations += plan.joint + len(plan.config.modalities)
    seeds = range(first_fresh_seed(plan), first_fresh_seed(plan) + plan.confirm.seeds)
    networks = [
        network
        for seed in seeds
        for network in specs.unimodals_at(seed, plan.config, plan.base, "", kind="confirm_unimodal")
    ]
    trials = [
        specs.retraining(str(number), str(number), "adamml", plan.base, seed)
        for seed in seeds
        for number in range(configurations)
    ]
    return Phase(title=_title(seeds), undecided=(*networks, *trials))


def _title(seeds: Sequence[int]) -> str:
    return f"retraining with seeds {', '.join(map(str, seeds))}"


def _retrain(
    plan: SweepPlan,
    study: StudyRecord,
    session: Session,
    wanted: Sequence[Candidate],
    seeds: Sequence[int],
) -> Phase:
    """Train and test candidates. Each seed has its own order: networks, then trials, then tests."""
    records = {record.id: record for record in study.trials}
    dearest_first = sorted(wanted, key=lambda candidate: candidate.method == "always_on")
    ready, later = list[Assignment](), list[Assignment]()
    for seed in seeds:
        networks = {n.id: n for c in wanted for n in _networks(plan, c, seed, session.data)}
        missing = unfinished(networks.values(), records, session)
        ready += missing
        waits = any(not is_complete(records.get(id), "unimodal") for id in networks)
        for candidate in dearest_first:
            trial = candidate.at(seed)
            record = records.get(trial.id)
            if record is None or not is_complete(record, "joint"):
                if trial.key not in session.settled:
                    (later if waits else ready).append(trial)
            elif not record.test:
                test = _test(candidate, record, plan, study)
                ready += [] if test.key in session.settled else [test]
    return Phase(title=_title(seeds), assignments=tuple(ready), undecided=tuple(later))


def _networks(plan: SweepPlan, candidate: Candidate, seed: int, data: str) -> list[Assignment]:
    """Return the unimodal networks of a candidate at a seed, in the backbones that it searched."""
    searched = {k: v for k, v in candidate.overrides.items() if k.startswith("recognition.")}
    config = override(plan.config, searched)
    base = {**plan.base, **searched}
    return specs.unimodals_at(seed, config, base, data, kind="confirm_unimodal")


def _test(
    candidate: Candidate, record: TrialRecord, plan: SweepPlan, study: StudyRecord
) -> Assignment:
    """Return the test of a retraining, at its best operating point if it is the chosen trial's."""
    fusion = strongest_fusion(study.trials)
    assert fusion is not None
    bias: dict[str, float] = {}
    if candidate.within_budget:
        bias = best_within([record], BUDGET * fusion.final["gflops"]).bias
    return specs.evaluation(record, bias, kind="test_videos")
