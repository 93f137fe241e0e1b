"""What a slot's process keeps between trials: decoded videos, fixed views, segment logits.

All of it is a pure function of its key, so a trial's numbers do not depend on what ran before.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import torch

from adamml.config import Config, fingerprint
from adamml.data.cache.decoding import Decoding
from adamml.data.cache.frames import FrameSource
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import Manifest, Split, load_manifest
from adamml.models.adamml import build_adamml
from adamml.training.fixed_views import FixedView, policy_clips_of
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from adamml.trials.pretrained import Unimodal, segment_logits

T = TypeVar("T")
KEPT = 24


@dataclass
class Kept:
    """The least recently used values are dropped."""

    values: OrderedDict[str, object] = field(default_factory=OrderedDict)

    def get(self, key: str, make: Callable[[], T]) -> T:
        if key not in self.values:
            self.values[key] = make()
            if len(self.values) > KEPT:
                self.values.popitem(last=False)
        self.values.move_to_end(key)
        return self.values[key]  # type: ignore[return-value]


_KEPT = Kept()


def manifest_at(root: Path) -> Manifest:
    return _KEPT.get(f"manifest {root}", lambda: load_manifest(root))


class SplitFrames(dict[Split, FrameSource]):
    """Split -> frames, opened (and decoded, where nobody has yet) on first use."""

    def __init__(self, manifest: Manifest, config: Config) -> None:
        super().__init__()
        self._manifest, self._config = manifest, config

    def __missing__(self, split: Split) -> FrameSource:
        part, config = self._manifest.split(split), self._config
        kept = fingerprint(asdict(Decoding.of(config)))  # methods that read less share the files
        key = f"frames {self._manifest.fingerprint} {split} {kept}"
        return _KEPT.get(key, lambda: open_frames(part, config))


def splits_of(root: Path, config: Config, modalities: tuple[str, ...]) -> Splits:
    """A config's splits, decoded for all of the study's modalities, whichever it reads."""
    manifest = manifest_at(root)
    return Splits(manifest, config, SplitFrames(manifest, replace(config, modalities=modalities)))


def fixed_view(
    config: Config, unimodals: list[Unimodal], splits: Splits, split: Split, workers: Workers
) -> FixedView:
    """What the policy sees of a split, and the frozen unimodal networks' segment logits."""
    where = f"{splits.manifest.fingerprint} {split} {_input_key(config)}"
    seen = fingerprint(
        {
            "p": config.policy.kind,
            "s": config.policy_inputs,
            "x": config.policy.pixels,
            "f": config.policy.frame_step,
            "draws": config.seed if "draws" in config.inputs else None,
        }
    )

    def clips() -> dict[str, torch.Tensor]:
        model = build_adamml(config, config.data.num_classes)
        return policy_clips_of(model, splits.fixed(split), config.data.batch_size)

    def logits(unimodal: Unimodal) -> torch.Tensor:
        key = f"logits {unimodal.folder} {where}"
        return _KEPT.get(key, lambda: segment_logits(unimodal, splits, split, workers))

    return FixedView(
        policy_clips=_KEPT.get(f"clips {where} {seen}", clips),
        segment_logits=torch.stack([logits(u) for u in unimodals], dim=2),
        labels=splits.fixed(split).labels,
    )


def _input_key(config: Config) -> str:
    parts = {"rgb": config.rgb, "motion": config.motion, "audio": config.audio}
    sizes = {"segments": config.data.test_segments, "inputs": config.inputs}
    return fingerprint(parts | sizes)
