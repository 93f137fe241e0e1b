"""Resuming, repeating and failing, with real videos through every stage."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import Config, override
from adamml.methods.adamml.task import adamml_task
from adamml.training.checkpoints import folder, load_checkpoint
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, Task, fit, plan
from adamml.training.splits import Splits
from adamml.training.unimodal import unimodal_task
from adamml.training.workers import Workers

History = list[tuple[int, str, Metrics]]
View = Callable[[str], FixedView]


class KilledError(Exception):
    pass


def task(splits: Splits, view: View, checkpoints: Path, config: Config | None = None) -> Task:
    config = config or splits.config
    splits = replace(splits, config=config)
    return adamml_task(config, {}, splits, view, Workers.current(), checkpoints, "joint")


def run(task: Task, done: int = 0, until: int = 99) -> tuple[History, dict[str, torch.Tensor]]:
    history: History = []

    def report(epoch: int, stage: str, metrics: Metrics) -> None:
        history.append((epoch, stage, metrics))
        if epoch == until:
            raise KilledError

    with contextlib.suppress(KilledError):
        fit(task, Workers.current(), report, done)
    return history, {k: v.clone() for k, v in task.model.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[key], b[key]) for key in a)


def test_stages_run_in_order_and_to_their_fidelity(config: Config) -> None:
    assert [stage for stage, _ in plan(config.stages)] == [
        *["policy_only"] * 2,
        "warm_up",
        "alternating",
        "fine_tuning",
    ]
    assert plan(config.stages, until="policy_only") == [("policy_only", 1), ("policy_only", 2)]


@pytest.mark.parametrize("killed_after", [1, 3, 4])
def test_a_resumed_trial_gives_the_same_numbers(
    tiny_splits: Splits, view_of: View, tmp_path: Path, killed_after: int, config: Config
) -> None:
    whole, weights = run(task(tiny_splits, view_of, tmp_path / "whole"))
    first, _ = run(task(tiny_splits, view_of, tmp_path / "parts"), until=killed_after)
    torch.manual_seed(12345)  # whatever ran in this process in between
    rest, resumed = run(task(tiny_splits, view_of, tmp_path / "parts"), done=killed_after)
    assert first + rest == whole
    assert same(weights, resumed)


def test_a_trial_gives_the_same_numbers_first_and_third(
    tiny_splits: Splits, view_of: View, tmp_path: Path, config: Config
) -> None:
    first = run(task(tiny_splits, view_of, tmp_path / "first"))
    other = override(config, {"seed": 3, "fusion": "max", "execution.fast": True})
    run(task(tiny_splits, view_of, tmp_path / "second", other))
    third = run(task(tiny_splits, view_of, tmp_path / "third"))
    assert first[0] == third[0]
    assert same(first[1], third[1])


def test_another_seed_gives_other_numbers(
    tiny_splits: Splits, view_of: View, tmp_path: Path, config: Config
) -> None:
    one, _ = run(task(tiny_splits, view_of, tmp_path / "one"), until=1)
    other, _ = run(
        task(tiny_splits, view_of, tmp_path / "two", override(config, {"seed": 1})), until=1
    )
    assert one != other


def test_an_epoch_that_was_never_reported_is_done_again(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    """Killed between the checkpoint's rename and the journal's line: both checkpoints are there."""
    whole, weights = run(task(tiny_splits, view_of, checkpoints / "whole"))
    run(task(tiny_splits, view_of, checkpoints / "parts"), until=3)
    assert [p.name for p in sorted((checkpoints / "parts").iterdir())] == [
        "epoch-0002",
        "epoch-0003",
    ]
    rest, resumed = run(task(tiny_splits, view_of, checkpoints / "parts"), done=2)
    assert rest == whole[2:]
    assert same(weights, resumed)


def test_fine_tuning_starts_from_the_best_epoch(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    config = override(config, {"stages.alternating": 2, "recognition_optimizer.lr": 1e-9})
    made = task(tiny_splits, view_of, checkpoints, config)
    scores = iter([2, 1])  # asked of alternating epochs only
    made.score = lambda metrics: next(scores)
    kept: dict[str, torch.Tensor] = {}

    def keep(epoch: int, stage: str, metrics: Metrics) -> None:
        if (epoch, stage) == (4, "alternating"):
            kept.update({k: v.clone() for k, v in made.model.state_dict().items()})

    fit(made, Workers.current(), keep)
    progress = json.loads((folder(checkpoints, 6) / "progress.json").read_text())
    assert (progress["best_epoch"], progress["best_score"]) == (4, 2)
    ours = made.model.state_dict()
    assert all(torch.equal(kept[k], ours[k]) for k in kept if k.startswith("policy."))


def test_a_loss_that_is_no_number_fails_by_name(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    made = task(tiny_splits, view_of, checkpoints, override(config, {"policy_optimizer.lr": 1e30}))
    with pytest.raises(
        FloatingPointError, match=r"loss must be finite, got nan in epoch \d \(policy_only"
    ):
        fit(made, Workers.current(), lambda *_: None)


def test_learning_rate_and_temperature_decay(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    config = override(config, {"policy_optimizer.milestones": [1], "gumbel.decay": 0.5})
    history, _ = run(task(tiny_splits, view_of, checkpoints, config), until=4)
    start = config.policy_optimizer.lr
    assert [m["policy.lr"] for _, s, m in history if "policy.lr" in m] == [start, start / 10, start]
    assert [m["temperature"] for _, _, m in history] == [5.0, 2.5, 1.25, 1.25]


def test_every_epoch_reports_what_the_journal_keeps(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    history, _ = run(task(tiny_splits, view_of, checkpoints))
    for _, stage, metrics in history:
        wanted = {"loss", "quality", "gflops", "selection_rate.rgb", "selection_rate.audio"}
        assert wanted | {"temperature"} <= metrics.keys()
        assert ("policy.usage" in metrics) == (stage in ("policy_only", "alternating"))
        assert ("recognition.cross_entropy" in metrics) == (stage != "policy_only")


def test_a_task_remembers_what_its_last_evaluation_measured_and_nothing_of_training(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    first = task(tiny_splits, view_of, checkpoints, config)
    assert first.measured == {}
    history, _ = run(first)
    assert first.measured.items() <= history[-1][2].items()
    assert {"quality", "gflops", "selection_rate.rgb"} <= first.measured.keys()
    trained = {"loss", "temperature", "policy_epoch", "recognition.loss", "recognition.lr"}
    assert trained <= history[-1][2].keys() - first.measured.keys()
    again = task(tiny_splits, view_of, checkpoints, config)
    run(again, done=len(again.plan))
    assert again.evaluate(len(again.plan)) == first.measured, "as after a death before its end"


def test_unimodal_training_learns_and_resumes(
    tiny_splits: Splits, tmp_path: Path, config: Config
) -> None:
    config = override(config, {"unimodal.audio.epochs": 6, "dropout": 0.0})
    splits = replace(tiny_splits, config=config)
    made = unimodal_task(config, "audio", splits, Workers.current(), tmp_path / "a")
    whole, weights = run(made)
    assert whole[-1][2]["loss"] < whole[0][2]["loss"]
    again = unimodal_task(config, "audio", splits, Workers.current(), tmp_path / "b")
    first, _ = run(again, until=2)
    again = unimodal_task(config, "audio", splits, Workers.current(), tmp_path / "b")
    rest, resumed = run(again, done=2)
    assert first + rest == whole
    assert same(weights, resumed)


def test_a_unimodal_network_is_evaluated_when_it_should_be_and_at_its_end(
    tiny_splits: Splits, tmp_path: Path, config: Config
) -> None:
    config = override(config, {"unimodal.audio.epochs": 3, "unimodal.audio.validate_every": 2})
    splits = replace(tiny_splits, config=config)
    history, _ = run(unimodal_task(config, "audio", splits, Workers.current(), tmp_path))
    assert ["quality" in metrics for _, _, metrics in history] == [False, True, True]
    assert all("loss" in metrics for _, _, metrics in history)


def test_a_checkpoint_of_another_model_is_refused(
    tiny_splits: Splits, view_of: View, checkpoints: Path, config: Config
) -> None:
    run(task(tiny_splits, view_of, checkpoints), until=1)
    wider = override(config, {"policy.joint_width": 32})
    model = task(tiny_splits, view_of, checkpoints, wider).model
    with pytest.raises(ValueError, match=r"does not fit the model(.|\n)*policy\.joint"):
        load_checkpoint(checkpoints, 1, model)
