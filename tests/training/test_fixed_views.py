"""What a slot's process keeps of a split must not depend on what ran there before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import Config, override
from adamml.methods.adamml import ADAMML
from adamml.methods.adamml.task import adamml_task
from adamml.models.weight_files import save_weights
from adamml.training import fixed_views
from adamml.training.fixed_views import FixedView
from adamml.training.loop import fit
from adamml.training.splits import Splits
from adamml.training.unimodal import fresh_unimodal
from adamml.training.workers import Workers
from adamml.trials.pretrained import unimodal_at
from adamml.trials.process_cache import fixed_view


def view_at(seed: int, home: Path, splits: Splits, config: Config) -> FixedView:
    """Of validation, as a random policy at this seed sees it, with untrained networks."""
    config, workers = override(config, {"seed": seed, "policy.kind": "random"}), Workers.current()
    splits, unimodals = replace(splits, config=config), []
    for modality in config.modalities:
        unimodal = unimodal_at(home, config, modality, "data")
        unimodal.folder.mkdir(parents=True, exist_ok=True)
        save_weights(fresh_unimodal(config, modality, workers), unimodal.weights)
        unimodals.append(unimodal)
    return fixed_view(ADAMML, config, unimodals, splits, "validation", workers)


def test_seeds_draw_their_own_decisions_in_one_process(
    tiny_splits: Splits, config: Config, tmp_path: Path
) -> None:
    first, second, again = (
        view_at(seed, tmp_path, tiny_splits, config).clips["draws"] for seed in (0, 1, 0)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    dataset = replace(
        tiny_splits, config=override(config, {"seed": 1, "policy.kind": "random"})
    ).fixed("validation")
    torch.testing.assert_close(second[0].float(), dataset[0]["draws"], atol=1e-3, rtol=0)


def test_the_policy_only_stage_steps_in_batches_of_its_own(
    tiny_splits: Splits, view_of: Callable[[str], FixedView], tmp_path: Path, config: Config
) -> None:
    changes = {"data.batch_size": 8, "data.policy_only_batch_size": 4}
    task = adamml_task(
        override(config, changes), {}, tiny_splits, view_of, Workers.current(), tmp_path, "policy"
    )
    fit(task, Workers.current(), lambda epoch, stage, metrics: None)
    states = task.optimizers["policy"].state.values()
    epochs = config.stages["policy_only"]
    assert {int(state["step"]) for state in states} == {epochs * len(view_of("train")) // 4}


def test_a_batch_smaller_than_the_number_of_ranks_is_refused(
    view_of: Callable[[str], FixedView],
) -> None:
    four = replace(Workers.current(), world_size=4)
    with pytest.raises(ValueError, match="batch_size must be at least world_size 4, got 2"):
        next(view_of("train").batches(four, 2, shuffle=False))


def test_a_last_batch_of_one_video_does_not_make_a_split_look_large(
    tiny_splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = tiny_splits.fixed("train")
    assert len(dataset) % 31 == 1

    def look(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"x": torch.zeros(len(batch["label"]), 100)}

    monkeypatch.setattr(fixed_views, "MAX_BYTES", 2 * 100 * len(dataset))
    assert fixed_views.fixed_clips(look, dataset, 31)["x"].shape == (len(dataset), 100)
    monkeypatch.setattr(fixed_views, "MAX_BYTES", 2 * 100 * len(dataset) - 1)
    with pytest.raises(ValueError, match=r"stages\.policy_only must be 0"):
        fixed_views.fixed_clips(look, dataset, 31)
