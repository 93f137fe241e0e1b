"""Sharing of unimodal networks: how much training it has saved. Every trial begins with some."""

from collections import Counter
from collections.abc import Sequence

from adamml.config import Config, override
from adamml.records import TrialRecord
from adamml.trials.pretrained import unimodal_key

BEGIN_WITH_NETWORKS = ("trial", "fusion", "confirm")
"""Kinds of records that begin with unimodal networks."""
UNIMODAL = ("unimodal", "confirm_unimodal")
"""Kinds of records that are unimodal networks."""


def sharing(records: Sequence[TrialRecord], config: Config, data: str) -> dict[str, float]:
    """Return metrics: the networks, their uses by trials, and the seconds of training saved.

    Every use of a network but the first saves its training. The first use of a network that an
    earlier study has trained is a saving too, but is not counted.

    Args:
        records: of the study's trials.
        config: that the study's trials start from.
        data: fingerprint of the manifest.

    Returns:
        sharing.networks, sharing.uses and sharing.seconds_saved.
    """
    uses: Counter[str] = Counter()
    for record in records:
        if record.kind in BEGIN_WITH_NETWORKS and record.epochs:
            trial = override(config, record.overrides)
            uses.update(unimodal_key(trial, m, data) for m in trial.modalities)
    seconds = {
        record.id.rpartition("-")[2]: record.final["training_seconds"]
        for record in records
        if record.kind in UNIMODAL and "training_seconds" in record.final
    }
    saved = sum((count - 1) * seconds[key] for key, count in uses.items() if key in seconds)
    return {
        "sharing.networks": len(uses),
        "sharing.uses": sum(uses.values()),
        "sharing.seconds_saved": saved,
    }
