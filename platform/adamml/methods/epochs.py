"""Numbers of epochs that methods are compared by."""

from adamml.config import Config
from adamml.methods.adamml.passes import PASSES, RecognitionPass
from adamml.methods.family import FIDELITIES
from adamml.training.loop import plan
from adamml.training.passes import policy_passes


def recognition_epochs(config: Config) -> int:
    """Count the epochs in which recognition networks are trained, after the unimodal stage."""
    stages = [stage for stage, passes in PASSES.items() if RecognitionPass in passes]
    return sum(config.stages.get(stage, 0) for stage in stages)


def policy_epochs(config: Config, fidelity: str) -> int:
    """Count the epochs in which a trial of this fidelity trains its policy."""
    epochs = plan(config.stages, until=FIDELITIES[fidelity])
    return policy_passes((stage for stage, _ in epochs), PASSES)
