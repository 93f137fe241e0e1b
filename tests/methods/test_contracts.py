"""The promises of every family and every method, on the tiny recipe's videos."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from adamml.config import Config, override
from adamml.methods import FAMILIES, METHODS, Family, family_of, method_names, method_overrides
from adamml.methods.adamml import ADAMML
from adamml.methods.metrics import trial_metrics
from adamml.methods.points import bias_of
from adamml.models.weight_files import save_weights
from adamml.recipes import tiny
from adamml.training.evaluation import evaluation_batches
from adamml.training.fixed_views import FixedView, fixed_clips
from adamml.training.loop import Task, fit
from adamml.training.splits import Splits
from adamml.training.unimodal import fresh_unimodal, segment_logits_of
from adamml.training.workers import Workers
from torch import nn
from toy_family import TOY_METHOD

SHORT = {"stages.policy_only": 1, "stages.warm_up": 0, "stages.fine_tuning": 0}
WORKERS = Workers(0, 1, torch.device("cpu"))


def decided(model: nn.Module) -> nn.Module:
    """Give a fresh model logits, and decisions, that differ much between videos."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=10)
    return model


@dataclass(frozen=True)
class Case:
    """A method on the tiny recipe's videos, with untrained networks."""

    family: Family
    config: Config
    splits: Splits
    view: Callable[[str], FixedView]

    def task(self, folder: Path) -> Task:
        return self.family.task(self.config, {}, self.splits, self.view, WORKERS, folder, "joint")


@pytest.fixture(params=[*method_names(tiny()), "toy"])
def case(
    request: pytest.FixtureRequest, tiny_splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> Case:
    torch.set_num_threads(1)
    monkeypatch.setitem(METHODS, "toy", TOY_METHOD)
    changes = {**SHORT, **method_overrides(request.param, tiny())}
    config = override(tiny_splits.config, changes)
    splits, family = replace(tiny_splits, config=config), family_of(request.param)

    def view(split: str) -> FixedView:
        dataset, caches, clips = splits.fixed(split), family.caches, {}
        if caches is not None:
            clips = fixed_clips(caches.look(config), dataset, 8)
        model = decided(family.build(config, {}, WORKERS))
        logits = [
            segment_logits_of(model.recognition[m], m, splits.alone(m).fixed(split), 8, "cpu")
            for m in config.modalities
        ]
        return FixedView(clips, torch.stack(logits, dim=2), dataset.labels)

    return Case(family, config, splits, view)


def test_families_have_names_of_their_own() -> None:
    distinct = {id(method.family) for method in METHODS.values()}
    assert len(FAMILIES) == len(distinct)
    assert {id(family) for family in FAMILIES.values()} == distinct
    assert [family_of(name) for name in ("rgb", "always_on", "published", "")] == [ADAMML] * 4


def test_a_model_starts_from_the_unimodal_networks(case: Case, tmp_path: Path) -> None:
    plain = case.family.build(case.config, {}, WORKERS)
    paths = {m: tmp_path / m for m in case.config.modalities}
    for modality, path in paths.items():
        save_weights(fresh_unimodal(case.config, modality, WORKERS), path)
    pretrained = case.family.build(case.config, paths, WORKERS)
    for modality in case.config.modalities:
        expected = fresh_unimodal(case.config, modality, WORKERS).state_dict()
        actual = pretrained.recognition[modality].state_dict()
        assert all(torch.equal(value, actual[name]) for name, value in expected.items())
    assert plain.state_dict().keys() == pretrained.state_dict().keys()


def test_training_runs_and_measures_every_objective(case: Case, tmp_path: Path) -> None:
    task = case.task(tmp_path)
    epochs: list[dict[str, float]] = []
    fit(task, WORKERS, lambda epoch, stage, metrics: epochs.append(metrics))
    assert len(epochs) == len(task.plan) > 0
    assert all(math.isfinite(value) for metrics in epochs for value in metrics.values())
    rates = {f"selection_rate.{m}" for m in case.config.modalities}
    assert {"quality", "gflops", "loss", *rates} <= set(epochs[-1])
    for point in task.operating_points():
        assert set(bias_of(point)) == set(case.config.modalities)
        assert {"quality", "gflops", *rates} <= set(point)


def test_a_deployed_model_decides_and_classifies(case: Case) -> None:
    videos, config = case.splits.fixed("validation"), case.config
    model = case.family.build(config, {}, WORKERS)
    evaluation = case.family.evaluate(model, videos, config, WORKERS)
    assert evaluation.logits.shape == (16, config.data.num_classes)
    assert evaluation.decisions.shape == (16, config.data.test_segments, len(config.modalities))
    assert set(evaluation.decisions.unique().tolist()) <= {0, 1}
    metrics = trial_metrics(config, evaluation, case.family.costs(config))
    assert 0 <= metrics["quality"] <= 1
    assert metrics["gflops"] >= 0


def test_every_decision_costs_something(case: Case) -> None:
    costs, config = case.family.costs(case.config), case.config
    none = torch.zeros(1, config.data.test_segments, len(config.modalities))
    price = float(costs.gflops(none))
    assert price >= 0
    for number in range(len(config.modalities)):
        some = none.clone()
        some[0, 0, number] = 1
        assert float(costs.gflops(some)) > price


def test_training_sees_the_loss_of_the_deployed_model(case: Case, tmp_path: Path) -> None:
    """Masked on videos, or from cached segment logits, it is that of routed inference."""
    task, validation = case.task(tmp_path), case.splits.fixed("validation")
    decided(task.model)
    routed = case.family.evaluate(task.model, validation, case.config, WORKERS)
    expected = F.cross_entropy(routed.logits, routed.labels)
    stages = dict.fromkeys(stage for stage, _ in task.plan)
    kinds = dict.fromkeys(kind for stage in stages for kind in task.passes[stage])
    for kind in kinds:
        module = kind(task.model, case.config).eval()
        (batch,) = (
            case.view("validation").batches(WORKERS, len(validation), shuffle=False)
            if kind.source == "logits"
            else evaluation_batches(
                validation, override(case.config, {"data.batch_size": len(validation)}), WORKERS
            )
        )
        with torch.no_grad():
            terms = module(batch, 1.0)
        torch.testing.assert_close(terms["cross_entropy"], expected, atol=1e-4, rtol=1e-4)


def test_bounds_are_two_policies_that_pay_for_no_policy(case: Case) -> None:
    if case.family.bounds is None or case.config.fusion == "fc2":
        return
    model = case.family.build(case.config, {}, WORKERS)
    bounds = case.family.bounds(model, case.splits, case.config, WORKERS)
    assert set(bounds) == {"relevance_policy", "oracle_front"}
    assert bounds["oracle_front"]["gflops"] == sorted(bounds["oracle_front"]["gflops"])
