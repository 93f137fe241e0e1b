"""Space of the demo: the shape of kinetics_sounds over one small backbone per modality.

A choice of resnet10 and conv3 for rgb was tried and left: conv3 costs a thirtieth of resnet10, and
at seed 1 11 of 14 sampled trials had it, so that the chosen point lost 5.96 points
(docs/notebook/2026-11-22-accuracy-within-budget.md, form 3).
"""

from functools import partial

from adamml.study.options.space import StudySpace

from search_spaces.suggestions import suggest

RECOGNITION: dict[str, tuple[str, ...]] = {
    "rgb": ("resnet10",),
    "audio": ("conv3",),
    "flow": ("resnet10",),
    "rgbdiff": ("resnet10",),
}
"""Backbones that the search tries, by modality."""
LOG_RANGES = {
    "gumbel.temperature": (1.0, 10.0),
    "loss.lambdas.rgb": (0.3, 5.0),
    "loss.lambdas.audio": (0.005, 0.5),
    "loss.lambdas.flow": (0.3, 5.0),
    "loss.lambdas.rgbdiff": (0.3, 5.0),
    "policy_optimizer.lr": (5e-4, 5e-3),
}
"""Ranges in which policies become selective. In a first search over others (learning rates up to
0.02, gamma up to 10, lambda from 0.03 to 3) every trial computed all of rgb or none of it
(docs/notebook/2026-11-22-selective-policies.md)."""
RANGES = {"gumbel.decay": (0.9, 1.0), "loss.gamma": (0.0, 3.0)}
"""Ranges that are searched on a linear scale."""

SPACE = StudySpace(
    name=__name__,
    suggest=partial(suggest, recognition=RECOGNITION, log_ranges=LOG_RANGES, ranges=RANGES),
    recognition=RECOGNITION,
    # At seed 0 the three trials promoted after 20 were those promoted after 40
    # (docs/notebook/2026-11-29-demo-in-15-minutes.md).
    trials=20,
    joint=3,
    # The policy-only stage has four epochs, and an unfinished one says little of a trial: a
    # scheduler that is asked for compares trials at its end.
    scheduler="fifo",
    first_rung=4,
    eta=8,
    confirm_front=False,
)
