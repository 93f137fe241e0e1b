"""Which slot runs which trial: a queue, a ledger of reports, and what happens when somebody dies.

Plain asyncio, no ray: slots.py makes an actor of it. Its callers:

    relay (or driver)   submit, next_report, stop
    slot (its workers)  next_assignment, report, finish
    launcher of a slot  slot_lost
    its controller      slot_down
    driver              state, close

Every assignment carries an attempt number. Only the newest attempt of a trial may report, so a
worker that was thought dead, or a relay that was tried again, never puts one trial on two slots.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

LEAVE = "leave"
"""What a slot hears instead of an assignment when the study is over."""
MAX_SILENT_ATTEMPTS = 3
"""Attempts in a row that may die without a new report, before a trial is failed: it kills slots."""
POLL_S = 10.0
"""Longest a call waits for news before it answers None and is asked again."""

Assignment = dict[str, Any]
"""{"id": str, "attempt": int counted from 1, "spec": dict}"""


class Stopped(Exception):  # noqa: N818 -- no error: the trial is asked to end here
    """Raised by report(), on all ranks alike: give up this trial now.

    Attributes:
        reason: "stopped" (Tune or the driver stopped this trial), "closed" (the whole study ends,
            or its driver is gone; a later run may continue the trial), "stale" (another attempt
            has taken over: write nothing more).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Trial:
    id: str
    spec: dict[str, Any]
    rank: tuple[int, int]
    """Smallest first: (-priority, place in the queue)."""
    attempt: int = 0
    silent_attempts: int = 0
    slot: str | None = None
    incarnation: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    seen: set[Hashable] = field(default_factory=set)
    taken: int = 0
    """Reports that a relay is known to have repeated: it asked for the next one."""
    end: dict[str, Any] | None = None

    def finish(self, status: str, error: str | None) -> None:
        if self.end is None:
            self.end = {"done": True, "status": status, "error": error}


class Dispatcher:
    """Hands trials to slots by priority, then in the order of submission, and keeps their reports.

    Args:
        slots: names of the slots that will come; others may join by asking for an assignment.
        poll_s: longest wait inside a call, in seconds.
    """

    def __init__(self, slots: Iterable[str], poll_s: float = POLL_S) -> None:
        self._trials: dict[str, _Trial] = {}
        self._slots = set(slots)
        self._incarnations: dict[str, str] = {}
        self._restarts: dict[str, int] = {}
        self._lost: dict[str, str] = {}
        self._places = 0
        self._poll_s = poll_s
        self._closed = False
        self._news = asyncio.Condition()

    # What relays and the driver call.

    async def submit(self, id: str, spec: dict[str, Any], priority: int = 0) -> int:
        """Queue a trial; a known id is left as it is, finished or not, whatever its spec now says.

        Returns:
            How many of its reports were repeated already: ask next_report for those after it.
        """
        if id not in self._trials:
            self._places += 1
            trial = self._trials[id] = _Trial(id=id, spec=spec, rank=(-priority, self._places))
            if self._closed:
                trial.finish("stopped", "the study is closed")
            self._fail_if_deserted()
            await self._tell()
        return self._trials[id].taken

    async def next_report(self, id: str, after: int) -> dict[str, Any] | None:
        """The report with index `after` (from 0), or the terminal record behind the last one.

        Returns:
            The metrics; {"done": True, "status": "completed" | "failed" | "stopped", "error": str
            | None} at the end; None after poll_s without news: ask again.
        """
        trial = self._trials[id]
        if after > trial.taken:
            trial.taken = after
            await self._tell()  # a slot may wait for it at a rung
        await self._wait(lambda: len(trial.reports) > after or trial.end is not None)
        return trial.reports[after] if len(trial.reports) > after else trial.end

    async def stop(self, id: str) -> None:
        """End a trial: a waiting one never starts, a running one hears it at its next report."""
        if id in self._trials:
            self._trials[id].finish("stopped", None)
            await self._tell()

    async def close(self) -> None:
        """End the study: every open trial is stopped, and slots leave as soon as they ask again."""
        self._closed = True
        for trial in self._trials.values():
            trial.finish("stopped", "the study is closed")
        await self._tell()

    async def state(self) -> dict[str, Any]:
        """A snapshot for displays.

        Returns:
            waiting: ids in the order they will run; running: slot -> id; completed, failed,
            stopped: ids; slots: those not lost; ready: those that have asked for work; restarts:
            slot -> count; lost: slot -> why.
        """
        ended = [t for t in self._trials.values() if t.end is not None]
        by_status = {
            status: [t.id for t in ended if t.end and t.end["status"] == status]
            for status in ("completed", "failed", "stopped")
        }
        return {
            "waiting": [t.id for t in self._waiting()],
            "running": {slot: t.id for slot, t in sorted(self._running().items())},
            **by_status,
            "slots": sorted(self._slots),
            "ready": sorted(self._incarnations),
            "restarts": dict(self._restarts),
            "lost": dict(self._lost),
        }

    # What slots call.

    async def next_assignment(self, slot: str, incarnation: str) -> Assignment | str | None:
        """The next trial for this slot, LEAVE, or None after poll_s without one: ask again.

        Args:
            incarnation: a fresh name for each start of the slot's workers. The same one asking
                again gets the same answer; another one, with a trial still running, is a slot back
                from the dead: its trial goes on with the next attempt number.
        """
        self._join(slot, incarnation)
        trial = self._running().get(slot)
        if trial is not None and trial.incarnation != incarnation:
            self._died(trial)
            if trial.end is not None:
                self._release(trial)
                await self._tell()
                trial = None
        if trial is None:
            await self._wait(lambda: self._closed or bool(self._waiting()))
            if self._closed:
                return LEAVE
            if not self._waiting() or self._incarnations.get(slot) != incarnation:
                return None
            trial = self._waiting()[0]
        if trial.incarnation != incarnation:
            trial.slot, trial.incarnation, trial.attempt = slot, incarnation, trial.attempt + 1
        return {"id": trial.id, "attempt": trial.attempt, "spec": trial.spec}

    async def spec(self, id: str) -> dict[str, Any]:
        """The spec of a trial, for ranks that were told its id."""
        return self._trials[id].spec

    async def report(self, slot: str, id: str, attempt: int, metrics: dict[str, Any]) -> str:
        """Record metrics, unless they repeat an earlier report: same epoch, same metric names.

        So a trial that goes on from its journal may report all of it again. At a rung of the
        trial's spec the answer waits until its relay has been told whether it goes on (for poll_s
        at most): nothing is trained on behalf of a trial that Tune stops there.

        Returns:
            "go", or the reason for Stopped.
        """
        trial = self._trials[id]
        if not self._holds(trial, slot, attempt):
            return "stale"
        if trial.end is not None:
            return self._verdict(trial)
        key = (metrics.get("epoch"), frozenset(metrics))
        if metrics.get("epoch") is None or key not in trial.seen:
            trial.seen.add(key)
            trial.reports.append(metrics)
            trial.silent_attempts = 0
            await self._tell()
        if metrics.get("policy_epoch") in trial.spec.get("rungs", ()):
            heard = trial.reports.index(metrics) + 1
            await self._wait(lambda: trial.taken >= heard or trial.end is not None)
        return self._verdict(trial)

    async def finish(
        self, slot: str, id: str, attempt: int, status: str, error: str | None = None
    ) -> bool:
        """End an attempt and free its slot; False, and no change, where it is not the newest."""
        trial = self._trials[id]
        if not self._holds(trial, slot, attempt):
            return False
        trial.finish(status, error)
        self._release(trial)
        await self._tell()
        return True

    async def slot_down(self, slot: str) -> None:
        """A slot's workers are gone, and may come back: its trial is the next to run, wherever."""
        trial = self._running().get(slot)
        if trial is not None:
            self._died(trial)
            self._release(trial)
            trial.rank = (trial.rank[0], min(t.rank[1] for t in self._trials.values()) - 1)
        await self._tell()

    async def slot_lost(self, slot: str, reason: str) -> None:
        """A slot is gone for good: its trial is the next to run, or fails where no slot is left."""
        self._slots.discard(slot)
        self._incarnations.pop(slot, None)
        self._lost[slot] = reason
        await self.slot_down(slot)
        self._fail_if_deserted()
        await self._tell()

    # Inside.

    def _waiting(self) -> list[_Trial]:
        waiting = (t for t in self._trials.values() if t.slot is None and t.end is None)
        return sorted(waiting, key=lambda t: t.rank)

    def _running(self) -> dict[str, _Trial]:
        return {t.slot: t for t in self._trials.values() if t.slot is not None}

    def _verdict(self, trial: _Trial) -> str:
        if trial.end is None:
            return "go"
        return "closed" if self._closed else "stopped"

    def _holds(self, trial: _Trial, slot: str, attempt: int) -> bool:
        return trial.slot == slot and trial.attempt == attempt

    def _join(self, slot: str, incarnation: str) -> None:
        if slot in self._incarnations and self._incarnations[slot] != incarnation:
            self._restarts[slot] = self._restarts.get(slot, 0) + 1
        self._incarnations[slot] = incarnation
        self._slots.add(slot)
        self._lost.pop(slot, None)

    def _release(self, trial: _Trial) -> None:
        trial.slot, trial.incarnation = None, ""

    def _died(self, trial: _Trial) -> None:
        trial.silent_attempts += 1
        if trial.silent_attempts >= MAX_SILENT_ATTEMPTS:
            trial.finish(
                "failed",
                f"{trial.silent_attempts} attempts in a row died without a new report, the last "
                f"one on {trial.slot}: its workers crashed or were killed (too little memory?)",
            )

    def _fail_if_deserted(self) -> None:
        if not self._slots and self._lost:
            reasons = "; ".join(f"{slot}: {reason}" for slot, reason in self._lost.items())
            for trial in self._waiting():
                trial.finish("failed", f"no slot is left to run it ({reasons})")

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _wait(self, ready: Callable[[], bool]) -> None:
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(ready), self._poll_s)
            except TimeoutError:
                return
