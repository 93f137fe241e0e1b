"""The input of AdaMML's policy, which its fixed views hold."""

from collections.abc import Callable

from torch import Tensor

from adamml.config import Config, fingerprint
from adamml.data.dataset import Item
from adamml.methods.family import Caches
from adamml.models.adamml import build_adamml


def _key(config: Config) -> str:
    return fingerprint(
        {
            "p": config.policy.kind,
            "s": config.policy_inputs,
            "x": config.policy.pixels,
            "f": config.policy.frame_step,
            "draws": config.seed if "draws" in config.inputs else None,
        }
    )


def _look(config: Config) -> Callable[[Item], dict[str, Tensor]]:
    return build_adamml(config, config.data.num_classes).policy_clips


POLICY_CLIPS = Caches(key=_key, look=_look)
"""The policy's view of the clips; it involves no parameters, so it is the same in each epoch."""
