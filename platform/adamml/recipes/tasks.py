"""Tasks: which modalities there are to choose among, and what follows from that alone."""

from adamml.config import MODALITIES

Modalities = tuple[str, ...]
RGB_AUDIO: Modalities = ("rgb", "audio")
PUBLISHED_LAMBDAS: dict[Modalities, dict[str, float]] = {
    ("rgb", "audio"): {"rgb": 1.0, "audio": 0.05},
    ("rgb", "flow"): {"rgb": 1.0, "flow": 1.0},
    ("rgb", "audio", "flow"): {"rgb": 0.5, "audio": 0.05, "flow": 0.8},
}
"""paper.md 1.3."""
OTHER_LAMBDAS = {"rgb": 1.0, "audio": 0.05, "flow": 1.0, "rgbdiff": 1.0}
"""For tasks that nothing was published for."""


def parse_task(task: str) -> Modalities:
    """ "rgb+flow+audio" -> its modalities in the order of MODALITIES.

    Raises:
        ValueError: an unknown modality, one that is there twice, or none.
    """
    names = task.split("+")
    if not set(names) <= set(MODALITIES) or len(set(names)) < len(names):
        raise ValueError(
            f"task must be modalities of {', '.join(MODALITIES)}, each once, joined by +, "
            f"got {task!r}"
        )
    return tuple(m for m in MODALITIES if m in names)


def lambdas(modalities: Modalities) -> dict[str, float]:
    """The published weights of usage, or those of the same modalities elsewhere."""
    return PUBLISHED_LAMBDAS.get(modalities) or {m: OTHER_LAMBDAS[m] for m in modalities}


def proxies(modalities: Modalities) -> dict[str, str]:
    """The policy looks at differences of frames instead of flow (the poster's better variant)."""
    return {"flow": "rgbdiff"} if "flow" in modalities else {}
