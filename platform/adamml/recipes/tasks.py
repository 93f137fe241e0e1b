"""Tasks: the modalities that a policy chooses among, and what follows from them alone."""

from adamml.config import MODALITIES

Modalities = tuple[str, ...]
"""Type of a task: modalities in the order of the axis M."""
RGB_AUDIO: Modalities = ("rgb", "audio")
"""The task of every recipe unless another is asked for."""
PUBLISHED_LAMBDAS: dict[Modalities, dict[str, float]] = {
    ("rgb", "audio"): {"rgb": 1.0, "audio": 0.05},
    ("rgb", "flow"): {"rgb": 1.0, "flow": 1.0},
    ("rgb", "audio", "flow"): {"rgb": 0.5, "audio": 0.05, "flow": 0.8},
}
"""Published weights of usage in the loss, for the tasks that have them (docs/paper.md 1.3, "Lambda
and gamma")."""
DEFAULT_LAMBDAS = {"rgb": 1.0, "audio": 0.05, "flow": 1.0, "rgbdiff": 1.0}
"""Weights of usage for any other task: this platform's choice, after the published ones."""


def parse_task(task: str) -> Modalities:
    """Return the modalities of a task in the order of MODALITIES.

    >>> parse_task("rgb+flow+audio")
    ('rgb', 'audio', 'flow')

    Raises:
        ValueError: an unknown modality, one that is named twice, or none at all.
    """
    names = task.split("+")
    if not set(names) <= set(MODALITIES) or len(set(names)) < len(names):
        raise ValueError(
            f"task must be modalities of {', '.join(MODALITIES)}, each once, joined by +, "
            f"got {task!r}"
        )
    return tuple(m for m in MODALITIES if m in names)


def lambdas(modalities: Modalities) -> dict[str, float]:
    """Return modality -> its weight of usage: the published one for this task, else a default."""
    return PUBLISHED_LAMBDAS.get(modalities) or {m: DEFAULT_LAMBDAS[m] for m in modalities}


def proxies(modalities: Modalities) -> dict[str, str]:
    """Return modality -> the modality that the policy looks at in its place.

    Differences of frames stand for flow. That variant, AdaMML-RGBDiff, is the more accurate of the
    two that the poster has (docs/paper.md 1.1).
    """
    return {"flow": "rgbdiff"} if "flow" in modalities else {}
