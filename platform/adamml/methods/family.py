"""A family of methods: one kind of model, and how it is trained, evaluated and billed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from adamml.config import Config
from adamml.cost.flops import Costs
from adamml.data.dataset import Item, SegmentDataset
from adamml.data.manifest import Split
from adamml.training.evaluation import Evaluation
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Task
from adamml.training.splits import Splits
from adamml.training.workers import Workers

Model = TypeVar("Model", bound=nn.Module)
AnyModel = TypeVar("AnyModel", bound=nn.Module, contravariant=True)

FIDELITIES: dict[str, str | None] = {"policy": "policy_only", "joint": None}
"""Fidelity -> the last stage that a trial of it runs; None for all stages. Cheapest first."""


class MakeTask(Protocol):
    """Signature of Family.task."""

    def __call__(
        self,
        config: Config,
        pretrained: Mapping[str, Path],
        splits: Splits,
        view: Callable[[Split], FixedView],
        workers: Workers,
        checkpoints: Path,
        fidelity: str,
    ) -> Task:
        """Return the training of a fresh model as far as the fidelity.

        Args:
            config: complete config of the trial.
            pretrained: modality -> safetensors of its unimodal network.
            splits: videos of that config.
            view: split -> its fixed view, for passes whose source is "logits".
            workers: ranks that train together.
            checkpoints: folder of the trial's checkpoints.
            fidelity: entry of FIDELITIES.
        """


class Evaluate(Protocol[AnyModel]):
    """Signature of Family.evaluate."""

    def __call__(
        self,
        model: AnyModel,
        dataset: SegmentDataset,
        config: Config,
        workers: Workers,
        *,
        decision_bias: Mapping[str, float] | None = None,
    ) -> Evaluation:
        """Return the decisions and logits of the model on a split, as it would be deployed.

        decision_bias sets its operating point: modality -> number (methods/points.py).

        Raises:
            ValueError: a decision_bias that this model cannot take.
        """


@dataclass(frozen=True, kw_only=True)
class Caches:
    """Input that a method sees unchanged in each epoch, and that a process computes once."""

    key: Callable[[Config], str]
    """Return a fingerprint of all that shapes the input, besides the segments' own settings."""
    look: Callable[[Config], Callable[[Item], dict[str, Tensor]]]
    """Return a function of a batch of videos that gives name -> [N, S, ...]."""


@dataclass(frozen=True, kw_only=True)
class Family(Generic[Model]):
    """The functions through which trials reach a kind of model; they know no other way to it."""

    name: str
    """Name of the family; no two have the same."""
    build: Callable[[Config, Mapping[str, Path], Workers], Model]
    """Return a fresh model on its device.

    Its recognition networks have the weights of the unimodal networks, given as modality -> path
    of their safetensors; the others are drawn from the config's seed."""
    task: MakeTask
    """Return the training of a trial."""
    evaluate: Evaluate[Model]
    """Return the decisions and logits of a model on a split."""
    costs: Callable[[Config], Costs]
    """Return the price of a decision of this config's model."""
    caches: Caches | None = None
    """Input beside segment logits that its fixed views hold; None for none."""
    bounds: Callable[[Model, Splits, Config, Workers], dict[str, Any]] | None = None
    """Return the best that decisions could do with a model's networks on validation; None if the
    family has no decisions to vary."""
