"""What the released code does otherwise, on and off."""

import torch
from adamml.config import Config, override
from adamml.data.dataset import batches
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.passes import PASSES
from adamml.objectives.losses import total
from adamml.training.optimizers import build_optimizer, set_learning_rate
from adamml.training.passes import Pass
from adamml.training.splits import Splits
from adamml.training.workers import Workers


def ran(splits: Splits, config: Config, stage: str, number: int = 0) -> tuple[Pass, set[str]]:
    """A pass after one forward and backward; and what of the model's buffers it has changed."""
    module = PASSES[stage][number](fresh_adamml(config, {}, Workers.current()), config).train()
    before = {name: value.clone() for name, value in module.model.named_buffers()}
    batch = next(batches(splits.augmented(2), batch_size=8, shuffle_seed=0))
    torch.manual_seed(0)
    total(module(batch, 5.0)).backward()
    after = dict(module.model.named_buffers())
    return module, {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])}


def test_frozen_batch_norm_updates_only_as_released(tiny_splits: Splits, config: Config) -> None:
    released = override(config, {"quirks.frozen_parts_in_training_mode": True})
    assert ran(tiny_splits, config, "warm_up")[1] == {"recognition"}
    assert ran(tiny_splits, released, "warm_up")[1] == {"recognition", "policy"}


def test_learning_rates_stay_constant_only_as_released(config: Config) -> None:
    changes = {
        "policy_optimizer.milestones": (1,),
        "unimodal.rgb.milestones": (1,),
        "unimodal.rgb.lr": 0.02,
    }
    config = override(config, changes)
    released = override(config, {"quirks.constant_learning_rate": True})
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    rates = {
        (subject is released, name): set_learning_rate(
            build_optimizer(subject, name, parameters, "rgb"), subject, name, 2, "rgb"
        )
        for subject in (config, released)
        for name in ("policy", "unimodal")
    }
    lr = config.policy_optimizer.lr
    assert rates == {
        (False, "policy"): lr / 10,
        (True, "policy"): lr,
        (False, "unimodal"): 0.02 / 10,
        (True, "unimodal"): 0.02 / 10,
    }


def test_gamma_trains_recognition_only_with_the_full_loss(
    tiny_splits: Splits, config: Config
) -> None:
    config = override(config, {"loss.gamma": 3.0, "loss.correctness": "probability"})
    full = override(config, {"quirks.full_loss_for_recognition": True})

    def gradient(subject: Config) -> torch.Tensor:
        module, _ = ran(tiny_splits, subject, "warm_up")
        found = module.model.recognition["audio"].classifier.weight.grad
        assert isinstance(found, torch.Tensor)
        return found

    assert not torch.equal(gradient(config), gradient(full))
    without = override(full, {"loss.gamma": 0.0})
    assert torch.equal(gradient(config), gradient(without))
