"""A comparison of methods from its plan to its report; jobs/compare_methods.py calls it.

Run again with the same settings, it continues where the journals end. Each method is tested once
per seed, and nothing is chosen by the test split.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from adamml.journal import Journal
from adamml.methods import METHODS, methods_of, rates
from adamml.records import StudyRecord, TrialRecord
from adamml.study import specs
from adamml.study.options.comparison import describe_comparison
from adamml.study.options.plan import ComparisonPlan
from adamml.study.options.settings import open_study
from adamml.study.phases import TESTING, decodings
from adamml.study.running.phase import Phase, Session, unfinished, with_decoding
from adamml.study.running.progress import Display
from adamml.study.running.rehearsal import rehearse
from adamml.study.running.session import Job, run_session
from adamml.trials.assignment import Assignment


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Results of a report for MLflow."""

    metrics: Mapping[str, float]
    """Metrics of the study."""
    files: tuple[Path, ...]
    """Files in the study's folder, to attach to the study."""


@dataclass(frozen=True, kw_only=True)
class ComparisonEnd:
    """Result of a run of the comparison."""

    plan: ComparisonPlan
    failed: Mapping[str, str]
    """Trial id -> traceback, or the reason why it could not be run."""
    behind: str | None
    """Reason why MLflow lacks something, and the command that adds it; None if it has all."""


def compare(plan: ComparisonPlan, summarise: Callable[[ComparisonPlan], Summary]) -> ComparisonEnd:
    """Train all methods at all seeds, and test them.

    Args:
        plan: of the comparison.
        summarise: writes the report; called last, also after an interruption.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: on Ctrl-C and SIGTERM; the same call continues the study.
    """
    open_study(plan.folder, plan.settings)

    def conclude(journal: Journal | None) -> None:
        summary = summarise(plan)
        if journal is None:
            return
        if summary.metrics:
            journal.append("metrics", metrics=dict(summary.metrics))
        for path in summary.files:
            journal.append("artifact", path=str(path.relative_to(plan.folder)))

    job = Job(remaining=partial(remaining_comparison, plan), conclude=conclude, executors={})
    with Display(plan, None) as display:
        end = run_session(plan, job, display)
    return ComparisonEnd(
        plan=plan, failed={**_blocked(plan, end.failed), **end.failed}, behind=end.behind
    )


def remaining_comparison(plan: ComparisonPlan, study: StudyRecord, session: Session) -> list[Phase]:
    """Return what is left of a comparison, in order; nothing if it is complete.

    Args:
        plan: of the comparison.
        study: its records.
        session: this run of the job.
    """
    records = {record.id: record for record in study.trials}
    phases = [_unimodals(plan, records, session)]
    for wave in _waves(plan):
        phases.append(_methods(plan, wave, records, session))
    phases.append(_tests(plan, records, session, decided=all(phase.empty for phase in phases)))
    return with_decoding(phases, decodings(plan, session), session)


def dry_run_comparison(plan: ComparisonPlan) -> str:
    """Return the text of --dry-run: JSON of the plan and of the phases that are left."""
    left = rehearse(plan, partial(remaining_comparison, plan))
    return json.dumps(describe_comparison(plan) | {"left": left}, indent=2)


def _unimodals(plan: ComparisonPlan, records: Mapping[str, TrialRecord], session: Session) -> Phase:
    """Train the unimodal networks of every seed, with which all methods of the seed begin."""
    networks = [
        network
        for seed in plan.seeds
        for network in specs.unimodals_at(seed, plan.config, plan.base, session.data)
    ]
    left = unfinished(networks, records, session)
    # A slot that has no network left to train decodes the videos that are needed last.
    idle = specs.decoding("decode test", plan.base, "test")
    if left and idle.key not in session.settled:
        left = (*left, idle)
    return Phase(title="training unimodal networks", assignments=left)


def _waves(plan: ComparisonPlan) -> list[list[str]]:
    """Return the methods in two waves: those that others need, then the rest."""
    # The modalities alone belong to the first wave, to fill slots that would have no work.
    needed = {method.needs for method in METHODS.values() if method.needs}
    first = {*needed, *plan.config.modalities}
    waves = []
    for wave in (first, set(plan.methods) - first):
        names = [method for method in plan.methods if method in wave]
        names.sort(key=lambda name: name not in needed)  # the longest first
        waves += [names] if names else []
    return waves


def _methods(
    plan: ComparisonPlan, names: list[str], records: Mapping[str, TrialRecord], session: Session
) -> Phase:
    ready, later = list[Assignment](), list[Assignment]()
    table = methods_of(plan.config)
    for seed in plan.seeds:
        for name in names:
            needs = table[name].needs
            learned = records.get(specs.method_id(needs, seed)) if needs else None
            if not needs:
                ready.append(specs.method_trial(name, seed, plan.config, plan.base, {}))
            elif learned is not None and learned.status == "completed":
                follows = rates(learned.final, plan.config.modalities)
                ready.append(specs.method_trial(name, seed, plan.config, plan.base, follows))
            elif not _is_settled(needs, seed, plan, session):
                later.append(specs.method_trial(name, seed, plan.config, plan.base, {}))
    return Phase(
        title=f"training {', '.join(names)}",
        assignments=unfinished(ready, records, session),
        undecided=unfinished(later, records, session),
    )


def _is_settled(method: str, seed: int, plan: ComparisonPlan, session: Session) -> bool:
    trial = specs.method_trial(method, seed, plan.config, plan.base, {})
    return trial.key in session.settled


def _blocked(plan: ComparisonPlan, failed: Mapping[str, str]) -> dict[str, str]:
    """Return the methods that could not be run because one that they need failed: id -> reason."""
    table = methods_of(plan.config)
    return {
        specs.method_id(name, seed): f"it needs {needs} at seed {seed}"
        for seed in plan.seeds
        for name in plan.methods
        if (needs := table[name].needs) and specs.method_id(needs, seed) in failed
    }


def _tests(
    plan: ComparisonPlan,
    records: Mapping[str, TrialRecord],
    session: Session,
    *,
    decided: bool,
) -> Phase:
    """Test every trained method once per seed."""
    ids = [specs.method_id(method, seed) for seed in plan.seeds for method in plan.methods]
    if not decided:
        stand_ins = [r for id in ids if not (r := records.get(id, TrialRecord(id=id))).test]
        tests = [specs.evaluation(record, {}, kind="test_videos") for record in stand_ins]
        return Phase(title=TESTING, undecided=tuple(tests))
    trained = [records[id] for id in ids if id in records]
    tests = [
        specs.evaluation(record, {}, kind="test_videos")
        for record in trained
        if record.status == "completed" and not record.test
    ]
    return Phase(title=TESTING, assignments=tuple(t for t in tests if t.key not in session.settled))
