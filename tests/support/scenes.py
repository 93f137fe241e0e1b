"""Scenes with a dispatcher as plain asyncio: no ray, no processes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from adamml.slots.dispatcher import Dispatcher


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


def dispatcher(*slots: str) -> Dispatcher:
    return Dispatcher(slots or ("a", "b"), poll_s=0.02)


async def end_of(d: Dispatcher, id: str) -> dict[str, Any]:
    after = 0
    while not (record := await d.next_report(id, after) or {}).get("done"):
        after += 1
    return record
