"""The dispatcher as plain asyncio: no ray, no processes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from adamml.study.dispatcher import LEAVE, MAX_SILENT_ATTEMPTS, Dispatcher


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


def dispatcher(*slots: str) -> Dispatcher:
    return Dispatcher(slots or ("a", "b"), poll_s=0.02)


async def end_of(d: Dispatcher, id: str) -> dict[str, Any]:
    after = 0
    while not (record := await d.next_report(id, after) or {}).get("done"):
        after += 1
    return record


def test_trials_are_handed_out_by_priority_then_in_order() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id, priority in (("first", 0), ("second", 0), ("urgent", 1)):
            await d.submit(id, {"x": id}, priority)
        assert (await d.state())["waiting"] == ["urgent", "first", "second"]
        a, b = await d.next_assignment("a", "1"), await d.next_assignment("b", "1")
        assert a == {"id": "urgent", "attempt": 1, "spec": {"x": "urgent"}}
        assert b == {"id": "first", "attempt": 1, "spec": {"x": "first"}}
        assert (await d.state())["running"] == {"a": "urgent", "b": "first"}
        assert await d.spec("second") == {"x": "second"}

    play(scene())


def test_an_idle_slot_is_told_to_ask_again_and_hears_of_the_next_trial_at_once() -> None:
    async def scene() -> None:
        d = Dispatcher(["a"], poll_s=0.02)
        assert await d.next_assignment("a", "1") is None
        d = Dispatcher(["a"], poll_s=60.0)
        asked = asyncio.create_task(d.next_assignment("a", "1"))
        await asyncio.sleep(0)
        await d.submit("t", {})
        assert (await asyncio.wait_for(asked, 1))["id"] == "t"  # type: ignore[index]

    play(scene())


def test_submitting_twice_is_one_trial() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {"x": 1})
        await d.submit("t", {"x": 2})
        assert (await d.next_assignment("a", "1")) == {"id": "t", "attempt": 1, "spec": {"x": 1}}
        await d.submit("t", {})
        assert await d.next_assignment("b", "1") is None
        await d.finish("a", "t", 1, "completed")
        await d.submit("t", {})
        assert await d.next_assignment("b", "1") is None
        assert (await end_of(d, "t"))["status"] == "completed"

    play(scene())


def test_reports_come_in_order_then_the_end() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        assert await d.next_report("t", 0) is None
        await d.next_assignment("a", "1")
        for epoch in (1, 2):
            assert await d.report("a", "t", 1, {"epoch": epoch}) == "go"
        assert await d.finish("a", "t", 1, "completed")
        assert [await d.next_report("t", n) for n in range(3)] == [
            {"epoch": 1},
            {"epoch": 2},
            {"done": True, "status": "completed", "error": None},
        ]

    play(scene())


def test_a_relay_that_is_tried_again_replays_nothing() -> None:
    async def scene() -> None:
        d = dispatcher()
        assert await d.submit("t", {}) == 0
        await d.next_assignment("a", "1")
        for epoch in (1, 2, 3):
            await d.report("a", "t", 1, {"epoch": epoch})
        for after in (0, 1, 2):  # asking for the third says that two were repeated to Tune
            await d.next_report("t", after)
        after = await d.submit("t", {})
        assert after == 2
        assert await d.next_report("t", after) == {"epoch": 3}

    play(scene())


def test_a_repeated_report_is_dropped_and_a_final_one_of_the_same_epoch_is_not() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_assignment("a", "1")
        await d.report("a", "t", 1, {"epoch": 1, "loss": 0.5})
        await d.next_assignment("a", "2")
        assert await d.report("a", "t", 2, {"epoch": 1, "loss": 0.5}) == "go"
        assert await d.report("a", "t", 2, {"epoch": 1, "accuracy": 0.9}) == "go"
        await d.finish("a", "t", 2, "completed")
        assert await d.next_report("t", 1) == {"epoch": 1, "accuracy": 0.9}
        assert (await d.next_report("t", 2) or {})["done"]

    play(scene())


def test_a_slot_back_from_the_dead_gets_its_trial_with_the_next_attempt() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        first = await d.next_assignment("a", "1")
        assert await d.next_assignment("a", "1") == first  # its answer was lost: no new attempt
        assert await d.next_assignment("a", "2") == {"id": "t", "attempt": 2, "spec": {}}
        assert (await d.state())["restarts"] == {"a": 1}

    play(scene())


def test_reports_of_older_attempts_are_refused() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_assignment("a", "1")
        await d.next_assignment("a", "2")
        assert await d.report("a", "t", 1, {"epoch": 1}) == "stale"
        assert not await d.finish("a", "t", 1, "failed", "late")
        await d.slot_lost("a", "its node went away")
        assert await d.next_assignment("b", "1") == {"id": "t", "attempt": 3, "spec": {}}
        assert await d.report("a", "t", 2, {"epoch": 1}) == "stale"
        assert await d.report("b", "t", 3, {"epoch": 1}) == "go"
        assert await d.next_report("t", 0) == {"epoch": 1}

    play(scene())


def test_a_trial_that_only_kills_its_slot_is_failed() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("poison", {})
        await d.submit("next", {})
        for incarnation in range(MAX_SILENT_ATTEMPTS):
            told = await d.next_assignment("a", str(incarnation))
            assert told == {"id": "poison", "attempt": incarnation + 1, "spec": {}}
        told = await d.next_assignment("a", "after")
        assert told == {"id": "next", "attempt": 1, "spec": {}}
        end = await end_of(d, "poison")
        assert end["status"] == "failed"
        assert "3 attempts in a row died" in end["error"]

    play(scene())


def test_a_trial_that_moves_on_between_deaths_is_kept() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        for n in range(1, 4 * MAX_SILENT_ATTEMPTS):
            told = await d.next_assignment("a", str(n))
            assert told == {"id": "t", "attempt": n, "spec": {}}
            await d.report("a", "t", n, {"epoch": n})

    play(scene())


def test_a_waiting_trial_that_is_stopped_never_starts() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.stop("t")
        assert await d.next_assignment("a", "1") is None
        assert (await d.next_report("t", 0) or {})["status"] == "stopped"

    play(scene())


def test_a_running_trial_hears_the_stop_at_its_report_and_its_relay_at_once() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.submit("next", {})
        await d.next_assignment("a", "1")
        await d.stop("t")
        assert (await d.next_report("t", 0) or {})["status"] == "stopped"
        assert await d.report("a", "t", 1, {"epoch": 1}) == "stopped"
        assert await d.finish("a", "t", 1, "stopped")
        assert (await d.next_assignment("a", "1")) == {"id": "next", "attempt": 1, "spec": {}}

    play(scene())


def test_a_stopped_trial_is_not_given_to_its_slot_again() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_assignment("a", "1")
        await d.stop("t")
        assert await d.next_assignment("a", "2") is None
        assert (await d.state())["running"] == {}

    play(scene())


def test_stopping_a_finished_or_unknown_trial_changes_nothing() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_assignment("a", "1")
        await d.finish("a", "t", 1, "completed")
        await d.stop("t")
        await d.stop("nobody")
        assert (await end_of(d, "t"))["status"] == "completed"

    play(scene())


def test_the_trial_of_a_lost_slot_is_next_in_line() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("t", "later"):
            await d.submit(id, {})
        await d.next_assignment("a", "1")
        await d.slot_lost("a", "no room")
        assert (await d.state())["waiting"] == ["t", "later"]
        assert await d.next_assignment("b", "1") == {"id": "t", "attempt": 2, "spec": {}}
        assert (await d.state())["lost"] == {"a": "no room"}

    play(scene())


def test_without_any_slot_left_trials_fail_with_the_reason() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.submit("t", {})
        await d.slot_lost("a", "no room")
        await d.submit("late", {})
        for id in ("t", "late"):
            end = await end_of(d, id)
            assert end["status"] == "failed"
            assert "no slot is left to run it (a: no room)" in end["error"]

    play(scene())


def test_a_slot_that_was_lost_may_join_again() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.slot_lost("a", "no room")
        await d.next_assignment("a", "2")
        await d.submit("t", {})
        assert (await d.next_assignment("a", "2")) == {"id": "t", "attempt": 1, "spec": {}}
        assert (await d.state())["lost"] == {}

    play(scene())


def test_closing_stops_open_trials_and_sends_slots_home() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("running", "waiting"):
            await d.submit(id, {})
        await d.next_assignment("a", "1")
        idle = asyncio.create_task(Dispatcher.next_assignment(d, "b", "1"))
        await d.close()
        assert await d.report("a", "running", 1, {"epoch": 1}) == "closed"
        await d.finish("a", "running", 1, "stopped")
        assert await d.next_assignment("a", "1") == LEAVE
        assert await idle == LEAVE
        await d.submit("late", {})
        for id in ("running", "waiting", "late"):
            assert (await end_of(d, id))["status"] == "stopped"

    play(scene())


def test_asking_for_an_unknown_trial_is_an_error() -> None:
    with pytest.raises(KeyError):
        play(dispatcher().next_report("nobody", 0))  # type: ignore[arg-type]


def test_at_a_rung_a_report_waits_for_the_verdict() -> None:
    async def scene() -> None:
        d = Dispatcher(["a"], poll_s=60.0)
        for id in ("goes on", "is stopped"):
            await d.submit(id, {"rungs": [2]})
            await d.next_assignment("a", id)
            assert await d.report("a", id, 1, {"epoch": 1, "policy_epoch": 1}) == "go"
            told = asyncio.create_task(d.report("a", id, 1, {"epoch": 2, "policy_epoch": 2}))
            assert await d.next_report(id, 1) == {"epoch": 2, "policy_epoch": 2}
            assert not told.done(), "the relay has it, and Tune has not decided"
            if id == "goes on":
                following = asyncio.create_task(d.next_report(id, 2))
                assert await told == "go"
                await d.finish("a", id, 1, "completed")
                assert (await following or {})["done"]
            else:
                await d.stop(id)
                assert await told == "stopped"

    play(scene())


def test_a_rung_without_a_relay_does_not_hold_a_trial_for_long() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.submit("t", {"rungs": [2]})
        await d.next_assignment("a", "1")
        assert await d.report("a", "t", 1, {"epoch": 2, "policy_epoch": 2}) == "go"

    play(scene())


def test_the_trial_of_a_slot_that_is_down_goes_on_elsewhere_at_once() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("first", "second"):
            await d.submit(id, {})
        assert (await d.next_assignment("a", "1"))["id"] == "first"  # type: ignore[index]
        await d.report("a", "first", 1, {"epoch": 1})
        await d.slot_down("a")
        taken = await d.next_assignment("b", "1")
        assert taken == {"id": "first", "attempt": 2, "spec": {}}, "before the second one"
        assert await d.report("a", "first", 1, {"epoch": 2}) == "stale"
        assert (await d.next_assignment("a", "2"))["id"] == "second"  # type: ignore[index]
        await d.slot_down("nobody's")
        assert (await d.state())["running"] == {"a": "second", "b": "first"}

    play(scene())


def test_a_trial_whose_slots_go_down_again_and_again_is_given_up() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.submit("t", {})
        for number in range(MAX_SILENT_ATTEMPTS):
            await d.next_assignment("a", str(number))
            await d.slot_down("a")
        assert (await end_of(d, "t"))["status"] == "failed"

    play(scene())
