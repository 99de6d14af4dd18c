"""A test alert that is asked for, from a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from liqalert.app.assembly import assemble
from liqalert.app.parts import Stores
from liqalert.app.read_start import read_start
from liqalert.app.requests import Requests
from liqalert.app.world import World
from liqalert.ports import Role
from liqalert.settings import Settings
from liqalert.storage.lock import Hold
from liqalert.web.alerts import UnknownChat
from tests.fakes import FakeClock

NOW = 1_795_392_000.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def requests(stores: Stores, clock: FakeClock) -> AsyncIterator[Requests]:
    """Of a daemon in which only test alerts are recorded."""
    settings, world = Settings(), World(clock=clock, environ={})
    start = await read_start(settings, stores, NOW)
    async with aiohttp.ClientSession() as session:
        facts, requests = assemble(settings, world, start, stores=stores, session=session, hold=Hold(), damage=None)
        recording = asyncio.create_task(facts.delivering.recorder.run(), name="recorder")
        try:
            yield requests
        finally:
            recording.cancel()
            await asyncio.wait([recording])


async def enrol(stores: Stores, address: str, role: Role) -> None:
    await stores.enrolments.offer(address, role, expires_at=NOW + 600.0, now=NOW)
    await stores.enrolments.redeem(address, "telegram", address, NOW)


async def told_by_a_test(stores: Stores, requests: Requests, address: str | None) -> list[tuple[str, str]]:
    """Who is told of the test alert."""
    alert_id = await requests.send_test_to(address)
    await requests.delivering.recorder.drain()
    alert = await stores.alerts.alert(alert_id)
    assert alert is not None
    return [(one.channel, one.address) for one in await stores.outbox.recipients(alert, NOW)]


async def test_without_an_address_the_owner_is_told_whoever_was_enrolled_before(
    stores: Stores, requests: Requests
) -> None:
    await enrol(stores, "5", Role.USER)
    await enrol(stores, "7", Role.OWNER)

    assert await told_by_a_test(stores, requests, None) == [("telegram", "7")]
    assert await told_by_a_test(stores, requests, "5") == [("telegram", "5")]


async def test_without_a_phone_it_is_printed(stores: Stores, requests: Requests) -> None:
    assert await told_by_a_test(stores, requests, None) == [("console", "console")]


async def test_a_chat_that_is_not_enrolled_is_named_with_those_that_are(stores: Stores, requests: Requests) -> None:
    await enrol(stores, "7", Role.OWNER)

    with pytest.raises(UnknownChat, match=r"^404 is not an allowed chat") as refused:
        await requests.send_test_to("404")

    assert refused.value.allowed == ("7", "console")


async def test_who_asks_for_tests_without_end_is_given_one_in_ten_seconds(
    stores: Stores, requests: Requests, clock: FakeClock
) -> None:
    """Or a chat that may only ask could keep everyone's alerts waiting."""
    await enrol(stores, "7", Role.OWNER)
    await enrol(stores, "5", Role.READER)
    asked: dict[str, set[str]] = {"5": set(), "7": set()}

    for _ in range(24):
        clock.at += 0.5
        for address, ids in asked.items():
            ids.add(await requests.send_test_to(address))

    assert len(asked["5"]) == len(asked["7"]) == 2
    assert not asked["5"] & asked["7"]
