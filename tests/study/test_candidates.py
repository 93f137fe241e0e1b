from adamml.recipes import tiny
from adamml.records import TrialRecord
from adamml.study.candidates import Candidate, candidates


def trial(number: int, method: str, accuracy: float, gflops: float, **tags: str) -> TrialRecord:
    final = {"quality": accuracy, "gflops": gflops}
    point = final | {"bias.rgb": 0.0, "bias.audio": 0.0}
    better = {"quality": accuracy + 0.02, "gflops": 0.5, "bias.rgb": -1.0, "bias.audio": 0.0}
    return TrialRecord(
        id=f"trial-{number:03d}",
        method=method,
        name=f"{number:03d} {method}",
        final=final,
        fidelity="joint" if number < 4 else "policy",
        status="completed",
        overrides={"seed": 0, "loss.gamma": number},
        operating_points=[point, better] if method != "always_on" else [],
        tags={"on_front": "false"} | tags,
    )


RECORDS = [
    trial(0, "always_on", 0.9, 1.0, on_front="true"),
    trial(1, "published", 0.5, 0.9),
    trial(2, "adamml", 0.7, 0.3, on_front="true"),
    trial(3, "adamml", 0.89, 0.6),
    trial(4, "adamml", 0.6, 0.1, on_front="true"),
    trial(5, "adamml", 0.1, 0.9),
]
BASE = {"seed": 0, "data.batch_size": 8}


def found(records: list[TrialRecord], whole_front: bool) -> list[Candidate]:
    return candidates(records, tiny(), BASE, whole_front=whole_front)


def test_the_fusion_and_the_chosen_point_are_enough() -> None:
    fusion, chosen = found(RECORDS, whole_front=False)
    assert (fusion.key, fusion.within_budget) == ("trial-000", False)
    assert (chosen.key, chosen.within_budget) == ("trial-003", True)
    assert chosen.searched == {"quality": 0.91, "gflops": 0.5}, "as the search saw the point"
    assert fusion.searched == {"quality": 0.9, "gflops": 1.0}


def test_the_whole_front_has_every_configuration_once() -> None:
    keys = [c.key for c in found(RECORDS, whole_front=True)]
    assert keys == ["trial-000", "trial-003", "trial-001", "trial-002", "trial-004", "rgb", "audio"]


def test_each_is_trained_through_all_stages_from_another_seed() -> None:
    by_key = {c.key: c.at(1001) for c in found(RECORDS, whole_front=True)}
    assert {(a.kind, a.fidelity) for a in by_key.values()} == {("confirm", "joint")}
    assert all(a.overrides["seed"] == 1001 for a in by_key.values())
    assert by_key["trial-004"].overrides["loss.gamma"] == 4
    assert by_key["rgb"].overrides["modalities"] == ["rgb"]
    assert by_key["rgb"].overrides["data.batch_size"] == 8
    assert by_key["rgb"].key == "confirm confirm-rgb-seed-1001 joint"


def test_without_a_trained_fusion_there_is_nothing_to_confirm() -> None:
    assert found([r for r in RECORDS if r.fidelity == "policy"], whole_front=False) == []
