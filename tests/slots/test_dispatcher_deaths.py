"""What the dispatcher does when workers, slots and relays die and come back."""

import asyncio

from adamml.slots.dispatcher import MAX_SILENT_ATTEMPTS, Dispatcher
from scenes import dispatcher, end_of, play


def test_a_relay_that_is_tried_again_replays_nothing() -> None:
    async def scene() -> None:
        d = dispatcher()
        assert await d.submit("t", {}) == 0
        await d.next_attempt("a", "1")
        for epoch in (1, 2, 3):
            await d.report("a", "t", 1, {"epoch": epoch})
        for after in (0, 1, 2):  # asking for the third says that two were repeated to Tune
            await d.next_report("t", after)
        after = await d.submit("t", {})
        assert after == 2
        assert await d.next_report("t", after) == {"epoch": 3}

    play(scene())


def test_a_slot_back_from_the_dead_gets_its_trial_with_the_next_attempt() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        first = await d.next_attempt("a", "1")
        assert await d.next_attempt("a", "1") == first  # its answer was lost: no new attempt
        assert await d.next_attempt("a", "2") == {"key": "t", "attempt": 2, "spec": {}}
        assert (await d.state())["restarts"] == {"a": 1}

    play(scene())


def test_reports_of_older_attempts_are_refused() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_attempt("a", "1")
        await d.next_attempt("a", "2")
        assert await d.report("a", "t", 1, {"epoch": 1}) == "stale"
        assert not await d.finish("a", "t", 1, "failed", "late")
        await d.slot_lost("a", "its node went away")
        assert await d.next_attempt("b", "1") == {"key": "t", "attempt": 3, "spec": {}}
        assert await d.report("a", "t", 2, {"epoch": 1}) == "stale"
        assert await d.report("b", "t", 3, {"epoch": 1}) == "go"
        assert await d.next_report("t", 0) == {"epoch": 1}

    play(scene())


def test_a_trial_that_only_kills_its_slot_is_failed() -> None:
    async def scene() -> None:
        d = Dispatcher(["a"], poll_s=60.0)
        await d.submit("poison", {})
        await d.submit("next", {})
        waiting = asyncio.create_task(d.next_report("poison", 0))
        for incarnation in range(MAX_SILENT_ATTEMPTS):
            told = await d.next_attempt("a", str(incarnation))
            assert told == {"key": "poison", "attempt": incarnation + 1, "spec": {}}
        told = await d.next_attempt("a", "after")
        assert told == {"key": "next", "attempt": 1, "spec": {}}
        end = await asyncio.wait_for(waiting, 1)
        assert end is not None
        assert end["status"] == "failed"
        assert "3 attempts in a row died" in end["error"]

    play(scene())


def test_a_trial_that_moves_on_between_deaths_is_kept() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        for n in range(1, 4 * MAX_SILENT_ATTEMPTS):
            told = await d.next_attempt("a", str(n))
            assert told == {"key": "t", "attempt": n, "spec": {}}
            await d.report("a", "t", n, {"epoch": n})

    play(scene())


def test_a_stopped_trial_is_not_given_to_its_slot_again() -> None:
    async def scene() -> None:
        d = dispatcher()
        await d.submit("t", {})
        await d.next_attempt("a", "1")
        await d.stop("t")
        assert await d.next_attempt("a", "2") is None
        assert (await d.state())["running"] == {}

    play(scene())


def test_the_trial_of_a_lost_slot_is_next_in_line() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("t", "later"):
            await d.submit(id, {})
        await d.next_attempt("a", "1")
        await d.slot_lost("a", "no room")
        assert (await d.state())["waiting"] == ["t", "later"]
        assert await d.next_attempt("b", "1") == {"key": "t", "attempt": 2, "spec": {}}
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
        await d.next_attempt("a", "2")
        await d.submit("t", {})
        assert (await d.next_attempt("a", "2")) == {"key": "t", "attempt": 1, "spec": {}}
        assert (await d.state())["lost"] == {}

    play(scene())


def test_the_trial_of_a_slot_that_is_down_goes_on_elsewhere_at_once() -> None:
    async def scene() -> None:
        d = dispatcher()
        for id in ("first", "second"):
            await d.submit(id, {})
        assert (await d.next_attempt("a", "1"))["key"] == "first"  # type: ignore[index]
        await d.report("a", "first", 1, {"epoch": 1})
        await d.slot_down("a")
        taken = await d.next_attempt("b", "1")
        assert taken == {"key": "first", "attempt": 2, "spec": {}}, "before the second one"
        assert await d.report("a", "first", 1, {"epoch": 2}) == "stale"
        assert (await d.next_attempt("a", "2"))["key"] == "second"  # type: ignore[index]
        await d.slot_down("nobody's")
        assert (await d.state())["running"] == {"a": "second", "b": "first"}

    play(scene())


def test_a_trial_whose_slots_go_down_again_and_again_is_given_up() -> None:
    async def scene() -> None:
        d = dispatcher("a")
        await d.submit("t", {})
        for number in range(MAX_SILENT_ATTEMPTS):
            await d.next_attempt("a", str(number))
            await d.slot_down("a")
        assert (await end_of(d, "t"))["status"] == "failed"

    play(scene())
