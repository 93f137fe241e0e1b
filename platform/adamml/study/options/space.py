"""Interface of search spaces: the points to search, and defaults of the studies that do so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import optuna


class Suggest(Protocol):
    """Define-by-run function of a search space."""

    def __call__(self, trial: optuna.Trial, modalities: Sequence[str]) -> dict[str, Any]:
        """Ask a trial for one point, and return the overrides that are the same in every trial.

        Names are dotted paths of the config.
        """


@dataclass(frozen=True, kw_only=True)
class StudySpace:
    """Search space of a recipe, and the defaults of the studies that search it.

    An option of the sweep with the same name takes precedence over a default here.
    """

    name: str
    """Name of the module that defines the space. study.json stores it as "space"."""
    suggest: Suggest
    """Function that asks a trial for one point of the space over some modalities."""
    recognition: Mapping[str, tuple[str, ...]]
    """Backbones that the search tries for recognition, by modality; a unimodal network is trained
    for each."""
    trials: int
    """Number of trials, always-on fusion and the published setting included."""
    joint: int
    """Number of trials that are trained jointly after the policy-only stage, besides always-on
    fusion. A scheduler that stops trials decides this itself."""
    scheduler: str
    """Scheduler that stops trials early; "fifo" stops none."""
    first_rung: int
    """Policy epochs before a scheduler compares a trial with others."""
    eta: int
    """Factor between the policy epochs of one rung and the next; one in eta trials goes on."""
    confirm_front: bool
    """True to retrain the whole front with fresh seeds, False for the chosen trial and always-on
    fusion only."""

    def __post_init__(self) -> None:
        empty = [modality for modality, names in self.recognition.items() if not names]
        if empty:
            raise ValueError(f"recognition must have a backbone per modality, got none for {empty}")
        for field, least in (("trials", 2), ("joint", 1), ("first_rung", 1), ("eta", 2)):
            if getattr(self, field) < least:
                raise ValueError(f"{field} must be at least {least}, got {getattr(self, field)}")
        if self.joint > self.trials:
            raise ValueError(f"joint must be at most trials, {self.trials}, got {self.joint}")
