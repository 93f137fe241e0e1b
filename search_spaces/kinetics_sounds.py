"""Space of AdaMML on Kinetics-Sounds: temperature, penalties, policy learning rate, backbones."""

from functools import partial

from adamml.study.options.space import StudySpace

from search_spaces.suggestions import suggest

RECOGNITION: dict[str, tuple[str, ...]] = {
    "rgb": ("resnet18", "resnet50"),
    "audio": ("mobilenet_v2",),
    "flow": ("resnet50",),
    "rgbdiff": ("resnet50",),
}
"""Backbones that the search tries, by modality."""
LOG_RANGES = {
    "gumbel.temperature": (1.0, 10.0),
    "loss.lambdas.rgb": (0.1, 10.0),
    "loss.lambdas.audio": (0.005, 0.5),
    "loss.lambdas.flow": (0.1, 10.0),
    "loss.lambdas.rgbdiff": (0.1, 10.0),
    "policy_optimizer.lr": (1e-3, 2e-2),
}
"""Ranges around the published values: temperature 5, lambda 1 (audio: 0.05), learning rate 0.01."""
RANGES = {"gumbel.decay": (0.9, 1.0), "loss.gamma": (0.0, 10.0)}
"""Ranges that are searched on a linear scale."""

SPACE = StudySpace(
    name=__name__,
    suggest=partial(suggest, recognition=RECOGNITION, log_ranges=LOG_RANGES, ranges=RANGES),
    recognition=RECOGNITION,
    trials=40,
    joint=40,
    scheduler="front_asha",
    first_rung=5,
    eta=2,
    confirm_front=True,
)
