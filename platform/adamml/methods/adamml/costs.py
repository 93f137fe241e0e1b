"""The costs of AdaMML."""

from adamml.config import Config
from adamml.cost.flops import Costs, count_costs


def adamml_costs(config: Config) -> Costs:
    """Return the costs of a segment of the config's own model."""
    return count_costs(config, config.data.num_classes)
