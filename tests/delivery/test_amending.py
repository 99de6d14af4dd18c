"""Messages follow what they tell of: in place and without a sound, whatever Telegram answers."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.ports import DeliveryError
from tests.changing import replace
from tests.delivery.rig import FakeDatabase, chats, delivering
from tests.fakes import FakeNotifier, near_alert, near_transition, network_error
from tests.virtual_time import START, run

ONE = near_alert("one", START)
TOUCHED = replace(near_transition(ONE).episode, state=EpisodeState.TOUCHED, since=START + 60.0)
SWEPT = replace(TOUCHED, state=EpisodeState.COOLING, outcome=EpisodeState.SWEPT, since=START + 120.0)


async def told_and_moved(database: FakeDatabase, notifier: FakeNotifier, *, wait_s: float) -> None:
    """The alert is told; a minute later it is swept."""
    database.add_alerts(ONE)
    async with delivering(database, telegram=notifier) as sender:
        await asyncio.sleep(60.0)
        database.move(SWEPT, START + 60.0)
        sender.wake()
        await asyncio.sleep(wait_s)


def test_the_outcome_is_written_into_the_message() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()

    run(told_and_moved(database, notifier, wait_s=30.0))

    [(at, address, message_id, whole, _)] = notifier.amended
    assert (address, message_id) == ("7", "1")
    assert at < 61.0
    assert whole.silent
    assert whole.plain.startswith("BTCUSDT: 0.93 % from a cluster of liquidated longs")
    assert "Swept: price went through the range" in whole.plain
    assert database.amend_at == {}
    assert len(notifier.sent) == 1


def test_touched_and_swept_in_a_row_are_one_or_two_changes_and_the_last_is_true() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            database.move(TOUCHED, START + 60.0)
            sender.wake()
            await asyncio.sleep(0.1)
            database.move(SWEPT, START + 60.1)
            sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    assert len(notifier.amended) <= 2
    assert "Swept" in notifier.amended[-1][3].plain
    assert database.amend_at == {}


def test_a_wobble_within_the_same_state_changes_nothing() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            for second in range(200):
                database.move(replace(near_transition(ONE).episode, furthest=60_700.0), START + second)
                sender.wake()
                await asyncio.sleep(1.0)

    run(main())

    assert len(notifier.sent) == 1
    assert notifier.amended == []


def test_a_network_that_fails_is_tried_again_and_a_message_that_is_gone_is_not() -> None:
    later, gone = FakeDatabase(chats(7)), FakeDatabase(chats(7))
    healing, refusing = FakeNotifier(), FakeNotifier()

    async def main(database: FakeDatabase, notifier: FakeNotifier, error: DeliveryError) -> None:
        database.add_alerts(ONE)
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            notifier.answers.append(error)
            database.move(SWEPT, START + 60.0)
            sender.wake()
            await asyncio.sleep(120.0)

    run(main(later, healing, network_error()))
    run(main(gone, refusing, DeliveryError("message to edit not found", permanent=True)))

    assert len(healing.amended) == 1
    assert refusing.amended == []
    assert len(refusing.attempts) == 2
    assert later.amend_at == gone.amend_at == {}


def test_a_chat_that_is_gone_when_its_message_is_changed_is_told_nothing_more() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            notifier.answers.append(DeliveryError("bot was blocked by the user", permanent=True, address_dead=True))
            database.move(SWEPT, START + 60.0)
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    assert database.dead == [7]


def test_retry_after_for_one_chat_delays_no_other() -> None:
    database, notifier = FakeDatabase(chats(7, 8)), FakeNotifier()

    run(told_to_wait(database, notifier))

    by_chat = {address: at for at, address, _, _, _ in notifier.amended}
    assert by_chat["8"] < 62.0
    assert by_chat["7"] >= 80.0


def test_a_chat_that_has_to_wait_is_sent_nothing_new_before_that_either() -> None:
    """Telegram refuses whatever comes earlier, and makes the wait longer."""
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()

    run(told_to_wait(database, notifier, near_alert("two", START + 62.0)))

    assert [at >= 80.0 for at, _ in notifier.attempts] == [False, False, True, True]


async def told_to_wait(database: FakeDatabase, notifier: FakeNotifier, *soon: Alert) -> None:
    """The first change, after a minute, is refused to chat 7 for 20 s; two seconds later come the alerts `soon`."""
    database.add_alerts(ONE)
    async with delivering(database, telegram=notifier) as sender:
        await asyncio.sleep(60.0)
        notifier.answers_to["7"].append(DeliveryError("flood control", retry_after_s=20.0))
        database.move(SWEPT, START + 60.0)
        sender.wake()
        await asyncio.sleep(2.0)
        database.add_alerts(*soon)
        sender.wake()
        await asyncio.sleep(60.0)


def test_one_chat_is_bothered_with_changes_every_five_seconds_at_most() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    alerts = [near_alert(f"alert{number}", START + 20.0 * number) for number in range(3)]

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            for alert in alerts:
                database.add_alerts(alert)
                sender.wake()
                await asyncio.sleep(20.0)
            for alert in alerts:
                swept = near_transition(alert, EpisodeState.SWEPT).episode
                database.move(replace(swept, state=EpisodeState.COOLING), START + 60.0)
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    times = [at for at, *_ in notifier.amended]
    assert len(times) == 3
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(times))


def test_old_news_delay_a_new_alert_by_one_place_at_most() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            database.move(SWEPT, START + 60.0)
            database.add_alerts(*(near_alert(f"new{n}", START + 60.0) for n in range(5)))
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    times = [at for at, _, _ in notifier.sent]
    assert times[1] < 61.1
    assert times[-1] < 65.1
    assert len(notifier.amended) == 1


def test_a_database_that_refuses_repeats_the_change_but_loses_it_not() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(60.0)
            database.move(SWEPT, START + 60.0)
            database.refusing = True
            sender.wake()
            await asyncio.sleep(60.0)
            database.refusing = False
            await asyncio.sleep(30.0)

    run(main())

    assert notifier.amended
    assert {whole.plain for _, _, _, whole, _ in notifier.amended} == {notifier.amended[0][3].plain}
    assert database.amend_at == {}


def test_what_changed_while_the_daemon_was_down_is_caught_up_with() -> None:
    database, before, after = FakeDatabase(chats(7)), FakeNotifier(), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=before):
            await asyncio.sleep(10.0)
        database.move(SWEPT, START + 20.0)
        async with delivering(database, telegram=after):
            await asyncio.sleep(20.0)

    run(main())

    assert len(before.sent) == 1
    assert after.sent == []
    assert [message_id for _, _, message_id, _, _ in after.amended] == ["1"]


def test_after_two_days_the_message_is_replied_to() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(ONE)

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            for days in (2, 4):
                await asyncio.sleep(47 * 3600.0)
                database.move(TOUCHED if days == 2 else SWEPT, START + days / 2 * 47 * 3600.0)
                sender.wake()
            await asyncio.sleep(30.0)

    run(main())

    first, second = notifier.amended
    assert "Touched" in first[3].plain
    assert second[3] is None
    assert second[2] == "1"
    assert second[4].silent
    assert second[4].plain.splitlines()[1].startswith("Swept: ")
    assert database.amend_at == {}
