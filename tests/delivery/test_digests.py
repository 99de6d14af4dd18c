"""The messages of one chat's digest: in what order and how often they leave, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from itertools import pairwise

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.delivery.post import Limits
from liqalert.ports import DeliveryError, DeliveryStatus, Message
from tests.changing import replace
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert, near_transition
from tests.virtual_time import START, run

STORM = Limits(digest_after=4, daily_cap=1000)


def alerts(first: int, end: int, at: float = START) -> list[Alert]:
    return [near_alert(f"alert{number:03}", at, symbol=f"COIN{number:03}USDT") for number in range(first, end)]


def test_the_messages_of_a_digest_leave_at_the_pace_of_the_chat() -> None:
    """Telegram takes one a second for a chat, of one digest too."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(0, 80))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    left_at = [at for at, _, _ in notifier.sent]
    assert len(left_at) == 6
    assert min(later - earlier for earlier, later in pairwise(left_at)) >= 1.0


def test_a_digest_that_needs_another_message_was_sent_once_for_each_alert() -> None:
    """What is noted of alerts that were told before is where they stand now, and no further attempt."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(0, 30))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            await asyncio.sleep(8.0)
            database.add_alerts(*alerts(30, 80, START + 8.0))
            sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    told = [delivery for delivery in database.deliveries.values() if delivery.in_digest]
    assert Counter(each.message_id for each in told) == {"5,6": 76}
    assert {each.attempts for each in told} == {1}


@pytest.mark.parametrize("channel", ["webhook", "console"])
def test_where_messages_stay_only_what_is_new_in_a_storm_is_passed_on(channel: str) -> None:
    database, notifier = FakeDatabase([replace(chat, channel=channel) for chat in chats(7)]), FakeNotifier()
    database.add_alerts(*alerts(0, 6))

    async def main() -> None:
        async with delivering(database, STORM, **{channel: notifier}) as sender:
            await asyncio.sleep(5.0)
            database.add_alerts(*alerts(10, 14, START + 5.0))
            sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    assert [re.findall(r"COIN(\d+)USDT: ", text) for text in notifier.texts("7")] == [
        ["000"],
        ["001"],
        ["002"],
        ["003"],
        ["004", "005"],
    ]
    [(_, _, message_id, _, news)] = notifier.amended
    assert message_id == "5"
    assert re.findall(r"COIN(\d+)USDT: ", news.plain) == ["010", "011", "012", "013"]
    assert database.statuses() == [DeliveryStatus.SENT] * 10


def test_a_digest_that_fails_to_change_twice_goes_on_in_a_new_message() -> None:
    class Failing(FakeNotifier):
        async def amend(self, address: str, message_id: str, whole: Message, news: Message) -> str:
            raise DeliveryError("Telegram: internal server error")

    database, notifier = FakeDatabase(chats(7)), Failing()
    database.add_alerts(*alerts(0, 6))

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            await asyncio.sleep(5.0)
            database.add_alerts(*alerts(50, 52, START + 5.0))
            sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    assert sorted(re.findall(r"COIN(\d+)USDT", notifier.texts("7")[-1])) == ["050", "051"]
    assert database.statuses() == [DeliveryStatus.SENT] * 8


def swept(database: FakeDatabase, alert: Alert, at: float) -> None:
    episode = near_transition(alert, EpisodeState.SWEPT).episode
    database.move(replace(episode, state=EpisodeState.COOLING, since=at), at)


def test_a_digest_whose_outcomes_take_more_room_goes_on_in_one_more_message() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    told = alerts(0, 48)
    database.add_alerts(*told)

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            for alert in told[4:]:
                swept(database, alert, START + 60.0)
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    *_, (first_at, _, digest), (second_at, _, more) = notifier.sent
    [(changed_at, _, message_id, whole, _)] = notifier.amended
    assert (len(notifier.sent), message_id) == (6, "5")
    assert first_at < changed_at <= second_at - 1.0
    assert "swept" not in digest.plain.lower()
    assert sorted(re.findall(r"• COIN(\d+)USDT", whole.plain + more.plain)) == [
        f"{number:03}" for number in range(4, 48)
    ]
    assert {each.message_id for each in database.deliveries.values() if each.in_digest} == {"5,6"}


def test_where_messages_stay_the_news_of_a_digest_are_those_that_are_new() -> None:
    database, notifier = FakeDatabase([replace(chat, channel="webhook") for chat in chats(7)]), FakeNotifier()
    told = alerts(0, 7)
    database.add_alerts(*told)

    async def main() -> None:
        async with delivering(database, STORM, webhook=notifier) as sender:
            await asyncio.sleep(60.0)
            swept(database, told[5], START + 60.0)
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    [(_, _, _, whole, news)] = notifier.amended
    assert set(re.findall(r"COIN\d+USDT", whole.plain)) == {"COIN004USDT", "COIN005USDT", "COIN006USDT"}
    assert set(re.findall(r"COIN\d+USDT", news.plain)) == {"COIN005USDT"}


def test_what_will_be_told_in_a_digest_is_noted_before_it_is_told() -> None:
    """After a crash it is not told alone."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*alerts(0, 6))
    noted: list[tuple[DeliveryStatus, bool]] = []

    async def main() -> None:
        async with delivering(database, STORM, telegram=notifier):
            await asyncio.sleep(0.3)
            noted.extend((each.status, each.in_digest) for each in database.deliveries.values())
            await asyncio.sleep(30.0)

    run(main())

    assert noted[4:] == [(DeliveryStatus.DUE, True)] * 2
