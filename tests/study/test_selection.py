from adamml.records import TrialRecord
from adamml.study.selection import (
    OperatingPoint,
    average_is_stronger,
    choose,
    hypervolume,
    on_front,
    promoted,
    strongest_fusion,
    unbiased_point,
)
from adamml.study.specs import TRAINED_FUSION

REFERENCE = (0.125, 1.0)


def record(id: str, accuracy: float, gflops: float, **fields: object) -> TrialRecord:
    final = {"quality": accuracy, "gflops": gflops}
    defaults = {"kind": "trial", "method": "adamml", "fidelity": "joint", "status": "completed"}
    known = {**defaults, **fields}
    finals = {"finals": {known["fidelity"]: final}}
    return TrialRecord(id=id, final=final, **{**finals, **known})  # type: ignore[arg-type]


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


def test_one_just_above_the_budget_is_promoted_third() -> None:
    """A decision bias brings it down."""
    records = [ALWAYS_ON, record("a", 0.7, 0.3), record("b", 0.9, 0.54), record("c", 0.1, 0.01)]
    records += [record("d", 0.95, 0.65), record("e", 0.97, 0.9)]
    assert [r.id for r in promoted(records, 3, REFERENCE)] == ["a", "b", "d"]


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


def test_what_joint_training_makes_of_always_on_does_not_change_that() -> None:
    average = record("fusion-average", 0.9, 1.0, kind="fusion", method="average", fidelity="policy")
    for before, after in ((0.89, 0.95), (0.92, 0.85)):
        finals = {"policy": {"quality": before}, "joint": {"quality": after}}
        always_on = record("trial-000", after, 1.0, method="always_on", finals=finals)
        assert average_is_stronger([always_on, average]) == (before < 0.9)


def chosen(records: list[TrialRecord]) -> OperatingPoint:
    found = choose(records, AVERAGE)
    assert found is not None
    return found


def test_the_chosen_trial_keeps_to_the_budget() -> None:
    dear, good, cheap = record("a", 0.95, 0.6), record("b", 0.9, 0.5), record("c", 0.7, 0.1)
    policy = record("d", 0.99, 0.1, fidelity="policy")
    assert chosen([dear, good, cheap, policy, ALWAYS_ON]) == unbiased_point(good)
    assert chosen([dear, ALWAYS_ON]).record is dear
    assert choose([policy, ALWAYS_ON], AVERAGE) is None
    assert choose([good], None) is None


def test_equally_accurate_trials_go_to_the_cheaper() -> None:
    dear, cheap = record("a", 0.9, 0.5), record("b", 0.9, 0.4)
    assert chosen([dear, cheap]).record is cheap


def test_hypervolume_is_a_fraction_of_the_box() -> None:
    assert hypervolume([record("a", 1.0, 0.0)], REFERENCE) == 1.0
    assert hypervolume([], REFERENCE) == 0.0


def with_points(record: TrialRecord, *points: tuple[float, float, float]) -> TrialRecord:
    """Each (bias of rgb, accuracy, gflops); the unbiased one is added."""
    all_points = [(0.0, record.final["quality"], record.final["gflops"]), *points]
    record.operating_points = [
        {"quality": a, "gflops": g, "bias.rgb": b, "bias.audio": 0.0} for b, a, g in all_points
    ]
    return record


def test_a_point_of_any_jointly_trained_trial_may_be_chosen() -> None:
    near = with_points(record("a", 0.9, 0.5), (0.2, 0.92, 0.54), (1.0, 0.99, 0.56))
    dear = with_points(record("b", 0.97, 0.9), (-1.5, 0.95, 0.5))
    policy = with_points(record("c", 0.8, 0.2, fidelity="policy"), (1.0, 0.99, 0.3))
    found = chosen([near, dear, policy, with_points(ALWAYS_ON, (-1.0, 0.99, 0.1))])
    assert (found.record, found.bias) == (dear, {"rgb": -1.5, "audio": 0.0})


def test_without_a_better_point_a_trial_is_chosen_unbiased_point() -> None:
    same_cost = with_points(record("a", 0.9, 0.5), (0.2, 0.9, 0.5), (-1.0, 0.8, 0.1))
    assert chosen([same_cost]).bias == {}
    moved = with_points(record("b", 0.85, 0.4), (0.2, 0.9, 0.49))
    assert chosen([moved, same_cost]).record is same_cost
    cheaper = record("c", 0.9, 0.49)
    assert chosen([same_cost, cheaper]).record is cheaper


def test_of_points_that_are_as_good_the_one_nearest_to_its_training_is_chosen() -> None:
    """The most accurate of hundreds of points is lucky; a trial as it is was not picked."""

    def trial(id: str, cost: float, *points: tuple[float, float]) -> TrialRecord:
        made = with_points(record(id, 0.9, cost), *((1.0, a, g) for a, g in points))
        for point in made.operating_points:
            point["quality_se"] = 0.004
        return made

    lucky, near = trial("a", 0.2, (0.99, 0.5)), trial("b", 0.6, (0.987, 0.5), (0.988, 0.45))
    found = chosen([lucky, near])
    assert (found.record, found.point["quality"]) == (near, 0.987)
    far = trial("c", 0.6, (0.985, 0.5))
    assert chosen([lucky, far]).record is lucky, "worse by more than a standard error"


def test_a_point_counts_as_tested_under_its_own_bias_only() -> None:
    trial = with_points(record("a", 0.97, 0.9), (-1.5, 0.95, 0.5))
    moved, plain = chosen([trial]), unbiased_point(trial)
    assert not moved.tested
    assert not plain.tested
    trial.test = {"test_quality": 0.9, "test_bias.rgb": -1.5, "test_bias.audio": 0.0}
    assert moved.tested
    assert not plain.tested
    trial.test |= {"test_bias.rgb": 0.0}
    assert plain.tested
    assert not moved.tested


def test_points_change_neither_the_front_nor_hypervolume_nor_who_is_promoted() -> None:
    plain = [record("a", 0.9, 0.5), record("b", 0.7, 0.1), ALWAYS_ON]
    moved = [with_points(record("a", 0.9, 0.5), (1.0, 1.0, 0.01)), *plain[1:]]
    assert on_front(moved) == on_front(plain)
    assert hypervolume(moved, REFERENCE) == hypervolume(plain, REFERENCE)
    assert [r.id for r in promoted(moved, 2, REFERENCE)] == [
        r.id for r in promoted(plain, 2, REFERENCE)
    ]
