"""What a slot's process keeps of a split must not depend on what ran there before."""

from dataclasses import replace
from pathlib import Path

import torch
from adamml.config import Config, override
from adamml.study.pretrained import unimodal_at
from adamml.study.videos import fixed_view
from adamml.training.checkpoints import save_weights
from adamml.training.fixed_views import FixedView
from adamml.training.splits import Splits
from adamml.training.tasks import fresh_unimodal
from adamml.training.workers import Workers


def view_at(seed: int, home: Path, splits: Splits, config: Config) -> FixedView:
    """Of validation, as a random policy at this seed sees it, with untrained networks."""
    config, workers = override(config, {"seed": seed, "policy.kind": "random"}), Workers.current()
    splits, unimodals = replace(splits, config=config), []
    for modality in config.modalities:
        unimodal = unimodal_at(home, config, modality, "data")
        unimodal.folder.mkdir(parents=True, exist_ok=True)
        save_weights(fresh_unimodal(config, modality, workers), unimodal.weights)
        unimodals.append(unimodal)
    return fixed_view(config, unimodals, splits, "validation", workers)


def test_seeds_draw_their_own_decisions_in_one_process(
    tiny_splits: Splits, config: Config, tmp_path: Path
) -> None:
    first, second, again = (
        view_at(seed, tmp_path, tiny_splits, config).policy_clips["draws"] for seed in (0, 1, 0)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    dataset = replace(
        tiny_splits, config=override(config, {"seed": 1, "policy.kind": "random"})
    ).fixed("validation")
    torch.testing.assert_close(second[0].float(), dataset[0]["draws"], atol=1e-3, rtol=0)
