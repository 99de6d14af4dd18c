"""A recorder that gives up its decisions, because another liqalert decides on the same database."""

from __future__ import annotations

import asyncio

from tests.delivery.rig import FakeDatabase, chats
from tests.delivery.test_recorder import decisions, recording
from tests.fakes import FakeNotifier, near_alert
from tests.virtual_time import START, run


def test_what_is_not_written_when_another_decides_is_neither_told_nor_written_later() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    record = database.record

    async def hanging(decisions) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(1000.0)

    database.record = hanging  # type: ignore[method-assign]

    async def main() -> int:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("waiting", START)))
            await asyncio.sleep(0.2)
            recorder.renounce()
            recorder.put(decisions(near_alert("later", START)))
            unwritten = await recorder.drain()
            database.record = record  # type: ignore[method-assign]
            await asyncio.sleep(60.0)
            return unwritten

    unwritten = run(main())

    assert unwritten == 0
    assert notifier.sent == []
    assert database.alerts == {}
