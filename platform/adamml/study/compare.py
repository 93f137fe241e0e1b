"""A comparison from its first network to its test numbers; what jobs/compare_methods.py calls.

Running it again with the same settings goes on where the journals end. Nothing is chosen on the
test split, which every method sees once per seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamml.config import override
from adamml.data.manifest import Manifest
from adamml.journal import Journal
from adamml.records import TrialRecord
from adamml.slots.pool import Slots
from adamml.study.methods import (
    NEEDS,
    method_overrides,
    method_spec,
    rates,
    trial_id,
    unimodal_specs_at,
)
from adamml.study.options.comparison import Comparison
from adamml.study.options.settings import open_study
from adamml.study.running.progress import Display, Expected
from adamml.study.running.rehearsal import NoSlots
from adamml.study.running.runner import Runner, prepare, prepare_spec, require
from adamml.study.running.session import Session, run_session
from adamml.trials.test_results import load_results


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a report makes of the test results."""

    metrics: Mapping[str, float]
    """Of the study, for MLflow."""
    files: tuple[Path, ...]
    """Inside the study's folder, to attach to it."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    comparison: Comparison
    failed: dict[str, str]
    """What failed -> traceback, or why it could not be run."""
    behind: str | None
    """Why MLflow does not show everything, if so."""


def compare(comparison: Comparison, summarise: Callable[[Comparison], Summary]) -> Compared:
    """Train all methods at all seeds, and test them.

    Args:
        summarise: called last, also after an interruption.

    Raises:
        ValueError, OSError, StudyError: for the user; the message says what to change.
        KeyboardInterrupt: also on SIGTERM; the same call goes on with the study.
    """
    open_study(comparison.folder, comparison.settings)
    with Display(comparison.folder, _expected(comparison), None) as display:

        def work(slots: Slots, count: int, manifest: Manifest) -> dict[str, str]:
            runner = Runner(comparison.folder, comparison.config, slots)
            Methods(comparison, runner, count, display.phase).run(manifest)
            return runner.failed

        def rehearse(manifest: Manifest) -> None:
            runner = Runner(comparison.folder, comparison.config, NoSlots())
            Methods(comparison, runner, 1, lambda phase: None).run(manifest)

        def conclude(journal: Journal) -> None:
            summary = summarise(comparison)
            if summary.metrics:
                journal.append("metrics", metrics=dict(summary.metrics))
            for path in summary.files:
                journal.append("artifact", path=str(path.relative_to(comparison.folder)))

        failed, behind = run_session(_session(comparison), display, work, rehearse, conclude)
    return Compared(comparison=comparison, failed=failed, behind=behind)


class Methods:
    """All methods at all seeds, over slots that are already warm."""

    def __init__(
        self, comparison: Comparison, runner: Runner, num_slots: int, say: Callable[[str], None]
    ) -> None:
        self.comparison, self.runner = comparison, runner
        self.num_slots, self.say = num_slots, say
        self.journal = Journal(comparison.folder / "journal.jsonl")

    @property
    def records(self) -> dict[str, TrialRecord]:
        return {record.id: record for record in self.runner.records}

    def run(self, manifest: Manifest) -> None:
        """All phases in order; a method that fails does not stop the others.

        Raises:
            StudyError: too many unreadable videos, or a unimodal network failed.
        """
        base = self.comparison.base
        self.say("decoding videos")
        prepare(self.runner, self.num_slots, base, "train", "validation")
        self.train_unimodals(manifest)
        self.train_methods()
        self.say("decoding videos")
        prepare(self.runner, self.num_slots, base, "test")
        self.test()

    def train_unimodals(self, manifest: Manifest) -> None:
        """Of every seed: all its methods begin with them."""
        self.say("training unimodal networks")
        config, base = self.comparison.config, self.comparison.base
        specs = [
            spec
            for seed in self.comparison.seeds
            for spec in unimodal_specs_at(seed, config, base, manifest.fingerprint)
        ]
        # Whichever slot has nothing left to train decodes what will be needed last.
        specs.append(prepare_spec("decode test", base, "test"))
        require(self.runner.run(specs, "unimodal"))

    def train_methods(self) -> None:
        """First what others need; the modalities alone fill the slots beside that."""
        first = {*NEEDS.values(), *self.comparison.config.modalities}
        for wave in (first, set(self.comparison.methods) - first):
            names = [m for m in self.comparison.methods if m in wave]
            names.sort(key=lambda name: name not in NEEDS.values())  # the longest first
            if names:
                self.say(f"training {', '.join(names)}")
                self._train(names)

    def _train(self, names: list[str]) -> None:
        config, base = self.comparison.config, self.comparison.base
        specs = []
        for seed in self.comparison.seeds:
            for name in names:
                spec = method_spec(name, seed, config, base)
                if name in NEEDS:
                    learned = self.records.get(trial_id(NEEDS[name], seed))
                    if learned is None or learned.status != "completed":
                        self.runner.failed[spec["id"]] = f"it needs {NEEDS[name]} at seed {seed}"
                        continue
                    spec["overrides"] |= rates(learned.final, config.modalities)
                specs.append(spec)
        self.runner.run(specs, "joint")

    def test(self) -> None:
        """Every trained method, once, on the split that nobody has seen."""
        self.say("testing")
        records = self.records
        asked = [trial_id(m, s) for s in self.comparison.seeds for m in self.comparison.methods]
        trained = [records[id] for id in asked if id in records]
        specs = {
            f"test {r.id}": {"kind": "test_videos", "id": r.id, "overrides": r.overrides}
            for r in trained
            if r.status == "completed" and not (r.test and _has_results(self.runner, r.id))
        }

        def note(name: str, metrics: dict[str, Any]) -> None:
            values = {k: v for k, v in metrics.items() if k != "epoch"}
            self.journal.append("test", id=specs[name]["id"], metrics=values)

        for name, end in self.runner.slots.run(specs, on_report=note).items():
            if end["status"] == "failed":
                self.runner.failed[name] = end["error"]


def _has_results(runner: Runner, id: str) -> bool:
    return load_results(runner.folder / "trials" / id) is not None


def _session(comparison: Comparison) -> Session:
    return Session(
        folder=comparison.folder,
        config=comparison.config,
        data=comparison.data,
        built_in=comparison.built_in,
        tracking_uri=comparison.tracking_uri,
        slots=comparison.options.slots,
        workers_per_slot=comparison.options.workers_per_slot,
    )


def _expected(comparison: Comparison) -> Expected:
    """Every epoch of a complete comparison, by stage."""
    config, seeds = comparison.config, len(comparison.seeds)
    epochs = {"unimodal": seeds * sum(config.unimodal[m].epochs for m in config.modalities)}
    for method in comparison.methods:
        stages = override(config, method_overrides(method, config)).stages
        for stage, count in stages.items():
            epochs[stage] = epochs.get(stage, 0) + seeds * count
    return Expected(epochs=epochs, slots=1, trials=seeds * len(comparison.methods))
