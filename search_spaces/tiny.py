"""Space of the tiny recipe: the demo's ranges over conv3 alone."""

from functools import partial

from adamml.config import MODALITIES
from adamml.study.options.space import StudySpace

from search_spaces.demo import LOG_RANGES, RANGES
from search_spaces.suggestions import suggest

RECOGNITION: dict[str, tuple[str, ...]] = dict.fromkeys(MODALITIES, ("conv3",))
"""Backbones that the search tries, by modality."""

SPACE = StudySpace(
    name=__name__,
    suggest=partial(suggest, recognition=RECOGNITION, log_ranges=LOG_RANGES, ranges=RANGES),
    recognition=RECOGNITION,
    trials=4,
    joint=1,
    scheduler="fifo",
    first_rung=1,
    eta=2,
    confirm_front=True,
)
