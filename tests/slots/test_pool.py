"""Slots on a real Ray: warm workers, failing trials, a killed worker, Tune, what is left."""

import os
import signal
from pathlib import Path
from typing import Any

import ray
from adamml.slots.pool import Slots
from adamml.slots.relay import relay_trainable
from ray import tune
from ray.util.state import list_actors
from warm_slots import RAYS_OWN, address, alive, placed, run_one, wait_until


def test_many_trials_run_in_the_same_few_processes(slots: Slots) -> None:
    reports: dict[str, list[dict[str, Any]]] = {}
    specs = {f"many-{n}": {"kind": "succeed", "epochs": 2, "seconds": 0.02} for n in range(10)}
    ends = slots.run(specs, on_report=lambda id, m: reports.setdefault(id, []).append(m))
    assert {end["status"] for end in ends.values()} == {"completed"}
    assert all([m["epoch"] for m in reports[id]] == [1, 2] for id in specs)
    assert 1 <= len({m["pid"] for r in reports.values() for m in r}) <= 2


def test_a_slot_is_as_few_processes_as_ray_train_lets_it_be(slots: Slots) -> None:
    wait_until(lambda: len(slots.state()["ready"]) == 2)
    actors = list_actors(address(), filters=[("state", "=", "ALIVE")])
    assert sorted(a.class_name for a in actors if a.class_name not in RAYS_OWN) == [
        "Dispatcher",
        *["PlacementGroupCleaner"] * 2,
        *["RayTrainWorker"] * 2,
        *["SynchronizationActor"] * 2,
        *["TrainController"] * 2,
    ]


def test_a_trial_finds_its_threads_device_and_process_group(slots: Slots) -> None:
    end, (seen,) = run_one(slots, "describe", kind="describe")
    assert end["status"] == "completed"
    assert seen["threads"] == 1
    assert (seen["world_size"], seen["sum_of_ranks"]) == (1, 0)
    assert seen["device"] == "cpu"
    assert seen["slot"] in {"slot-0", "slot-1"}


def test_a_trial_that_raises_is_failed_with_its_traceback_and_its_slot_survives(
    slots: Slots,
) -> None:
    specs = {f"fail-{n}": {"kind": "fail"} for n in range(4)}
    pids: set[int] = set()
    before = slots.state()["restarts"]
    ends = slots.run(specs, on_report=lambda id, m: pids.add(m["pid"]))
    for end in ends.values():
        assert end["status"] == "failed"
        assert 'raise ValueError("this trial fails on purpose")' in end["error"]
        assert end["error"].endswith("ValueError: this trial fails on purpose\n")
    assert len(pids) <= 2
    assert slots.state()["restarts"] == before


def test_a_metric_that_is_not_finite_fails_the_trial_by_name(slots: Slots) -> None:
    end, reports = run_one(slots, "nan", kind="report_nan")
    assert end["status"] == "failed"
    assert "metric 'loss' must be finite, got nan" in end["error"]
    assert reports == []


def test_a_stopped_trial_leaves_its_slot_free(slots: Slots, folder: Path) -> None:
    ids = ["endless-0", "endless-1"]
    for id in ids:
        ray.get(slots.dispatcher.submit.remote(id, {"kind": "note_stop"}))
    wait_until(lambda: len(slots.state()["running"]) == 2)
    for id in ids:
        ray.get(slots.dispatcher.stop.remote(id))
    assert run_one(slots, "after-stop", kind="succeed", epochs=1)[0]["status"] == "completed"
    wait_until(lambda: slots.state()["running"] == {})
    assert [(folder / f"{id}-0").read_text() for id in ids] == ["stopped", "stopped"]


def test_tune_gets_every_report_stops_trials_and_hears_of_failures(
    slots: Slots, pair: Slots, folder: Path
) -> None:
    wait_until(lambda: ray.available_resources().get("CPU", 0) == 0)  # none is left for relays
    specs = [{"kind": "succeed", "epochs": 3}] * 3 + [{"kind": "note_stop"}, {"kind": "fail"}]
    tuner = tune.Tuner(
        relay_trainable(slots.dispatcher),
        param_space=tune.grid_search(
            [{"key": f"tune-{n}", "spec": s} for n, s in enumerate(specs)]
        ),
        tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=3),
        run_config=tune.RunConfig(
            name="relays",
            storage_path=str(folder),
            stop={"epoch": 5},
            verbose=0,
        ),
    )
    results = {r.config["key"]: r for r in tuner.fit()}
    for n in range(3):
        assert list(results[f"tune-{n}"].metrics_dataframe["epoch"]) == [1, 2, 3]
    assert results["tune-3"].metrics["epoch"] == 5
    wait_until(lambda: (folder / "tune-3-0").exists())
    assert (folder / "tune-3-0").read_text() == "stopped"
    assert "this trial fails on purpose" in str(results["tune-4"].error)
    assert [id for id, r in results.items() if r.error] == ["tune-4"]
    wait_until(lambda: slots.state()["running"] == {})


def test_a_trial_whose_worker_is_killed_goes_on_where_it_was(slots: Slots) -> None:
    reports: list[dict[str, Any]] = []

    def kill_at_second_epoch(_: str, metrics: dict[str, Any]) -> None:
        reports.append(metrics)
        if metrics["epoch"] == 2:
            os.kill(metrics["pid"], signal.SIGKILL)

    spec = {"kind": "succeed", "epochs": 6, "seconds": 0.3}
    ends = slots.run({"killed": spec}, on_report=kill_at_second_epoch)
    assert ends["killed"]["status"] == "completed"
    assert [m["epoch"] for m in reports] == [1, 2, 3, 4, 5, 6]
    assert {m["attempt"] for m in reports} == {1, 2}
    # The other slot may have taken it over long before this one is back.
    wait_until(lambda: sum(slots.state()["restarts"].values()) == 1)


def test_both_workers_of_a_slot_run_the_same_trial(pair: Slots) -> None:
    end, (seen,) = run_one(pair, "pair", kind="describe", ballast="x" * 4000)
    assert end["status"] == "completed"
    assert (seen["world_size"], seen["sum_of_ranks"], seen["spec_length"]) == (2, 1, 4000)


def test_all_workers_of_a_slot_hear_the_stop(pair: Slots, folder: Path) -> None:
    ray.get(pair.dispatcher.submit.remote("pair-stop", {"kind": "note_stop"}))
    wait_until(lambda: pair.state()["running"] != {})
    ray.get(pair.dispatcher.stop.remote("pair-stop"))
    wait_until(lambda: pair.state()["running"] == {})
    assert [(folder / f"pair-stop-{rank}").read_text() for rank in (0, 1)] == ["stopped"] * 2


def test_one_rank_that_raises_fails_the_trial_and_replaces_all_workers(pair: Slots) -> None:
    end, _ = run_one(pair, "pair-fail", kind="fail_on_last_rank")
    assert end["status"] == "failed"
    assert "ValueError: the last rank fails on purpose" in end["error"]
    end, reports = run_one(pair, "pair-after", kind="succeed", epochs=2)
    assert end["status"] == "completed"
    assert [(m["epoch"], m["attempt"]) for m in reports] == [(1, 1), (2, 1)]
    assert pair.state()["restarts"] == {"slot-0": 1}


def test_a_closed_study_leaves_nothing_behind(slots: Slots, pair: Slots, folder: Path) -> None:
    """Last in this module: it closes the slots that the others shared."""
    ray.get(slots.dispatcher.submit.remote("unfinished", {"kind": "note_stop"}))
    wait_until(lambda: slots.state()["running"] != {})
    wait_until(lambda: len(alive("RayTrainWorker")) == 4, 60)
    workers = alive("RayTrainWorker")
    slots.close()
    pair.close()
    assert (folder / "unfinished-0").read_text() == "closed"
    wait_until(lambda: not alive() and not placed(), 30)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert list((folder / "train").glob("*")) == []
