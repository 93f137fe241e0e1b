"""The queue of a study's work: which slot runs what, and what happens when one of them dies.

Plain asyncio without ray; pool.py makes an actor of it. Its callers:

    relay (or driver)   submit, next_report, stop
    slot (its workers)  next_attempt, report, finish
    launcher of a slot  slot_lost
    Train controller    slot_down
    driver              state, close

A piece of work has a key and a spec, a dict of plain values of which this module reads `rungs`
alone. Every attempt at it carries a number, and only the newest attempt may report: a worker that
was thought dead, or a relay that was tried again, never puts one trial on two slots.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

LEAVE = "leave"
"""Answer to a slot that asks for work when the study is over."""
MAX_SILENT_ATTEMPTS = 3
"""Attempts in a row that may die without a report; then the work is failed, for it kills slots."""
POLL_S = 10.0
"""Seconds after which a call without news answers None, to be asked again."""

Attempt = dict[str, Any]
"""{"key": str, "attempt": int counted from 1, "spec": dict}"""


Report = Callable[[dict[str, Any]], None]
"""Function through which an attempt reports its metrics; it raises Stopped."""


class Stopped(Exception):  # noqa: N818 -- no error: the trial is asked to end here
    """The request, raised by report() on all ranks alike, to give up this trial now.

    Attributes:
        reason: "stopped" (the searcher or the driver stopped this trial), "closed" (the study ends,
            or its driver is gone; a later run may continue the trial), "stale" (another attempt
            has taken over: write nothing more).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Work:
    key: str
    spec: dict[str, Any]
    rank: tuple[int, int]
    """(-priority, place in the queue); the smallest is next."""
    attempt: int = 0
    silent_attempts: int = 0
    slot: str | None = None
    incarnation: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    seen: set[Hashable] = field(default_factory=set)
    """(epoch, names of the metrics) of every report, to recognise a repeated one."""
    taken: int = 0
    """Reports that a relay has repeated: it asked for the next one."""
    end: dict[str, Any] | None = None

    def finish(self, status: str, error: str | None) -> None:
        if self.end is None:
            self.end = {"done": True, "status": status, "error": error}


class Dispatcher:
    """A queue by priority, then by order of submission, and a ledger of all reports.

    Args:
        slots: names of the slots that will come; others may join by asking for work.
        poll_s: longest wait inside a call, in seconds.
    """

    def __init__(self, slots: Iterable[str], poll_s: float = POLL_S) -> None:
        self._work: dict[str, _Work] = {}
        self._stopped_early: set[str] = set()
        self._slots = set(slots)
        self._incarnations: dict[str, str] = {}
        self._restarts: dict[str, int] = {}
        self._lost: dict[str, str] = {}
        self._places = 0
        self._poll_s = poll_s
        self._closed = False
        self._news = asyncio.Condition()

    # For relays and the driver.

    async def submit(self, key: str, spec: dict[str, Any], priority: int = 0) -> int:
        """Queue work; a key that is known is left as it is, finished or not, whatever the new spec.

        Returns:
            How many of its reports were repeated already: ask next_report for those after it.
        """
        if key not in self._work:
            self._places += 1
            work = self._work[key] = _Work(key=key, spec=spec, rank=(-priority, self._places))
            if self._closed:
                work.finish("stopped", "the study is closed")
            elif key in self._stopped_early:
                work.finish("stopped", None)
            self._fail_if_deserted()
            await self._tell()
        return self._work[key].taken

    async def next_report(self, key: str, after: int) -> dict[str, Any] | None:
        """Return the report with index `after` (from 0), or the end record behind the last one.

        Returns:
            The metrics; {"done": True, "status": "completed" | "failed" | "stopped", "error": str
            | None} at the end; None after poll_s without news: ask again.
        """
        work = self._work[key]
        if after > work.taken:
            work.taken = after
            await self._tell()  # a slot may wait for it at a rung
        await self._wait(lambda: len(work.reports) > after or work.end is not None)
        return work.reports[after] if len(work.reports) > after else work.end

    async def stop(self, key: str) -> None:
        """End work: what waits never starts, what runs hears it at its next report.

        A key that was never submitted is remembered, and ends when it is.
        """
        if key in self._work:
            self._work[key].finish("stopped", None)
            await self._tell()
        else:
            self._stopped_early.add(key)

    async def close(self) -> None:
        """End the study: open work is stopped, and slots leave as soon as they ask again."""
        self._closed = True
        for work in self._work.values():
            work.finish("stopped", "the study is closed")
        await self._tell()

    async def state(self) -> dict[str, Any]:
        """Return a snapshot for displays.

        Returns:
            waiting: keys in the order they will run; running: slot -> key; completed, failed,
            stopped: keys; slots: those not lost; ready: those that have asked for work; restarts:
            slot -> count; lost: slot -> reason.
        """
        ended = [w for w in self._work.values() if w.end is not None]
        by_status = {
            # `w.end and` is for mypy: all of these have ended.
            status: [w.key for w in ended if w.end and w.end["status"] == status]
            for status in ("completed", "failed", "stopped")
        }
        return {
            "waiting": [w.key for w in self._waiting()],
            "running": {slot: w.key for slot, w in sorted(self._running().items())},
            **by_status,
            "slots": sorted(self._slots),
            "ready": sorted(self._incarnations),
            "restarts": dict(self._restarts),
            "lost": dict(self._lost),
        }

    # For slots.

    async def next_attempt(self, slot: str, incarnation: str) -> Attempt | str | None:
        """Return the next work for this slot, LEAVE, or None after poll_s without any: ask again.

        Args:
            slot: name of the slot.
            incarnation: a fresh name for each start of the slot's workers. The same one asking
                again gets the same answer; another one, with work still running, is a slot back
                from the dead: its work continues with the next attempt number.
        """
        self._join(slot, incarnation)
        work = self._running().get(slot)
        if work is not None and work.incarnation != incarnation:
            self._died(work)
            if work.end is not None:
                self._release(work)
                await self._tell()
                work = None
        if work is None:
            await self._wait(lambda: self._closed or bool(self._waiting()))
            if self._closed:
                return LEAVE
            # While this call waited, the slot's workers may have been replaced.
            if not self._waiting() or self._incarnations.get(slot) != incarnation:
                return None
            work = self._waiting()[0]
        if work.incarnation != incarnation:
            work.slot, work.incarnation, work.attempt = slot, incarnation, work.attempt + 1
        return {"key": work.key, "attempt": work.attempt, "spec": work.spec}

    async def spec(self, key: str) -> dict[str, Any]:
        """Return the spec of a key, for ranks that were told the key alone."""
        return self._work[key].spec

    async def report(self, slot: str, key: str, attempt: int, metrics: dict[str, Any]) -> str:
        """Record metrics, unless they repeat an earlier report: same epoch, same metric names.

        So a trial that continues from its journal may report all of it again. At a rung of the
        spec the answer waits until the relay has been told whether the trial continues (for poll_s
        at most): no epoch is trained on behalf of a trial that is stopped there.

        Returns:
            "go", or the reason for Stopped.
        """
        work = self._work[key]
        if not self._holds(work, slot, attempt):
            return "stale"
        if work.end is not None:
            return self._verdict(work)
        identity = (metrics.get("epoch"), frozenset(metrics))
        # Without an epoch there is nothing to recognise a repeat by: always recorded.
        if metrics.get("epoch") is None or identity not in work.seen:
            work.seen.add(identity)
            work.reports.append(metrics)
            work.silent_attempts = 0
            await self._tell()
        if metrics.get("policy_epoch") in work.spec.get("rungs", ()):
            # A repeated report has the place of the first.
            place = work.reports.index(metrics) + 1
            await self._wait(lambda: work.taken >= place or work.end is not None)
        return self._verdict(work)

    async def finish(
        self, slot: str, key: str, attempt: int, status: str, error: str | None = None
    ) -> bool:
        """End an attempt and free its slot; return False for an attempt that is not the newest."""
        work = self._work[key]
        if not self._holds(work, slot, attempt):
            return False
        work.finish(status, error)
        self._release(work)
        await self._tell()
        return True

    async def slot_down(self, slot: str) -> None:
        """Queue the work of a slot whose workers died as the next to run, on whichever slot."""
        work = self._running().get(slot)
        if work is not None:
            self._died(work)
            self._release(work)
            work.rank = (work.rank[0], min(w.rank[1] for w in self._work.values()) - 1)
        await self._tell()

    async def slot_lost(self, slot: str, reason: str) -> None:
        """Forget a slot that does not come back; with the last one, waiting work fails."""
        self._slots.discard(slot)
        self._incarnations.pop(slot, None)
        self._lost[slot] = reason
        await self.slot_down(slot)
        self._fail_if_deserted()
        await self._tell()

    # Inside.

    def _waiting(self) -> list[_Work]:
        waiting = (w for w in self._work.values() if w.slot is None and w.end is None)
        return sorted(waiting, key=lambda w: w.rank)

    def _running(self) -> dict[str, _Work]:
        return {w.slot: w for w in self._work.values() if w.slot is not None}

    def _verdict(self, work: _Work) -> str:
        if work.end is None:
            return "go"
        return "closed" if self._closed else "stopped"

    def _holds(self, work: _Work, slot: str, attempt: int) -> bool:
        return work.slot == slot and work.attempt == attempt

    def _join(self, slot: str, incarnation: str) -> None:
        if slot in self._incarnations and self._incarnations[slot] != incarnation:
            self._restarts[slot] = self._restarts.get(slot, 0) + 1
        self._incarnations[slot] = incarnation
        self._slots.add(slot)
        self._lost.pop(slot, None)

    def _release(self, work: _Work) -> None:
        work.slot, work.incarnation = None, ""

    def _died(self, work: _Work) -> None:
        work.silent_attempts += 1
        if work.silent_attempts >= MAX_SILENT_ATTEMPTS:
            work.finish(
                "failed",
                f"{work.silent_attempts} attempts in a row died without a new report, the last "
                f"one on {work.slot}: its workers crashed or were killed (too little memory?)",
            )

    def _fail_if_deserted(self) -> None:
        # Where none was lost, none has come yet: work waits for the first.
        if not self._slots and self._lost:
            reasons = "; ".join(f"{slot}: {reason}" for slot, reason in self._lost.items())
            for work in self._waiting():
                work.finish("failed", f"no slot is left to run it ({reasons})")

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _wait(self, ready: Callable[[], bool]) -> None:
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(ready), self._poll_s)
            except TimeoutError:
                return
