"""A chat or a topic that takes no messages for a while: nothing is lost, and it is said."""

from __future__ import annotations

import asyncio

from liqalert.delivery.closures import Closures
from liqalert.ports import DeliveryError, DeliveryStatus, Recipient
from tests.delivery.rig import FakeDatabase, alert_ids, delivering
from tests.fakes import FakeNotifier, near_alert
from tests.virtual_time import START, run

TOPIC, OTHER = Recipient(1, "telegram", "-100/45"), Recipient(2, "telegram", "-100/46")
CLOSED = DeliveryError("Telegram: Topic_closed", closed="-100/45")
PROBLEM = "alerts for telegram -100/45 wait until liqalert may write there again: Telegram: Topic_closed"


def test_a_closed_topic_is_tried_until_it_is_open_and_named_meanwhile() -> None:
    database, notifier = FakeDatabase([TOPIC]), FakeNotifier()
    notifier.answers_to["-100/45"].extend([CLOSED] * 6)
    database.add_alerts(near_alert("one", START))
    problems: list[tuple[str, ...]] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(45.0)
            problems.append(sender.problems)
            await asyncio.sleep(45.0)
            problems.append(sender.problems)

    run(main())

    assert alert_ids(notifier.texts("-100/45")) == ["one"]
    assert problems == [(PROBLEM,), ()]
    assert database.moves == []
    assert database.dead == []


def test_other_topics_of_the_forum_do_not_wait_for_a_closed_one() -> None:
    database, notifier = FakeDatabase([TOPIC, OTHER]), FakeNotifier()
    notifier.answers_to["-100/45"].extend([CLOSED] * 100)
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(100.0)
            database.add_alerts(near_alert("two", START + 100.0))
            sender.wake()
            await asyncio.sleep(5.0)

    run(main())

    assert alert_ids(notifier.texts("-100/46")) == ["one", "two"]


def test_what_a_closed_topic_missed_for_long_comes_in_one_list() -> None:
    database, notifier = FakeDatabase([TOPIC]), FakeNotifier()
    notifier.answers_to["-100/45"].extend([CLOSED] * 60)
    database.add_alerts(near_alert("one", START), near_alert("two", START + 60.0))
    problems: list[tuple[str, ...]] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            for _ in range(60):
                await asyncio.sleep(25.0)
                problems.append(sender.problems)
            await asyncio.sleep(1500.0)

    run(main())

    [listing] = notifier.texts("-100/45")
    assert listing.startswith("Missed while this chat could not be reached: 2 alerts")
    assert database.statuses() == [DeliveryStatus.SENT] * 2
    assert problems == [(PROBLEM,)] * 60


def test_what_nothing_waits_for_any_more_is_no_problem() -> None:
    closures = Closures()
    closures.refused("-100", "no rights", 0.0)

    assert closures.problem("telegram", 179.0) is not None
    assert closures.problem("telegram", 180.0) is None
    assert "-100" not in closures


def test_many_are_counted_and_a_chat_that_takes_a_message_in_a_topic_is_open() -> None:
    closures = Closures()
    for number in range(1, 6):
        closures.refused(f"-{number}", "no rights", float(number))

    closures.took("-2/45")

    assert closures.problem("telegram", 10.0) == (
        "alerts for telegram -1, -3, -4 and 1 more wait until liqalert may write there again: no rights"
    )
