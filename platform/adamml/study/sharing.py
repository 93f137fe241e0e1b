"""How much training was saved by sharing unimodal networks: every trial begins with some."""

from collections import Counter
from collections.abc import Sequence

from adamml.config import Config, override
from adamml.records import TrialRecord
from adamml.trials.pretrained import unimodal_key

BEGIN_WITH_NETWORKS = ("trial", "fusion", "confirm")
UNIMODAL = ("unimodal", "confirm_unimodal")


def sharing(records: Sequence[TrialRecord], config: Config, data: str) -> dict[str, float]:
    """sharing.networks, sharing.uses and sharing.seconds_saved.

    What is saved is the training that every use but the first would have cost, each trial on its
    own; a network of an earlier study is saved from its first use on, and counts as one use less.

    Args:
        config: what the study's trials start from.
        data: the manifest's fingerprint.
    """
    uses: Counter[str] = Counter()
    for record in records:
        if record.kind in BEGIN_WITH_NETWORKS and record.epochs:
            own = override(config, record.overrides)
            uses.update(unimodal_key(own, m, data) for m in own.modalities)
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
