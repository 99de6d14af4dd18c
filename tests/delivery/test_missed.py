"""What a chat is told in a list of alerts that it missed, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from liqalert.core.episodes import EpisodeState
from liqalert.ports import DeliveryStatus, Outcome
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert, network_error
from tests.virtual_time import START, run


def test_after_fifteen_minutes_down_each_chat_gets_one_list_of_what_it_missed() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier()
    database.results = {"one": EpisodeState.SWEPT, "two": EpisodeState.HELD}
    seen: list[DeliveryStatus] = []

    async def main() -> None:
        notifier.down = network_error()
        async with delivering(database, telegram=notifier) as sender:
            for at, name in enumerate(("one", "two", "three")):
                database.add_alerts(near_alert(name, START + at * 300.0))
                sender.wake()
                await asyncio.sleep(300.0)
            await asyncio.sleep(1500.0)
            seen.extend(database.statuses())
            notifier.down = None
            await asyncio.sleep(300.0)

    run(main())

    assert seen == [DeliveryStatus.LATE] * 6
    assert len(notifier.texts("1")) == len(notifier.texts("2")) == 1
    [listing] = notifier.texts("1")
    assert listing.splitlines() == [
        "Missed while this chat could not be reached: 3 alerts",
        "00:00 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: swept (/why one)",
        "00:05 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: held (/why two)",
        "00:10 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665,"
        " outcome: still open (/why three)",
    ]
    assert database.statuses() == [DeliveryStatus.SENT] * 6


def test_alert_that_is_late_after_a_restart_is_listed_not_sent() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    database.add_alerts(near_alert("old", START - 3600.0), near_alert("older", START - 7200.0))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(10.0)

    run(main())

    assert len(notifier.texts("1")) == 1
    assert notifier.texts("1")[0].startswith("Missed while this chat could not be reached: 2 alerts")


def test_list_waits_until_it_is_known_what_else_the_chat_has_missed() -> None:
    """After a restart a fan-out may still be open: its alert belongs on the same list."""
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    database.add_alerts(near_alert("older", START - 7200.0), near_alert("old", START - 3600.0))
    fan_out = database.fan_out

    async def slow(alert, now) -> bool:  # type: ignore[no-untyped-def]
        await asyncio.sleep(3.0)
        return await fan_out(alert, now)

    database.fan_out = slow  # type: ignore[method-assign]

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(20.0)

    run(main())

    assert len(notifier.sent) == 1
    assert notifier.texts("1")[0].startswith("Missed while this chat could not be reached: 2 alerts")


@pytest.mark.parametrize("due_in_s", [0.0, 25.0])
def test_what_turns_late_now_is_listed_with_what_was_late_already(due_in_s: float) -> None:
    """Whether the older one is due, or waits for its next attempt."""
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    older, old = near_alert("older", START - 7200.0), near_alert("old", START - 900.0)
    database.add_alerts(older, old)

    async def main() -> None:
        await database.fan_out(older, START - 7200.0)
        await database.settle([Outcome(1, DeliveryStatus.LATE, 9, START - 5.0, START + due_in_s)])
        await database.fan_out(old, START - 900.0)
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(60.0)

    run(main())

    assert len(notifier.sent) == 1
    assert notifier.texts("1")[0].startswith("Missed while this chat could not be reached: 2 alerts")
