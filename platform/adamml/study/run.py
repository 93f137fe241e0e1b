"""One study from its first network to its test numbers, over slots that are already warm.

Running it again with the same settings goes on where the journals end: what is complete is not
run again, what was interrupted continues from its last checkpoint under its old id.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune

from adamml.config import Config, flatten, override
from adamml.data.manifest import Manifest
from adamml.journal import Journal, read_journal
from adamml.records import StudyRecord, TrialRecord, read_study, read_trial
from adamml.study.baselines import (
    BASELINES,
    Spec,
    baseline_specs,
    fusion_specs,
    trained_fusion_spec,
    unimodal_specs,
)
from adamml.study.relay import StopRelay, relay_trainable
from adamml.study.searcher import Space, StudySearch, Suggestion
from adamml.study.selection import (
    average_is_stronger,
    choose,
    hypervolume,
    on_front,
    promoted,
    strongest_fusion,
)
from adamml.study.settings import Settings
from adamml.study.slots import Slots


class StudyError(RuntimeError):
    """The study cannot go on; the message is for the user."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the user asked for, resolved."""

    config: Config
    base: Mapping[str, Any]
    """The study's overrides of its recipe: those of the command line, and the seeds."""
    space: Space
    recognition: Mapping[str, Sequence[str]]
    settings: Settings
    folder: Path
    trials: int
    """All trials, the baselines included."""
    joint: int
    """How many of them are trained jointly after the policy-only stage."""

    @property
    def first_fidelity(self) -> str:
        """What every trial is trained to before any is promoted."""
        return "policy" if self.config.stages.get("policy_only") else "joint"


class Study:
    def __init__(
        self, plan: Plan, slots: Slots, num_slots: int, say: Callable[[str], None]
    ) -> None:
        self.plan, self.slots, self.num_slots, self.say = plan, slots, num_slots, say
        self.journal = Journal(plan.folder / "journal.jsonl")
        self.failed: dict[str, str] = {}

    @property
    def records(self) -> list[TrialRecord]:
        return self.record.trials

    @property
    def record(self) -> StudyRecord:
        return read_study(self.plan.folder)

    def run(self, manifest: Manifest) -> None:
        """All phases in order.

        Raises:
            StudyError: too many unreadable videos, or a unimodal network failed.
        """
        self.prepare("train", "validation")
        self.train_unimodals(manifest)
        self.run_baselines()
        self.run_sampled()
        self.train_jointly()
        self.bound(manifest)
        self.tag()
        self.test()

    # -- phases --------------------------------------------------------------------------------

    def prepare(self, *splits: str) -> None:
        """Decode on every slot's node; slots of one node share the work."""
        self.say("decoding videos")
        name = f"prepare {'+'.join(splits)}"
        found: dict[str, Any] = {}
        names = [f"{name} {n}" for n in range(self.num_slots)]
        specs = {each: self._prepare_spec(each, *splits) for each in names}
        ends = self.slots.run(specs, on_report=lambda _, metrics: found.update(metrics))
        _require(ends)
        known = self.record.data
        bad = known.get("bad", {}) | json.loads(found["bad"])
        counts = known.get("counts", {}) | {name: [found["silent"], found["videos"]]}
        silent, videos = (sum(c[i] for c in counts.values()) for i in (0, 1))
        self.journal.append("data", bad=bad, silent=silent, videos=videos, counts=counts)

    def train_unimodals(self, manifest: Manifest) -> None:
        self.say("training unimodal networks")
        plan = self.plan
        specs = unimodal_specs(plan.config, plan.base, plan.recognition, manifest.fingerprint)
        # Whichever slot has nothing left to train decodes what will be needed last.
        specs.append(self._prepare_spec("decode test", "test"))
        _require(self._run(specs, "unimodal"))

    def run_baselines(self) -> None:
        """The first trials, and the fusions that need no training."""
        self.say("running baselines")
        plan = self.plan
        fidelity = plan.first_fidelity
        specs = baseline_specs(plan.base, fidelity)[: plan.trials]
        specs += fusion_specs(plan.config, plan.base, fidelity)
        self._run(specs, fidelity)

    def run_sampled(self) -> None:
        """What Tune and Optuna ask for, over the search space."""
        self.say("searching")
        plan = self.plan
        history = [r for r in self.records if r.kind == "trial" and r.method not in BASELINES]
        finished = [r for r in history if r.status in ("completed", "stopped") or r.final]
        count = plan.trials - len(BASELINES) - len(finished)
        if count <= 0:
            return
        search = StudySearch(
            plan.space,
            seed=plan.config.seed,
            history=history,
            first=len(BASELINES),
            as_config=partial(relay_config, dict(plan.base), plan.first_fidelity),
        )
        with tempfile.TemporaryDirectory(prefix="adamml-tune-") as storage:
            results = tune.Tuner(
                relay_trainable(self.slots.dispatcher),
                tune_config=tune.TuneConfig(
                    search_alg=search,
                    num_samples=count,
                    max_concurrent_trials=self.num_slots,
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(
                    name="sampled",
                    storage_path=storage,
                    callbacks=[StopRelay(self.slots.dispatcher)],
                    verbose=0,
                ),
            ).fit()
        for result in results:
            if result.error is not None and result.config:
                self._note_failure(result.config["spec"], str(result.error))

    def train_jointly(self) -> None:
        """The best few and the strongest fusions go through the remaining stages."""
        plan = self.plan
        specs = [trained_fusion_spec(plan.base)] if average_is_stronger(self.records) else []
        if plan.first_fidelity == "policy":
            always_on = [r for r in self.records if r.method == "always_on"]
            specs += [self._joint_spec(r) for r in [*always_on, *self._promoted()]]
        self.say(f"training {len(specs)} jointly")
        self._run(specs, "joint")

    def bound(self, manifest: Manifest) -> None:
        """What a perfect policy could do, where the manifest knows the evidence."""
        always_on = self._always_on()
        known = all(f"{m}_stretches" in manifest.table for m in self.plan.config.modalities)
        if self.record.references or not known or always_on is None:
            return
        self.say("computing the oracle front")
        found: dict[str, Any] = {}
        spec = {"kind": "references", "id": always_on.id, "overrides": always_on.overrides}
        ends = self.slots.run(
            {"references": spec}, on_report=lambda _, metrics: found.update(metrics)
        )
        _require(ends)
        self.journal.append("references", **json.loads(found["references"]))

    def tag(self) -> None:
        """on_front and chosen, on validation; and the front's hypervolume."""
        records = self.records
        front, chosen = on_front(records), choose(records, strongest_fusion(records))
        for record in records:
            if record.kind != "trial":
                continue
            tags = {"on_front": _truth(record.id in front)}
            tags["chosen"] = _truth(chosen is not None and record.id == chosen.id)
            if record.tags != tags:
                self.journal.append("tags", id=record.id, tags=tags)
        volume = hypervolume(records, self.plan.settings.reference)
        self.journal.append("metrics", metrics={"hypervolume": volume})

    def test(self) -> None:
        """The chosen trial and the strongest fusion, each once, on the split nobody has seen."""
        records = self.records
        fusion = strongest_fusion(records)
        finalists = [r for r in (choose(records, fusion), fusion) if r is not None and not r.test]
        if not finalists:
            return
        self.prepare("test")
        self.say("testing")
        specs = {
            f"test {r.id}": {"kind": "test", "id": r.id, "overrides": r.overrides}
            for r in finalists
        }

        def note(name: str, metrics: dict[str, Any]) -> None:
            values = {k: v for k, v in metrics.items() if k != "epoch"}
            self.journal.append("test", id=specs[name]["id"], metrics=values)

        _require(self.slots.run(specs, on_report=note))

    def _prepare_spec(self, id: str, *splits: str) -> Spec:
        overrides = dict(self.plan.base)
        return {"kind": "prepare", "id": id, "splits": list(splits), "overrides": overrides}

    # -- inside --------------------------------------------------------------------------------

    def _run(self, specs: Sequence[Spec], fidelity: str) -> dict[str, dict[str, Any]]:
        """Run these assignments; failures are remembered, and do not stop the others."""
        known = {r.id: r for r in self.records}
        todo = {
            f"{spec['id']} {fidelity}": dict(spec)
            for spec in specs
            if not _complete(known.get(spec["id"]), fidelity)
        }
        ends = self.slots.run(todo)
        for name, end in ends.items():
            if end["status"] == "failed" and todo[name]["kind"] != "prepare":
                self._note_failure(todo[name], end["error"])
        return ends

    def _note_failure(self, spec: Spec, error: str) -> None:
        """Workers that were killed, or never came, could not write the end of their journal."""
        self.failed[spec["id"]] = error
        record = read_trial(self.plan.folder / "trials" / spec["id"])
        if record.status == "failed":
            return
        journal = Journal(self.plan.folder / "trials" / spec["id"] / "journal.jsonl")
        if record.status == "waiting":
            fields = ("id", "kind", "method", "name", "overrides")
            params = flatten(override(self.plan.config, spec["overrides"]))
            journal.append("start", **{k: spec[k] for k in fields}, params=params, attempt=0)
        journal.append("end", status="failed", error=error)

    def _promoted(self) -> list[TrialRecord]:
        """Decided once for a number of trials: training some must not change their rivals."""
        events = read_journal(self.plan.folder / "journal.jsonl")
        earlier = [
            e["ids"] for e in events if e["event"] == "promoted" and e["trials"] == self.plan.trials
        ]
        if not earlier:
            best = promoted(self.records, self.plan.joint, self.plan.settings.reference)
            earlier = [[r.id for r in best]]
            self.journal.append("promoted", trials=self.plan.trials, ids=earlier[0])
        return [r for r in self.records if r.id in earlier[-1]]

    def _joint_spec(self, record: TrialRecord) -> Spec:
        fields = {k: getattr(record, k) for k in ("kind", "id", "method", "name", "overrides")}
        return fields | {"fidelity": "joint"}

    def _always_on(self) -> TrialRecord | None:
        found = [r for r in self.records if r.method == "always_on" and r.fidelity == "joint"]
        return found[0] if found else None


def relay_config(base: dict[str, Any], fidelity: str, suggestion: Suggestion) -> dict[str, Any]:
    """What a relay hands to the dispatcher for a suggested trial."""
    spec = {
        "kind": "trial",
        "id": suggestion.id,
        "method": "adamml",
        "name": f"{suggestion.id.rpartition('-')[2]} adamml",
        "fidelity": fidelity,
        "overrides": {**base, **suggestion.overrides},
    }
    return {"id": f"{suggestion.id} {fidelity}", "spec": spec}


def _complete(record: TrialRecord | None, fidelity: str) -> bool:
    if record is None or record.status not in ("completed", "stopped"):
        return False
    return record.status == "stopped" or record.fidelity in (fidelity, "joint")


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _require(ends: Mapping[str, Mapping[str, Any]]) -> None:
    for name, end in ends.items():
        if end["status"] != "completed":
            cause = (end["error"] or end["status"]).strip().splitlines()[-1]
            raise StudyError(f"{name} {end['status']}: {cause}")
