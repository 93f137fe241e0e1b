from collections.abc import Callable

import pytest
import torch
from adamml.config import Config, override
from adamml.data.dataset import batches
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.passes import (
    PASSES,
    PolicyFromLogitsPass,
    PolicyPass,
    RecognitionPass,
)
from adamml.models.adamml import AdaMML
from adamml.objectives.losses import total
from adamml.training.fixed_views import FixedView
from adamml.training.passes import Pass, policy_passes
from adamml.training.splits import Splits
from adamml.training.unimodal import UnimodalPass, fresh_unimodal
from adamml.training.workers import Workers

KINDS = [UnimodalPass, RecognitionPass, PolicyPass, PolicyFromLogitsPass]


def prepared(
    kind: type[Pass], splits: Splits, view: FixedView
) -> tuple[Pass, dict[str, torch.Tensor]]:
    workers = Workers.current()
    if kind.optimizer == "unimodal":
        splits = splits.alone("audio")
        module = kind(fresh_unimodal(splits.config, "audio", workers), splits.config)
    else:
        module = kind(fresh_adamml(splits.config, {}, workers), splits.config)
    if kind.source == "logits":
        return module.train(), view.batch(torch.arange(8), workers.device)
    return module.train(), next(batches(splits.augmented(2), batch_size=8, shuffle_seed=0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_trains_its_parts_and_nothing_else(
    kind: type[Pass], tiny_splits: Splits, view_of: Callable[[str], FixedView], config: Config
) -> None:
    module, batch = prepared(kind, tiny_splits, view_of("train"))
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(module.parameters_trained(), lr=0.1)
    total(module(batch, 5.0)).backward()
    optimizer.step()
    after = module.model.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    expected = set(kind.trained) or {name.split(".")[0] for name in before}
    assert changed == expected


def test_always_on_has_nothing_for_the_policy_pass(tiny_splits: Splits, config: Config) -> None:
    config = override(config, {"policy.kind": "always_on"})
    model = fresh_adamml(config, {}, Workers.current())
    (policy_pass,) = (p for p in PASSES["alternating"] if p.optimizer == "policy")
    assert policy_pass(model, config).parameters_trained() == []


def test_skipped_modality_gets_no_gradient(tiny_splits: Splits, config: Config) -> None:
    model: AdaMML = fresh_adamml(config, {}, Workers.current())
    module = PASSES["warm_up"][0](model, config).train()
    model.policy.forward = lambda view, temperature: torch.tensor([0.0, 1.0]).expand(8, 2, 2)  # type: ignore[method-assign]
    batch = next(batches(tiny_splits.augmented(2), batch_size=8, shuffle_seed=0))
    total(module(batch, 5.0)).backward()
    norms = {
        m: sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None)
        for m, network in model.recognition.items()
    }
    assert norms["rgb"] == 0
    assert norms["audio"] > 0


def test_the_temperature_clock_counts_policy_epochs() -> None:
    assert policy_passes(["policy_only", "warm_up", "alternating", "fine_tuning"], PASSES) == 2
