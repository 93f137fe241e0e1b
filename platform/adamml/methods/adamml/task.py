"""The training of AdaMML: its stages, and how its epochs are evaluated and compared."""

from collections.abc import Callable, Mapping
from pathlib import Path

from adamml.config import Config
from adamml.data.manifest import Split
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.costs import adamml_costs
from adamml.methods.adamml.evaluation import evaluate, evaluate_view
from adamml.methods.adamml.operating_points import has_operating_points, operating_points
from adamml.methods.adamml.passes import PASSES
from adamml.methods.family import FIDELITIES
from adamml.methods.metrics import trial_metrics
from adamml.models.adamml import AdaMML
from adamml.training.evaluation import Evaluation
from adamml.training.fixed_views import FixedView
from adamml.training.loop import Metrics, Task, plan
from adamml.training.policy_quality import relevance_of
from adamml.training.splits import Splits
from adamml.training.workers import Workers


def adamml_task(
    config: Config,
    pretrained: Mapping[str, Path],
    splits: Splits,
    view: Callable[[Split], FixedView],
    workers: Workers,
    checkpoints: Path,
    fidelity: str,
) -> Task:
    """Return the training of a trial as far as its fidelity (methods/family.py MakeTask).

    Its score, by which the best alternating epoch is kept, is the quality minus the usage of each
    modality, weighted by loss.lambdas.
    """
    model = fresh_adamml(config, pretrained, workers)
    epochs = plan(config.stages, until=FIDELITIES[fidelity])
    relevant, costs = relevance_of(splits, "validation"), adamml_costs(config)
    last: list[Evaluation] = []

    def metrics(epoch: int) -> Metrics:
        stage, whole = epochs[epoch - 1][0] if epoch else "policy_only", epoch == len(epochs)
        evaluation = _evaluate(model, config, splits, view, workers, stage, every_segment=whole)
        last[:] = [evaluation] if whole else []
        return trial_metrics(config, evaluation, costs, relevant)

    def points() -> list[Metrics]:
        if not has_operating_points(model):
            return []
        if not last:  # The last epoch ended in another process: evaluate its checkpoint again.
            metrics(len(epochs))
        return operating_points(model, last[0], config)

    def score(metrics: Metrics) -> float:
        lambdas = config.loss.lambdas
        usage = sum(lambdas[m] * metrics[f"selection_rate.{m}"] for m in config.modalities)
        return metrics["quality"] - usage

    return Task(
        config=config,
        model=model,
        plan=epochs,
        passes=PASSES,
        videos=splits.augmented(config.data.train_segments),
        view=lambda: view("train"),
        evaluate=metrics,
        score=score,
        checkpoints=checkpoints,
        operating_points=points,
    )


def _evaluate(
    model: AdaMML,
    config: Config,
    splits: Splits,
    view: Callable[[Split], FixedView],
    workers: Workers,
    stage: str,
    *,
    every_segment: bool = False,
) -> Evaluation:
    """Evaluate on validation; from cached segment logits while recognition is still frozen.

    With every_segment, a model that has operating points also gets the logits of all segments.
    """
    if stage == "policy_only":
        return evaluate_view(model, view("validation"), config, workers)
    every_segment = every_segment and has_operating_points(model)
    validation = splits.fixed("validation")
    return evaluate(model, validation, config, workers, every_segment=every_segment)
