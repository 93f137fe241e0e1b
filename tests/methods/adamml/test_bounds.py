import torch
from adamml.config import override
from adamml.cost.flops import count_costs
from adamml.methods.adamml import bounds as subject
from adamml.methods.adamml.bounds import oracle_front
from adamml.models.fusion import AverageFusion
from adamml.recipes import tiny


def logits(
    videos: int = 40, segments: int = 3, classes: int = 8
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (videos,), generator=generator)
    noise = torch.randn(videos, segments, 2, classes, generator=generator)
    return noise + 1.5 * torch.nn.functional.one_hot(labels, classes)[:, None, None], labels


def costs():  # type: ignore[no-untyped-def]
    config = override(tiny(), {"policy.kind": "always_on"})
    return count_costs(config, 8)


def test_the_oracle_front_rises_with_its_budget() -> None:
    accuracy, gflops = oracle_front(AverageFusion(), *logits(), costs())
    assert accuracy == sorted(accuracy)
    assert gflops == sorted(gflops)
    assert len(set(accuracy)) == len(accuracy)


def test_the_oracle_is_never_below_computing_everything() -> None:
    fusion, (segment_logits, labels) = AverageFusion(), logits()
    everything = fusion(segment_logits, torch.ones(40, 3, 2)).mean(1).argmax(-1) == labels
    accuracy, gflops = oracle_front(fusion, segment_logits, labels, costs())
    assert accuracy[-1] >= float(everything.double().mean())
    assert gflops[-1] < costs().all_on(3)


def test_greedy_choices_come_close_to_all_of_them(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    fusion, (segment_logits, labels) = AverageFusion(), logits()
    exact, _ = oracle_front(fusion, segment_logits, labels, costs())
    monkeypatch.setattr(subject, "EXHAUSTIVE", 0)
    greedy, gflops = oracle_front(fusion, segment_logits, labels, costs())
    assert exact[-1] - 0.1 <= greedy[-1] <= exact[-1]
    assert gflops == sorted(gflops)
