import numpy as np
import pytest
import torch
from adamml.objectives.quality import (
    hits,
    mean_average_precision,
    measures,
    standard_error,
    targets,
    video_values,
)
from sklearn.metrics import average_precision_score, top_k_accuracy_score
from torch import Tensor

VIDEOS, CLASSES = 300, 8


def logits_of(labels: Tensor, strength: float = 1.5) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    truth = labels if labels.dim() == 2 else torch.nn.functional.one_hot(labels, CLASSES)
    return torch.randn(len(labels), CLASSES, generator=generator) + strength * truth


@pytest.fixture
def single() -> Tensor:
    return torch.arange(VIDEOS) % CLASSES


@pytest.fixture
def several(single: Tensor) -> Tensor:
    """Every third video has a second label."""
    found = torch.nn.functional.one_hot(single, CLASSES).float()
    found[::3] += torch.nn.functional.one_hot((single[::3] + 5) % CLASSES, CLASSES)
    return found


@pytest.mark.parametrize("top", [1, 5])
def test_hits_are_scikit_learns_accuracy(single: Tensor, top: int) -> None:
    logits = logits_of(single)
    expected = top_k_accuracy_score(single, logits, k=top)
    assert float(hits(logits, single, top).double().mean()) == pytest.approx(expected)


def test_any_of_a_videos_labels_is_a_hit(several: Tensor) -> None:
    logits = 9.0 * torch.nn.functional.one_hot((torch.arange(VIDEOS) + 5) % CLASSES, CLASSES)
    assert hits(logits, several).tolist() == [row % 3 == 0 for row in range(VIDEOS)]


def test_map_of_single_labels_is_scikit_learns(single: Tensor) -> None:
    logits = logits_of(single)
    expected = average_precision_score(single, logits.softmax(-1))
    assert mean_average_precision(logits, single) == pytest.approx(expected)


def test_map_where_one_class_has_videos() -> None:
    """Every ranking of them is perfect."""
    for labels in (torch.tensor([1, 1]), torch.tensor([[0.0, 1, 0], [0, 1, 0]])):
        assert mean_average_precision(torch.tensor([[0.0, 1, 0], [2, 0, 0]]), labels) == 1


def test_map_by_hand() -> None:
    """Class 0 ranks its videos first and third, class 1 its one second, class 2 has none."""
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    logits = torch.log(torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.3, 0.6, 0.1]]))
    first, second = (1 / 1 + 2 / 3) / 2, (1 / 1 + 2 / 2) / 2
    assert mean_average_precision(logits, labels) == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("name", ["accuracy", "map"])
def test_the_quality_is_the_mean_of_what_videos_contribute(name: str, several: Tensor) -> None:
    logits = logits_of(several)
    values = video_values(name, logits, several)
    assert values.shape == (VIDEOS,)
    assert float(values.mean()) == pytest.approx(measures(name, logits, several)["quality"])


def test_the_standard_error_of_map_is_that_of_drawing_videos_anew(several: Tensor) -> None:
    logits, dice = logits_of(several), np.random.default_rng(0)
    drawn = [torch.from_numpy(dice.integers(VIDEOS, size=VIDEOS)) for _ in range(400)]
    replicates = [mean_average_precision(logits[rows], several[rows]) for rows in drawn]
    found = standard_error(video_values("map", logits, several))
    assert found == pytest.approx(np.std(replicates), rel=0.15)


def test_a_paired_difference_of_maps_is_that_of_drawing_videos_anew(several: Tensor) -> None:
    good, bad, dice = logits_of(several, 2.0), logits_of(several, 1.0), np.random.default_rng(0)
    drawn = [torch.from_numpy(dice.integers(VIDEOS, size=VIDEOS)) for _ in range(300)]
    replicates = [
        mean_average_precision(good[rows], several[rows])
        - mean_average_precision(bad[rows], several[rows])
        for rows in drawn
    ]
    values = video_values("map", good, several) - video_values("map", bad, several)
    assert float(values.std() / VIDEOS**0.5) == pytest.approx(np.std(replicates), rel=0.15)


def test_what_is_measured_beside_the_quality(several: Tensor, single: Tensor) -> None:
    logits = logits_of(several)
    assert set(measures("accuracy", logits, single)) == {"quality", "quality_se", "top5_accuracy"}
    found = measures("map", logits, several)
    assert set(found) == {"quality", "quality_se", "accuracy", "top5_accuracy"}
    assert found["top5_accuracy"] > found["accuracy"]
    assert "top5_accuracy" not in measures("accuracy", logits[:, :5], single % 5)


def test_several_labels_share_the_cross_entropy(several: Tensor, single: Tensor) -> None:
    assert targets(single) is single
    shares = targets(several)
    assert shares.sum(-1).tolist() == [1.0] * VIDEOS
    assert shares[0].max() == 0.5
    one = torch.nn.functional.one_hot(single, CLASSES).float()
    logits = logits_of(single)
    loss = torch.nn.functional.cross_entropy
    assert float(loss(logits, targets(one))) == pytest.approx(float(loss(logits, single)))
