"""Optical flow that was computed when videos were prepared, and whether a config reads it."""

import json
import logging
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from adamml.config import Config

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFlow:
    """Properties of the flow that a manifest's videos have beside them.

    It goes from each frame to the next one, at the video's own rate.
    """

    algorithm: str
    """Name of the algorithm, an entry of media.flow.ALGORITHMS."""
    bound: float = 20.0
    """Largest displacement that is stored, in pixels of the stored size; larger ones are clipped
    to it."""
    short_side: int = 256
    """Largest short side of the frames that it was computed from, in pixels: the videos are no
    larger than this."""
    pairs: bool = False
    """True if it was made from pairs of pictures that the reference implementation prepared, False
    if it was computed here."""

    def __post_init__(self) -> None:
        """Check the fields, which may come from a file.

        Raises:
            ValueError: a field has the wrong type, or a number is not positive.
        """
        if not isinstance(self.algorithm, str):
            raise ValueError(f"algorithm must be a name, got {self.algorithm!r}")
        for value in (self.bound, self.short_side):
            # bool is a subtype of int, and JSON's true would pass for a bound of 1.
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"bound and short_side must be positive numbers, got {value!r}")

    @property
    def name(self) -> str:
        """Name of the folder that holds this flow."""
        return f"{self.algorithm}-{self.bound:g}{'-pairs' if self.pairs else ''}"

    def overrides(self, config: Config) -> dict[str, Any]:
        """Return the overrides that would make a config read this flow; empty if it does.

        Args:
            config: a config with flow among its inputs.
        """
        motion, rgb = config.motion, config.rgb
        pairs = {
            "motion.algorithm": (motion.algorithm, self.algorithm),
            "motion.bound": (motion.bound, self.bound),
            # Stored flow goes to the next frame, so every frame has to be kept.
            "motion.step": (motion.step, 1),
            "rgb.stored_every": (rgb.stored_every, 1),
            # Frames must not be shrunk below the flow's size: displacements count its pixels.
            "rgb.stored_short_side": (
                rgb.stored_short_side,
                max(rgb.stored_short_side, self.short_side),
            ),
        }
        return {path: stored for path, (current, stored) in pairs.items() if current != stored}


def parse_flow(text: str) -> StoredFlow:
    """Read the text that flow_text wrote.

    Raises:
        ValueError: text is not the JSON of a StoredFlow.
    """
    try:
        return StoredFlow(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"adamml.flow must be JSON with algorithm, bound and short_side, got {text[:200]!r}"
        ) from error


def flow_text(flow: StoredFlow) -> str:
    """Return the JSON that the manifest's metadata keeps of a stored flow."""
    return json.dumps(asdict(flow), sort_keys=True)


def reads(config: Config, flow: StoredFlow | None) -> bool:
    """Return whether a config reads flow and the flow it asks for is the stored one."""
    return flow is not None and "flow" in config.inputs and not flow.overrides(config)


def unread(config: Config, flow: StoredFlow | None) -> str:
    """Return advice for a config that asks for another flow than is stored; empty if it does not.

    Such a config works: flow is computed while videos are decoded, which takes longer.
    """
    if flow is None or "flow" not in config.inputs or not flow.overrides(config):
        return ""
    changes = " ".join(f"{path}={value}" for path, value in flow.overrides(config).items())
    motion = config.motion
    return (
        "The data folder's stored flow is not used, as the config asks for another one, which is "
        f"computed while videos are decoded. Asked for: {motion.algorithm}, bound "
        f"{motion.bound:g}, step {motion.step}, frames of {config.rgb.stored_short_side} pixels; "
        f"stored: {flow.algorithm}, bound {flow.bound:g}, step 1, frames of {flow.short_side} "
        f"pixels. To read the stored flow, add --override {changes}"
    )


@cache
def warn_once(message: str) -> None:
    """Log a warning, once per process and message."""
    log.warning(message)
