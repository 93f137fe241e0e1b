"""The cache of a slot's process between trials: videos, fixed views, segment logits.

All of it is a pure function of its key, so a trial's numbers do not depend on what ran before.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from cachetools import LRUCache

from adamml.config import Config, fingerprint
from adamml.data.cache.decoding import Decoding
from adamml.data.cache.frames import FrameSource
from adamml.data.cache.opening import open_frames
from adamml.data.manifest import Manifest, Split, load_manifest
from adamml.methods import Family
from adamml.training.fixed_views import FixedView, fixed_clips
from adamml.training.splits import Splits
from adamml.training.workers import Workers
from adamml.trials.pretrained import Unimodal, segment_logits

T = TypeVar("T")
_VALUES: LRUCache[str, object] = LRUCache(maxsize=24)


def _cached(key: str, make: Callable[[], T]) -> T:
    if key not in _VALUES:
        _VALUES[key] = make()
    return _VALUES[key]  # type: ignore[return-value]


def manifest_at(root: Path) -> Manifest:
    """Return the manifest of a folder, read once per process."""
    return _cached(f"manifest {root}", lambda: load_manifest(root))


class SplitFrames(dict[Split, FrameSource]):
    """Split -> frames, opened (and decoded, if no process has yet) on first use."""

    def __init__(self, manifest: Manifest, config: Config) -> None:
        super().__init__()
        self._manifest, self._config = manifest, config

    def __missing__(self, split: Split) -> FrameSource:
        part, config = self._manifest.split(split), self._config
        # Not the config's fingerprint: methods that read less share the files.
        decoding = fingerprint(asdict(Decoding.of(config)))
        key = f"frames {self._manifest.fingerprint} {split} {decoding}"
        return _cached(key, lambda: open_frames(part, config))


def splits_of(root: Path, config: Config, modalities: tuple[str, ...]) -> Splits:
    """Return a config's splits, decoded for all of the study's modalities, whichever it reads."""
    manifest = manifest_at(root)
    return Splits(manifest, config, SplitFrames(manifest, replace(config, modalities=modalities)))


def fixed_view(
    family: Family[Any],
    config: Config,
    unimodals: list[Unimodal],
    splits: Splits,
    split: Split,
    workers: Workers,
) -> FixedView:
    """Return a split as a method of this family trains on it without running recognition.

    The family decides what the view holds beside the segment logits of the
    unimodal networks, which are those of config.modalities in order.
    """
    dataset, caches = splits.fixed(split), family.caches
    where = f"{splits.manifest.fingerprint} {split} {_input_key(config)}"

    def logits(unimodal: Unimodal) -> torch.Tensor:
        key = f"logits {unimodal.folder} {where}"
        return _cached(key, lambda: segment_logits(unimodal, splits, split, workers))

    clips: dict[str, torch.Tensor] = {}
    if caches is not None:
        look, batch_size = caches.look, config.data.batch_size
        clips = _cached(
            f"clips {family.name} {where} {caches.key(config)}",
            lambda: fixed_clips(look(config), dataset, batch_size),
        )
    return FixedView(
        clips=clips,
        segment_logits=torch.stack([logits(u) for u in unimodals], dim=2),
        labels=dataset.labels,
    )


def _input_key(config: Config) -> str:
    parts = {"rgb": config.rgb, "motion": config.motion, "audio": config.audio}
    sizes = {"segments": config.data.test_segments, "inputs": config.inputs}
    return fingerprint(parts | sizes)
