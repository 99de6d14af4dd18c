"""Quiet hours: what is decided in them is told in one silent list when they end."""

from __future__ import annotations

import asyncio

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.core.rules import RuleKind
from liqalert.delivery import intake
from liqalert.ports import DeliveryStatus, Loudness, Preferences, QuietHours
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert, network_error, recipient
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


@pytest.mark.parametrize(("away_s", "starts"), [(600.0, "BTCUSDT: 0.93 %"), (3000.0, "Missed while")])
@pytest.mark.parametrize("loudness", [Loudness.LOUD, Loudness.ALWAYS])
def test_what_was_decided_before_them_and_comes_in_them_makes_no_sound(
    away_s: float, starts: str, loudness: Loudness
) -> None:
    """Decided five minutes before they begin, while Telegram is away; it comes back in them."""
    soon = QuietHours(5, 7 * 60, "UTC")
    preferences = Preferences(loudness=((RuleKind.NEAR, loudness),), quiet=soon)
    database, notifier = FakeDatabase([recipient(7, preferences=preferences)]), FakeNotifier()
    notifier.down = network_error()

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            database.add_alerts(near_alert("evening", START))
            await asyncio.sleep(away_s)
            notifier.down = None
            await asyncio.sleep(HOUR)

    run(main())

    [(_, _, message)] = notifier.sent
    assert message.plain.startswith(starts)
    assert message.silent is (loudness is Loudness.LOUD)


@pytest.mark.parametrize("late_s", [0.0, 1500.0])
def test_each_chat_has_one_list_however_many_others_have_one(monkeypatch: pytest.MonkeyPatch, late_s: float) -> None:
    """What was held in the night, or is late: more of it than is read at once."""
    monkeypatch.setattr(intake, "READ_LIMIT", 20)
    monkeypatch.setattr(intake, "LIST_LIMIT", 50)
    numbers = range(1, 31)
    held = [sleeper(number) for number in numbers]
    database, notifier = FakeDatabase(chats(*numbers) if late_s else held), FakeNotifier()
    database.add_alerts(*(near_alert(f"alert{number}", START - late_s + number) for number in range(10)))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(8 * HOUR)

    run(main())

    assert [len(notifier.texts(str(number))) for number in numbers] == [1] * 30
    assert all(message.plain.count("/why ") == 10 for _, _, message in notifier.sent)
    assert database.statuses() == [DeliveryStatus.SENT] * 300
