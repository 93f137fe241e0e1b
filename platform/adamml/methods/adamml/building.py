"""AdaMML before its first epoch."""

from collections.abc import Mapping
from pathlib import Path

from adamml.config import Config
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.policy import PolicyNetwork
from adamml.models.weight_files import load_weights
from adamml.models.weights import load_pretrained
from adamml.training.determinism import configure, seed_everything
from adamml.training.placement import placed
from adamml.training.workers import Workers


def fresh_adamml(config: Config, pretrained: Mapping[str, Path], workers: Workers) -> AdaMML:
    """Build AdaMML with the unimodal networks' weights and the rest drawn from the config's seed.

    Backbones of the policy start from config.policy.backbones[modality].weights. pretrained gives
    the safetensors of each modality's unimodal network.

    Raises:
        ValueError, OSError: weights cannot be loaded (load_pretrained).
    """
    configure(config.execution)
    seed_everything(config.seed, "adamml")
    model = build_adamml(config, config.data.num_classes)
    for modality, path in pretrained.items():
        load_weights(model.recognition[modality], path)
    if isinstance(model.policy, PolicyNetwork):
        for modality, backbone in model.policy.backbones.items():
            field = f"policy.backbones.{modality}.weights"
            load_pretrained(backbone, config.policy.backbones[modality], field)
    return placed(model, config, workers)  # type: ignore[return-value]
