"""Quiet hours: what is decided in them is told in one silent list when they end."""

from __future__ import annotations

import asyncio

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.core.rules import RuleKind
from liqalert.ports import DeliveryStatus, Loudness, Preferences, QuietHours
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert, recipient
from tests.virtual_time import START, run

NIGHT = QuietHours(23 * 60, 7 * 60, "UTC")
"""START is midnight."""
HOUR = 3600.0


def sleeper(number: int, loudness: Loudness = Loudness.LOUD):  # type: ignore[no-untyped-def]
    return recipient(number, preferences=Preferences(loudness=((RuleKind.NEAR, loudness),), quiet=NIGHT))


async def night(database: FakeDatabase, notifier: FakeNotifier, *, until_s: float) -> None:
    async with delivering(database, telegram=notifier) as sender:
        for hour in range(3):
            database.add_alerts(near_alert(f"alert{hour}", START + hour * HOUR))
            sender.wake()
            await asyncio.sleep(HOUR)
        await asyncio.sleep(until_s - 3 * HOUR)


def test_one_silent_list_when_they_end() -> None:
    database, notifier = FakeDatabase([sleeper(7)]), FakeNotifier()
    database.results = {"alert0": EpisodeState.SWEPT}

    run(night(database, notifier, until_s=8 * HOUR))

    [(at, _, message)] = notifier.sent
    assert 7 * HOUR <= at < 7 * HOUR + 1.0
    assert message.silent
    assert [line.partition("/why ")[2].rstrip(")") for line in message.plain.splitlines()[1:]] == [
        "alert0",
        "alert1",
        "alert2",
    ]
    assert "outcome: swept" in message.plain
    assert database.statuses() == [DeliveryStatus.SENT] * 3


def test_nothing_before_they_end() -> None:
    database, notifier = FakeDatabase([sleeper(7)]), FakeNotifier()

    run(night(database, notifier, until_s=6.9 * HOUR))

    assert notifier.attempts == []
    assert database.statuses() == [DeliveryStatus.HELD] * 3


def test_who_has_none_is_told_at_once_and_so_is_who_wants_it_always() -> None:
    database, notifier = FakeDatabase([sleeper(7), sleeper(8, Loudness.ALWAYS), *chats(9)]), FakeNotifier()

    run(night(database, notifier, until_s=4 * HOUR))

    assert (len(notifier.texts("7")), len(notifier.texts("8")), len(notifier.texts("9"))) == (0, 3, 3)
    assert not any(message.silent for _, _, message in notifier.sent)


def test_a_notice_waits_for_nothing() -> None:
    database, notifier = FakeDatabase([sleeper(7)]), FakeNotifier()
    notice: Alert = near_alert("notice", START, text="The clock is 12 s off.")
    database.add_alerts(notice)

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(5.0)

    run(main())

    assert len(notifier.sent) == 1


def test_a_restart_in_the_night_wakes_nobody_and_loses_nothing() -> None:
    database, notifier = FakeDatabase([sleeper(7)]), FakeNotifier()

    async def main() -> None:
        await night(database, notifier, until_s=4 * HOUR)
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(4 * HOUR)

    run(main())

    [(at, _, message)] = notifier.sent
    assert 7 * HOUR <= at < 7 * HOUR + 1.0
    assert message.plain.count("/why ") == 3
