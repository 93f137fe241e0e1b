"""One study from its first network to its test numbers, over slots that are already warm.

Running it again with the same settings goes on where the journals end: what is complete is not
run again, what was interrupted continues from its last checkpoint under its old id.
"""

import json
from collections.abc import Callable
from typing import Any

from adamml.config import FEATURE_FUSIONS
from adamml.data.manifest import Manifest
from adamml.data.relevance import relevance_known
from adamml.journal import Journal, read_journal
from adamml.records import TrialRecord
from adamml.study.confirm import Confirm
from adamml.study.options.plan import Plan
from adamml.study.running.rehearsal import TrialSlots
from adamml.study.running.runner import Runner, prepare, prepare_spec, require
from adamml.study.sampling import run_sampled
from adamml.study.selection import (
    OperatingPoint,
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
from adamml.study.specs import (
    Spec,
    baseline_specs,
    fusion_specs,
    trained_fusion_spec,
    unimodal_specs,
)
from adamml.training.policy_quality import regret


class Study:
    def __init__(
        self, plan: Plan, slots: TrialSlots, num_slots: int, say: Callable[[str], None]
    ) -> None:
        self.plan, self.slots, self.num_slots, self.say = plan, slots, num_slots, say
        self.runner = Runner(plan.folder, plan.config, slots)
        self.journal = Journal(plan.folder / "journal.jsonl")

    @property
    def records(self) -> list[TrialRecord]:
        return self.runner.records

    def run(self, manifest: Manifest) -> None:
        """All phases in order.

        Raises:
            StudyError: too many unreadable videos, or a unimodal network failed.
        """
        self.runner.end_finished()
        self.prepare("train", "validation")
        self.train_unimodals(manifest)
        self.run_baselines()
        self.say("searching")
        run_sampled(self.plan, self.runner, self.num_slots)
        self.train_jointly()
        self.bound(manifest)
        self.measure_regret()
        self.tag()
        self.test()
        self.count_sharing(manifest)

    def confirm(self, manifest: Manifest) -> None:
        """Retrain what was found with the plan's fresh seeds, if any."""
        if self.plan.confirm.seeds:
            Confirm(self.plan, self.runner, self.say).run(manifest)
            self.count_sharing(manifest)

    def count_sharing(self, manifest: Manifest) -> None:
        found = sharing(self.records, self.plan.config, manifest.fingerprint)
        self.journal.append("metrics", metrics=found)

    def prepare(self, *splits: str) -> None:
        """Decode on every slot's node; slots of one node share the work."""
        self.say("decoding videos")
        prepare(self.runner, self.num_slots, self.plan.base, *splits)

    def train_unimodals(self, manifest: Manifest) -> None:
        self.say("training unimodal networks")
        plan = self.plan
        specs = unimodal_specs(plan.config, plan.base, plan.recognition, manifest.fingerprint)
        # Whichever slot has nothing left to train makes and decodes what will be needed last.
        specs.append(prepare_spec("decode test", plan.base, "test"))
        require(self.runner.run(specs, "unimodal"))

    def run_baselines(self) -> None:
        """The first trials, and the fusions that need no training."""
        self.say("running baselines")
        plan = self.plan
        fidelity = plan.first_fidelity
        specs = baseline_specs(plan.config, plan.base, fidelity)[: plan.trials]
        specs += fusion_specs(plan.config, plan.base, fidelity)
        self.runner.run(specs, fidelity)

    def train_jointly(self) -> None:
        """The best few and the strongest fusions go through the remaining stages."""
        plan = self.plan
        specs: list[Spec] = []
        if plan.first_fidelity == "policy":  # the dearest first: a policy is trained as well
            always_on = [r for r in self.records if r.method == "always_on"]
            specs += [_joint_spec(r) for r in [*self._going_on(), *always_on]]
        specs += [trained_fusion_spec(plan.base)] if average_is_stronger(self.records) else []
        self.say(f"training {len(specs)} jointly")
        self.runner.run(specs, "joint")

    def bound(self, manifest: Manifest) -> None:
        """What a perfect policy could do, where the manifest knows the evidence."""
        joint = (r for r in self.records if r.method == "always_on" and r.fidelity == "joint")
        always_on = next(joint, None)
        config = self.plan.config
        known = relevance_known(manifest, config) and config.fusion not in FEATURE_FUSIONS
        if self.runner.record.references or not known or always_on is None:
            return
        self.say("computing the oracle front")
        found: dict[str, Any] = {}
        spec = {"kind": "references", "id": always_on.id, "overrides": always_on.overrides}
        ends = self.slots.run(
            {"references": spec}, on_report=lambda _, metrics: found.update(metrics)
        )
        require(ends)
        self.journal.append("references", **json.loads(found["references"]))

    def measure_regret(self) -> None:
        """Each trial against the oracle front, where there is one."""
        found = self.runner.record
        for record in evaluated(found.trials) if found.references else ():
            final = record.final
            metrics = regret(final["quality"], final["gflops"], found.references["oracle_front"])
            if record.regret != metrics:
                self.journal.append("regret", id=record.id, metrics=metrics)

    def tag(self) -> None:
        """on_front, chosen and operating_point, on validation; and the front's hypervolume.

        One point is chosen: a trial under a decision bias, or as it is.
        """
        records = self.records
        front, chosen = on_front(records), choose(records, strongest_fusion(records))
        for record in records:
            if record.kind != "trial":
                continue
            tags = {"on_front": _truth(record.id in front)}
            bias = chosen.bias if chosen and record.id == chosen.record.id else None
            tags["chosen"] = _truth(bias is not None)
            tags["operating_point"] = json.dumps(bias) if bias else "none"
            if record.tags != tags:
                self.journal.append("tags", id=record.id, tags=tags)
        volume = hypervolume(records, self.plan.settings.reference)
        self.journal.append("metrics", metrics={"hypervolume": volume})

    def test(self) -> None:
        """The finalists, each once, on the split nobody has seen."""
        specs = self._untested()
        if not specs:
            return
        self.prepare("test")
        self.say("testing")

        def note(name: str, metrics: dict[str, Any]) -> None:
            values = {k: v for k, v in metrics.items() if k != "epoch"}
            self.journal.append("test", id=specs[name]["id"], metrics=values)

        require(self.slots.run(specs, on_report=note))

    def _untested(self) -> dict[str, Spec]:
        """The strongest fusion as it is, and the point that was chosen."""
        fusion = strongest_fusion(self.records)
        chosen = choose(self.records, fusion)
        finalists = [as_it_is(fusion)] if fusion else []
        finalists += [chosen] if chosen else []
        return {f"test {f.record.id}": _test_spec(f) for f in finalists if not f.tested}

    def _going_on(self) -> list[TrialRecord]:
        """Whom the scheduler has not compared: the published setting. Without one, the best."""
        if self.plan.stops_early:
            return [r for r in evaluated(self.records) if r.method == "published"]
        return self._promoted()

    def _promoted(self) -> list[TrialRecord]:
        """Decided once for a number of trials: training some must not change their rivals."""
        events = read_journal(self.plan.folder / "journal.jsonl")
        sizes = [self.plan.trials, self.plan.joint]
        earlier = [
            e["ids"]
            for e in events
            if e["event"] == "promoted" and [e["trials"], e["joint"]] == sizes
        ]
        if not earlier:
            best = promoted(self.records, self.plan.joint, self.plan.settings.reference)
            earlier = [[r.id for r in best]]
            self.journal.append("promoted", trials=sizes[0], joint=sizes[1], ids=earlier[0])
        return [r for r in self.records if r.id in earlier[-1]]


def _joint_spec(record: TrialRecord) -> Spec:
    fields = {k: getattr(record, k) for k in ("kind", "id", "method", "name", "overrides")}
    return fields | {"fidelity": "joint"}


def _test_spec(finalist: OperatingPoint) -> Spec:
    id, overrides = finalist.record.id, finalist.record.overrides
    bias = finalist.bias or None
    return {"kind": "test", "id": id, "overrides": overrides, "decision_bias": bias}


def _truth(value: bool) -> str:
    return "true" if value else "false"
