"""The dispatcher's queue, reports, stops and rungs."""

import asyncio

import pytest
from adamml.slots.dispatcher import LEAVE, Dispatcher
from scenes import dispatcher, end_of, play


def test_trials_are_handed_out_by_priority_then_in_order() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id, priority in (("first", 0), ("second", 0), ("urgent", 1)):
            await d.submit(id, {"x": id}, priority)
        assert (await d.state())["waiting"] == ["urgent", "first", "second"]
        a, b = await d.next_attempt("a", "1"), await d.next_attempt("b", "1")
        assert a == {"key": "urgent", "attempt": 1, "spec": {"x": "urgent"}}
        assert b == {"key": "first", "attempt": 1, "spec": {"x": "first"}}
        assert (await d.state())["running"] == {"a": "urgent", "b": "first"}
        assert await d.spec("second") == {"x": "second"}

    play(scene())


def test_an_idle_slot_is_told_to_ask_again_and_hears_of_the_next_trial_at_once() -> None:
    async def scene() -> None:
        d = Dispatcher(["a"], poll_s=0.02)
        assert await d.next_attempt("a", "1") is None
        d = Dispatcher(["a"], poll_s=60.0)
        asked = asyncio.create_task(d.next_attempt("a", "1"))
        await asyncio.sleep(0)
        await d.submit("t", {})
        assert (await asyncio.wait_for(asked, 1))["key"] == "t"  # type: ignore[index]

    play(scene())


def test_submitting_twice_is_one_trial() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {"x": 1})
        await d.submit("t", {"x": 2})
        assert (await d.next_attempt("a", "1")) == {"key": "t", "attempt": 1, "spec": {"x": 1}}
        await d.submit("t", {})
        assert await d.next_attempt("b", "1") is None
        await d.finish("a", "t", 1, "completed")
        await d.submit("t", {})
        assert await d.next_attempt("b", "1") is None
        assert (await end_of(d, "t"))["status"] == "completed"

    play(scene())


def test_reports_come_in_order_then_the_end() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        assert await d.next_report("t", 0) is None
        await d.next_attempt("a", "1")
        for epoch in (1, 2):
            assert await d.report("a", "t", 1, {"epoch": epoch}) == "go"
        assert await d.finish("a", "t", 1, "completed")
        assert [await d.next_report("t", n) for n in range(3)] == [
            {"epoch": 1},
            {"epoch": 2},
            {"done": True, "status": "completed", "error": None},
        ]

    play(scene())


def test_a_repeated_report_is_dropped_and_a_final_one_of_the_same_epoch_is_not() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_attempt("a", "1")
        await d.report("a", "t", 1, {"epoch": 1, "loss": 0.5})
        await d.next_attempt("a", "2")
        assert await d.report("a", "t", 2, {"epoch": 1, "loss": 0.5}) == "go"
        assert await d.report("a", "t", 2, {"epoch": 1, "accuracy": 0.9}) == "go"
        await d.finish("a", "t", 2, "completed")
        assert await d.next_report("t", 1) == {"epoch": 1, "accuracy": 0.9}
        assert (await d.next_report("t", 2) or {})["done"]

    play(scene())


def test_a_waiting_trial_that_is_stopped_never_starts() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.stop("t")
        assert await d.next_attempt("a", "1") is None
        assert (await d.next_report("t", 0) or {})["status"] == "stopped"

    play(scene())


def test_a_running_trial_hears_the_stop_at_its_report_and_its_relay_at_once() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.submit("next", {})
        await d.next_attempt("a", "1")
        await d.stop("t")
        assert (await d.next_report("t", 0) or {})["status"] == "stopped"
        assert await d.report("a", "t", 1, {"epoch": 1}) == "stopped"
        assert await d.finish("a", "t", 1, "stopped")
        assert (await d.next_attempt("a", "1")) == {"key": "next", "attempt": 1, "spec": {}}

    play(scene())


def test_stopping_a_finished_or_unknown_trial_changes_nothing() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_attempt("a", "1")
        await d.finish("a", "t", 1, "completed")
        await d.stop("t")
        await d.stop("nobody")
        assert (await end_of(d, "t"))["status"] == "completed"

    play(scene())


def test_closing_stops_open_trials_and_sends_slots_home() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("running", "waiting"):
            await d.submit(id, {})
        await d.next_attempt("a", "1")
        idle = asyncio.create_task(Dispatcher.next_attempt(d, "b", "1"))
        await d.close()
        assert await d.report("a", "running", 1, {"epoch": 1}) == "closed"
        await d.finish("a", "running", 1, "stopped")
        assert await d.next_attempt("a", "1") == LEAVE
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
            await d.next_attempt("a", id)
            assert await d.report("a", id, 1, {"epoch": 1, "policy_epoch": 1}) == "go"
            told = asyncio.create_task(d.report("a", id, 1, {"epoch": 2, "policy_epoch": 2}))
            assert await d.next_report(id, 1) == {"epoch": 2, "policy_epoch": 2}
            await asyncio.sleep(0.01)
            assert not told.done(), "the relay has it, and Tune has not decided"
            if id == "goes on":
                following = asyncio.create_task(d.next_report(id, 2))
                assert await asyncio.wait_for(told, 5) == "go", "at once, whatever else happens"
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
        await d.next_attempt("a", "1")
        assert await d.report("a", "t", 1, {"epoch": 2, "policy_epoch": 2}) == "go"

    play(scene())


def test_a_verdict_that_comes_late_stops_a_trial_at_its_next_report() -> None:
    """A sampler that thinks for longer than a slot waits at a rung."""

    async def scene() -> None:
        d = dispatcher("a")
        await d.submit("t", {"rungs": [2]})
        await d.next_attempt("a", "1")
        assert await d.report("a", "t", 1, {"epoch": 2, "policy_epoch": 2}) == "go"
        assert await d.report("a", "t", 1, {"epoch": 3, "policy_epoch": 3}) == "go"
        await d.stop("t")
        assert await d.report("a", "t", 1, {"epoch": 4, "policy_epoch": 4}) == "stopped"

    play(scene())


def test_a_stop_that_comes_before_its_trial_is_remembered() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.stop("t")
        await d.submit("t", {})
        assert (await end_of(d, "t"))["status"] == "stopped"
        assert await d.next_attempt("a", "1") is None

    play(scene())
