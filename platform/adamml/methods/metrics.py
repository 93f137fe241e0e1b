"""The metrics of an evaluation, the same for all families."""

from torch import Tensor

from adamml.config import Config
from adamml.cost.flops import Costs
from adamml.training.evaluation import Evaluation
from adamml.training.loop import Metrics
from adamml.training.policy_quality import precision_and_recall


def trial_metrics(
    config: Config, evaluation: Evaluation, costs: Costs, relevant: Tensor | None = None
) -> Metrics:
    """Return quality, GFLOPs and their distribution, and selection rates.

    With relevance [N, S, M] (the segments that carry evidence, if the manifest says so) also
    precision and recall per modality. The costs are those of the model that was evaluated.
    """
    batch_size = config.data.batch_size if config.quirks.mean_of_batch_means else None
    metrics = evaluation.metrics(config.data.quality, costs, config.modalities, batch_size)
    if relevant is None:
        return metrics
    return metrics | precision_and_recall(evaluation.decisions, relevant, config.modalities)
