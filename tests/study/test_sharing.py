import pytest
from adamml.config import override
from adamml.recipes import tiny
from adamml.records import EpochRecord, TrialRecord
from adamml.study.sharing import sharing
from adamml.trials.pretrained import unimodal_key

EPOCH = EpochRecord(epoch=1, stage="policy_only", time=0.0, metrics={})


def network(modality: str, seconds: float, **overrides: int) -> TrialRecord:
    key = unimodal_key(override(tiny(), overrides), modality, "data")
    final = {"quality": 0.5, "gflops": 0.1, "training_seconds": seconds}
    return TrialRecord(id=f"unimodal-{modality}-{key}", kind="unimodal", final=final)


def trial(id: str, **overrides: object) -> TrialRecord:
    return TrialRecord(id=id, overrides=overrides, epochs=[EPOCH])


def test_every_use_but_the_first_is_saved() -> None:
    records = [network("rgb", 100.0), network("audio", 10.0)]
    records += [trial(f"trial-{n}", **{"loss.gamma": float(n)}) for n in range(5)]
    found = sharing(records, tiny(), "data")
    assert (found["sharing.networks"], found["sharing.uses"]) == (2, 10)
    assert found["sharing.seconds_saved"] == pytest.approx(4 * 110.0)


def test_another_seed_has_networks_of_its_own_and_one_modality_needs_one() -> None:
    records = [network("rgb", 100.0), network("rgb", 100.0, seed=7)]
    records += [trial("a", modalities=["rgb"]), trial("b", modalities=["rgb"], seed=7)]
    found = sharing(records, tiny(), "data")
    assert (found["sharing.networks"], found["sharing.uses"]) == (2, 2)
    assert found["sharing.seconds_saved"] == 0.0


def test_a_trial_that_never_trained_used_nothing() -> None:
    waiting = TrialRecord(id="trial-1")
    assert sharing([network("rgb", 1.0), waiting], tiny(), "data")["sharing.uses"] == 0
