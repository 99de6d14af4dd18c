"""How faults of the feed are played: with another connection beside it, or with nothing else to see by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tests.faults.rig import Rig

Act: TypeAlias = Callable[[Rig], Awaitable[object]]


async def nothing(rig: Rig) -> None:
    """What ends by itself."""


def covered(break_one: Act, heal: Act = nothing) -> Act:
    """One connection of two breaks, and price comes near a zone: the other one sees it."""

    async def play(rig: Rig) -> None:
        await rig.start()
        symbol = await rig.stories.arm()
        rig.fault_began()
        await break_one(rig)
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol)
        await rig.until_noticed()
        rig.fault_ended()
        await heal(rig)
        await rig.until_recovered()

    return play


def blind(break_all: Act, heal: Act = nothing, *, for_s: float, connections: int = 2) -> Act:
    """All connections break for `for_s`, and price comes near a zone unseen: it is told once it is seen again."""

    async def play(rig: Rig) -> None:
        await rig.start(connections=connections)
        symbol = await rig.stories.arm()
        rig.fault_began()
        began = time.monotonic()
        await break_all(rig)
        await rig.stories.approach(symbol)
        await asyncio.sleep(began + for_s - time.monotonic())
        rig.fault_ended()
        await heal(rig)
        await rig.until_recovered()

    return play


def unharmed(break_it: Act, heal: Act, *, for_s: float, connections: int = 2) -> Act:
    """Something is wrong for `for_s` that costs nothing: price comes near a zone and is seen."""

    async def play(rig: Rig) -> None:
        await rig.start(connections=connections)
        symbol = await rig.stories.arm()
        rig.fault_began()
        await break_it(rig)
        began = time.monotonic()
        await asyncio.sleep(1.0)
        await rig.stories.approach(symbol)
        await rig.until_alerted(symbol)
        await asyncio.sleep(began + for_s - time.monotonic())
        rig.fault_ended()
        await heal(rig)
        await rig.until_recovered()

    return play
