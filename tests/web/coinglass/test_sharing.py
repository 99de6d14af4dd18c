from __future__ import annotations

import asyncio

import pytest

from liqalert.web.coinglass.sharing import Shared
from tests.web.rig import FixedClock


class Maker:
    """Counts, and waits until it may go on."""

    def __init__(self) -> None:
        self.made = 0
        self.may_go_on = asyncio.Event()

    async def __call__(self) -> str:
        self.made += 1
        await self.may_go_on.wait()
        return f"value {self.made}"


async def test_a_thousand_askers_at_once_get_one_value() -> None:
    shared: Shared[str] = Shared(FixedClock(0.0))
    make = Maker()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        askers = [tasks.create_task(shared.get("key", make), name=f"asker {number}") for number in range(1000)]
        await asyncio.sleep(0)
        make.may_go_on.set()

    assert {asker.result() for asker in askers} == {"value 1"}
    assert make.made == 1


async def test_other_keys_wait_for_nothing() -> None:
    shared: Shared[str] = Shared(FixedClock(0.0))
    slow, quick = Maker(), Maker()
    quick.may_go_on.set()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(shared.get("slow", slow), name="slow")
        await asyncio.sleep(0)

        assert await shared.get("quick", quick) == "value 1"
        assert not waiting.done()
        slow.may_go_on.set()


async def test_a_value_is_old_after_a_second() -> None:
    clock = FixedClock(0.0)
    shared: Shared[str] = Shared(clock)
    make = Maker()
    make.may_go_on.set()
    values = []
    for at in (0.0, 0.999, 1.0, 1.5):
        clock.at = at
        values.append(await shared.get("key", make))

    assert values == ["value 1", "value 1", "value 2", "value 2"]


async def test_a_clock_that_was_set_back_keeps_nothing() -> None:
    clock = FixedClock(100.0)
    shared: Shared[str] = Shared(clock)
    make = Maker()
    make.may_go_on.set()
    await shared.get("key", make)
    clock.at = 50.0

    assert await shared.get("key", make) == "value 2"


async def test_an_error_is_for_its_own_asker_only() -> None:
    shared: Shared[str] = Shared(FixedClock(0.0))

    async def fail() -> str:
        raise ValueError("no")

    make = Maker()
    make.may_go_on.set()
    with pytest.raises(ValueError, match="no"):
        await shared.get("key", fail)

    assert await shared.get("key", make) == "value 1"


async def test_an_asker_who_gives_up_takes_nobody_with_him() -> None:
    shared: Shared[str] = Shared(FixedClock(0.0))
    make = Maker()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(shared.get("key", make), name="first")
        second = tasks.create_task(shared.get("key", make), name="second")
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        make.may_go_on.set()

    assert second.result() == "value 2"


async def test_old_values_are_not_kept_in_memory() -> None:
    clock = FixedClock(0.0)
    shared: Shared[str] = Shared(clock)
    make = Maker()
    make.may_go_on.set()
    for number in range(100):
        await shared.get(number, make)
    clock.at = 1.0

    await shared.get("key", make)

    assert len(shared) == 1
