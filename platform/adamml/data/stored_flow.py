"""Flow that was computed when videos were prepared: what it is, and whether a config reads it."""

import json
import logging
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from adamml.config import Config

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFlow:
    """Of every video of a manifest, from each frame to the next one, at the video's own rate."""

    algorithm: str
    """An entry of flow.ALGORITHMS."""
    bound: float = 20.0
    """In pixels of the stored size; what was larger is clipped."""
    short_side: int = 256
    """Of the frames it was computed from, in pixels, at most: videos are no larger than this."""
    pairs: bool = False
    """Taken from pictures that the reference prepared, not computed here."""

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, str):
            raise ValueError(f"algorithm must be a name, got {self.algorithm!r}")
        for value in (self.bound, self.short_side):
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ValueError(f"bound and short_side must be positive numbers, got {value!r}")

    @property
    def name(self) -> str:
        """Of the folder it lies in."""
        return f"{self.algorithm}-{self.bound:g}{'-pairs' if self.pairs else ''}"

    def overrides(self, config: Config) -> dict[str, Any]:
        """What would have to change in a config that reads flow, so that it is this one."""
        motion, rgb = config.motion, config.rgb
        wanted = {
            "motion.algorithm": (motion.algorithm, self.algorithm),
            "motion.bound": (motion.bound, self.bound),
            "motion.step": (motion.step, 1),
            "rgb.stored_every": (rgb.stored_every, 1),
            "rgb.stored_short_side": (
                rgb.stored_short_side,
                max(rgb.stored_short_side, self.short_side),
            ),
        }
        return {path: there for path, (here, there) in wanted.items() if here != there}


def parse_flow(text: str) -> StoredFlow:
    """
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
    return json.dumps(asdict(flow), sort_keys=True)


def reads(config: Config, flow: StoredFlow | None) -> bool:
    """Whether the flow that this config asks for is the one that is stored."""
    return flow is not None and "flow" in config.inputs and not flow.overrides(config)


def unread(config: Config, flow: StoredFlow | None) -> str:
    """What to tell a user whose config asks for another flow than is stored; empty if none does."""
    if flow is None or "flow" not in config.inputs or not flow.overrides(config):
        return ""
    changes = " ".join(f"{path}={value}" for path, value in flow.overrides(config).items())
    motion = config.motion
    return (
        f"flow is computed while videos are decoded ({motion.algorithm}, bound {motion.bound:g}, "
        f"step {motion.step}, frames of {config.rgb.stored_short_side} pixels), as the data folder "
        f"has another one ({flow.algorithm}, bound {flow.bound:g}, step 1, frames of "
        f"{flow.short_side} pixels); --override {changes} would read it"
    )


@cache
def warn_once(message: str) -> None:
    """In each process."""
    log.warning(message)
