"""The daily cap: a chat is sent so many messages with alerts, then one notice, then nothing until midnight UTC."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from liqalert.core.alerts import Alert
from liqalert.delivery.cap import DAY_S, PATIENCE_S, DailyCap
from liqalert.delivery.post import Limits
from liqalert.ports import DeliveryStatus
from tests.delivery.rig import FakeDatabase, alert_ids, chats, delivering
from tests.fakes import FakeNotifier, near_alert
from tests.virtual_time import START, run

THREE = Limits(digest_after=4, daily_cap=3)


async def spaced(database: FakeDatabase, notifier: FakeNotifier, *, count: int, every_s: float) -> list[Alert]:
    """So many alerts, one at a time; the notices that come of it."""
    notices: list[Alert] = []
    async with delivering(database, THREE, tell=notices.append, telegram=notifier) as sender:
        for number in range(count):
            database.add_alerts(near_alert(f"alert{number}", START + number * every_s))
            sender.wake()
            await asyncio.sleep(every_s)
    return notices


def test_the_fourth_is_not_sent_and_the_chat_is_told_once() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()

    notices = run(spaced(database, notifier, count=6, every_s=60.0))

    assert alert_ids(notifier.texts("7")) == ["alert0", "alert1", "alert2"]
    assert database.statuses() == [DeliveryStatus.SENT] * 3 + [DeliveryStatus.DEAD] * 3
    assert database.outcomes[4].error == "over the daily cap of 3"
    [notice] = notices
    assert (notice.kind, notice.only_chat) == ("notice", 7)
    assert "has been sent 3 messages with alerts today" in (notice.text or "")


def test_it_begins_anew_at_midnight() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()

    notices = run(spaced(database, notifier, count=8, every_s=6 * 3600.0))

    assert alert_ids(notifier.texts("7")) == [f"alert{n}" for n in (0, 1, 2, 4, 5, 6)]
    assert len({notice.id for notice in notices}) == 2


def test_a_restart_forgets_nothing() -> None:
    database, before, after = FakeDatabase(chats(7)), FakeNotifier(), FakeNotifier()
    notices: list[Alert] = []

    async def main() -> None:
        database.add_alerts(*(near_alert(f"alert{n}", START) for n in range(3)))
        async with delivering(database, THREE, telegram=before):
            await asyncio.sleep(10.0)
        database.add_alerts(near_alert("alert3", START + 10.0))
        async with delivering(database, THREE, tell=notices.append, telegram=after):
            await asyncio.sleep(10.0)

    run(main())

    assert len(before.sent) == 3
    assert after.sent == []
    assert len(notices) == 1


def test_where_it_cannot_be_counted_an_alert_too_many_is_sent() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*(near_alert(f"alert{n}", START) for n in range(3)))

    async def main() -> None:
        async with delivering(database, THREE, telegram=notifier) as sender:
            await asyncio.sleep(10.0)
            database.add_alerts(near_alert("alert3", START + 10.0))
        async with delivering(database, THREE, telegram=notifier) as sender:
            count = database.messages_since
            database.messages_since = broken  # type: ignore[method-assign]
            sender.wake()
            await asyncio.sleep(10.0)
            database.messages_since = count  # type: ignore[method-assign]

    async def broken(since: float) -> Mapping[int, int]:
        database.unreadable = True
        try:
            return await FakeDatabase.messages_since(database, since)
        finally:
            database.unreadable = False

    run(main())

    assert alert_ids(notifier.texts("7"))[-1] == "alert3"


def test_a_digest_counts_once_however_much_it_holds() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*(near_alert(f"alert{n}", START, symbol=f"COIN{n}USDT") for n in range(20)))

    async def main() -> None:
        async with delivering(database, Limits(digest_after=2, daily_cap=3), telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    assert len(notifier.sent) == 3
    assert database.statuses() == [DeliveryStatus.SENT] * 20


class CountedReadings(FakeDatabase):
    """Tells of chats 7 and 8 what they were sent, after so many seconds."""

    def __init__(self, *, takes_s: float = 0.0) -> None:
        super().__init__()
        self.asked_since: list[float] = []
        self._takes_s = takes_s

    async def messages_since(self, since: float) -> Mapping[int, int]:
        self.asked_since.append(since)
        await asyncio.sleep(self._takes_s)
        return {7: 3, 8: 1}


def test_all_chats_are_counted_by_one_reading() -> None:
    database = CountedReadings(takes_s=1.0)
    cap = DailyCap(3, database, lambda _: None)

    async def main() -> None:
        await asyncio.gather(*(cap.learn(START) for _ in range(30)))

    run(main())

    assert database.asked_since == [START // DAY_S * DAY_S]
    assert [cap.reached(chat, START) for chat in (7, 8, 9)] == [True, False, False]


def test_the_next_day_is_known_without_asking() -> None:
    database, tomorrow = CountedReadings(), START + DAY_S
    cap = DailyCap(3, database, lambda _: None)

    async def main() -> None:
        await cap.learn(START)
        await cap.learn(tomorrow)
        for _ in range(3):
            cap.count(8, tomorrow)
        await cap.learn(tomorrow)

    run(main())

    assert len(database.asked_since) == 1
    assert [cap.reached(chat, tomorrow) for chat in (7, 8)] == [False, True]


def test_after_the_clock_was_set_back_a_day_it_is_asked_anew() -> None:
    database, yesterday = CountedReadings(), START - DAY_S
    cap = DailyCap(3, database, lambda _: None)

    async def main() -> None:
        await cap.learn(START)
        await cap.learn(yesterday)

    run(main())

    assert database.asked_since == [at // DAY_S * DAY_S for at in (START, yesterday)]


def test_of_many_alerts_none_waits_longer_for_a_database_that_does_not_answer() -> None:
    database = CountedReadings(takes_s=3600.0)
    cap = DailyCap(3, database, lambda _: None)

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(cap.learn(START) for _ in range(30)))
        return asyncio.get_running_loop().time() - began

    assert run(main()) <= PATIENCE_S + 1.0
    assert not cap.reached(7, START)
