from adamml.records import TrialRecord
from adamml.study.baselines import TRAINED_FUSION
from adamml.study.selection import (
    average_is_stronger,
    choose,
    hypervolume,
    on_front,
    promoted,
    strongest_fusion,
)

REFERENCE = (0.125, 1.0)


def record(id: str, accuracy: float, gflops: float, **fields: object) -> TrialRecord:
    final = {"accuracy": accuracy, "gflops": gflops}
    defaults = {"kind": "trial", "method": "adamml", "fidelity": "joint", "status": "completed"}
    return TrialRecord(id=id, final=final, **{**defaults, **fields})  # type: ignore[arg-type]


ALWAYS_ON = record("trial-000", 0.90, 1.0, method="always_on")
AVERAGE = record(TRAINED_FUSION, 0.91, 1.0, kind="fusion", method="average")


def test_the_front_holds_trials_only() -> None:
    fusion = record("fusion-average", 0.99, 0.01, kind="fusion")
    cheap, dear, beaten = record("a", 0.8, 0.2), record("b", 0.9, 0.5), record("c", 0.7, 0.6)
    assert on_front([fusion, cheap, dear, beaten]) == {"a", "b"}
    assert on_front([]) == set()


def test_a_cheap_front_point_is_promoted_before_a_beaten_accurate_one() -> None:
    records = [record("a", 0.9, 0.5), record("b", 0.89, 0.6), record("c", 0.5, 0.1), ALWAYS_ON]
    assert {r.id for r in promoted(records, 2, REFERENCE)} == {"a", "c"}


def test_the_most_accurate_within_the_budget_is_promoted_first() -> None:
    records = [ALWAYS_ON, record("a", 0.5, 0.02), record("b", 0.9, 0.52), record("c", 0.89, 0.45)]
    assert [r.id for r in promoted(records, 1, REFERENCE)] == ["c"]
    assert len(promoted(records, 9, REFERENCE)) == 3


def test_one_at_the_edge_of_the_budget_is_promoted_second() -> None:
    """Its cost may fall in joint training, or rise."""
    records = [ALWAYS_ON, record("a", 0.7, 0.3), record("b", 0.9, 0.54), record("c", 0.1, 0.01)]
    assert [r.id for r in promoted(records, 2, REFERENCE)] == ["a", "b"]


def test_always_on_and_unfinished_trials_are_not_promoted() -> None:
    unfinished = TrialRecord(id="x", kind="trial", method="adamml")
    assert promoted([ALWAYS_ON, unfinished], 3, REFERENCE) == []


def test_the_strongest_fusion_is_trained_as_long() -> None:
    untrained = record("fusion-max", 0.99, 1.0, kind="fusion", method="max", fidelity="policy")
    found = strongest_fusion([untrained, ALWAYS_ON, AVERAGE])
    assert found is AVERAGE


def test_average_fusion_is_trained_only_where_it_is_stronger() -> None:
    average = record("fusion-average", 0.9, 1.0, kind="fusion", method="average")
    assert average_is_stronger([record("trial-000", 0.89, 1.0, method="always_on"), average])
    assert not average_is_stronger([record("trial-000", 0.9, 1.0, method="always_on"), average])
    assert not average_is_stronger([])


def test_the_chosen_trial_keeps_to_the_budget() -> None:
    dear, good, cheap = record("a", 0.95, 0.6), record("b", 0.9, 0.5), record("c", 0.7, 0.1)
    policy = record("d", 0.99, 0.1, fidelity="policy")
    assert choose([dear, good, cheap, policy, ALWAYS_ON], AVERAGE) is good
    assert choose([dear, ALWAYS_ON], AVERAGE) is dear
    assert choose([policy], AVERAGE) is None


def test_equally_accurate_trials_go_to_the_cheaper() -> None:
    dear, cheap = record("a", 0.9, 0.5), record("b", 0.9, 0.4)
    assert choose([dear, cheap], AVERAGE) is cheap


def test_hypervolume_is_a_fraction_of_the_box() -> None:
    assert hypervolume([record("a", 1.0, 0.0)], REFERENCE) == 1.0
    assert hypervolume([], REFERENCE) == 0.0
