"""The sender in virtual time: order, pace, what survives a crash, and how it stops."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from liqalert.ports import DeliveryError, DeliveryStatus
from tests.delivery.rig import FakeDatabase, alert_ids, chats, delivering, sender_on
from tests.fakes import FakeNotifier, near_alert, recipient
from tests.virtual_time import START, run


def test_alert_reaches_every_subscriber_once() -> None:
    database, notifier = FakeDatabase(chats(1, 2, 3)), FakeNotifier()

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            database.add_alerts(near_alert("one", START))
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    assert sorted(address for _, address, _ in notifier.sent) == ["1", "2", "3"]
    assert database.statuses() == [DeliveryStatus.SENT] * 3


def test_wake_sends_within_a_tenth_of_a_second_and_outcome_is_stored_within_another() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(10.0)
            database.add_alerts(near_alert("one", START + 10.0))
            sender.wake()
            await asyncio.sleep(5.0)

    run(main())

    assert notifier.sent[0][0] - 10.0 < 0.1
    assert database.settled_at[1] - notifier.sent[0][0] < 0.1


def test_chat_gets_its_alerts_in_order_at_most_one_a_second() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier()
    database.add_alerts(*(near_alert(f"alert{n}", START) for n in range(5)))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(20.0)

    run(main())

    assert alert_ids(notifier.texts("7")) == [
        "alert0",
        "alert1",
        "alert2",
        "alert3",
        "alert4",
    ]
    times = [at for at, _, _ in notifier.sent]
    assert all(later - earlier >= 0.999999 for earlier, later in itertools.pairwise(times))
    assert times[-1] < 4.5


def test_never_more_than_thirty_leave_in_any_second() -> None:
    database, notifier = FakeDatabase(chats(*range(1, 201)), batch=50), FakeNotifier(latency_s=0.05)
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    times = [at for at, _, _ in notifier.sent]
    assert len(times) == 200
    assert all(times[n + 30] - times[n] >= 0.999999 for n in range(170))
    assert times[-1] < 7.5


def test_group_gets_at_most_twenty_a_minute() -> None:
    database, notifier = FakeDatabase(chats(-5)), FakeNotifier()
    database.add_alerts(*(near_alert(f"alert{n:02}", START) for n in range(30)))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(120.0)

    run(main())

    times = [at for at, _, _ in notifier.sent]
    assert len(times) == 30
    assert all(times[n + 20] - times[n] >= 59.999 for n in range(10))
    texts = alert_ids(notifier.texts("-5"))
    assert texts == sorted(texts)


def test_retry_after_parks_only_the_chat_it_was_said_to() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier()
    notifier.answers_to["1"].append(DeliveryError("Telegram: flood control", retry_after_s=20.0))
    database.add_alerts(near_alert("one", START), near_alert("two", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(60.0)

    run(main())

    by_chat = {to: [at for at, address, _ in notifier.sent if address == to] for to in ("1", "2")}
    assert max(by_chat["2"]) < 2.0
    assert min(by_chat["1"]) >= 20.0
    assert alert_ids(notifier.texts("1")) == ["one", "two"]


def test_after_a_crash_what_was_sent_is_not_repeated_and_what_was_not_is_sent() -> None:
    database, before, after = FakeDatabase(chats(*range(1, 101)), batch=40), FakeNotifier(latency_s=0.1), FakeNotifier()
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        task = asyncio.create_task(sender_on(database, telegram=before).run(), name="killed")
        await asyncio.sleep(1.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        settled = {each.address for each in database.deliveries.values() if each.status is DeliveryStatus.SENT}
        async with delivering(database, telegram=after):
            await asyncio.sleep(60.0)
        repeated = {address for _, address, _ in after.sent} & settled
        assert repeated == set()
        assert len(settled) >= 30

    run(main())

    assert {to for _, to, _ in (*before.sent, *after.sent)} == {str(n) for n in range(1, 101)}
    assert database.statuses() == [DeliveryStatus.SENT] * 100


def test_first_batch_is_sent_while_later_batches_are_still_being_added() -> None:
    database, notifier = FakeDatabase(chats(*range(1, 101)), batch=10), FakeNotifier()
    database.add_alerts(near_alert("one", START))
    added_at_first_send: list[int] = []
    slow_fan_out = database.fan_out

    async def fan_out(alert, now) -> bool:  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.5)
        if notifier.sent and not added_at_first_send:
            added_at_first_send.append(len(database.deliveries))
        return await slow_fan_out(alert, now)

    database.fan_out = fan_out  # type: ignore[method-assign]

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    assert added_at_first_send == [10]
    assert len(notifier.sent) == 100


def test_stop_finishes_what_is_being_sent_and_starts_nothing_new() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier(latency_s=3.0)
    database.add_alerts(near_alert("one", START), near_alert("two", START))

    async def main() -> float:
        sender = sender_on(database, telegram=notifier)
        task = asyncio.create_task(sender.run(), name="sender")
        await asyncio.sleep(1.0)
        began = asyncio.get_running_loop().time()
        await sender.stop()
        await task
        return asyncio.get_running_loop().time() - began

    took_s = run(main())

    assert took_s == pytest.approx(2.0, abs=0.1)
    assert len(notifier.attempts) == 1
    assert database.status("one", "1") is DeliveryStatus.SENT
    assert database.status("two", "1") is DeliveryStatus.DUE


def test_stop_gives_up_a_send_that_hangs_after_its_timeout() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier(latency_s=1000.0)
    database.add_alerts(near_alert("one", START))

    async def main() -> float:
        sender = sender_on(database, telegram=notifier)
        task = asyncio.create_task(sender.run(), name="sender")
        await asyncio.sleep(1.0)
        began = asyncio.get_running_loop().time()
        await sender.stop(within_s=10.0)
        await task
        return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(10.0, abs=0.2)
    assert database.status("one", "1") is DeliveryStatus.DUE


def test_silent_subscriber_gets_a_silent_message() -> None:
    database, notifier = FakeDatabase([recipient(1, loudness="silent"), recipient(2)]), FakeNotifier()
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(5.0)

    run(main())

    assert {address: message.silent for _, address, message in notifier.sent} == {"1": True, "2": False}


def test_idle_sender_leaves_the_database_alone() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    reads = 0
    due = database.due

    async def counted(*args, **kwargs):  # type: ignore[no-untyped-def]
        nonlocal reads
        reads += 1
        return await due(*args, **kwargs)

    database.due = counted  # type: ignore[method-assign]

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(3600.0)

    run(main())

    assert reads <= 3


def test_chat_gets_its_next_message_only_when_the_one_before_is_answered() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier(latency_s=5.0)
    database.add_alerts(near_alert("one", START), near_alert("two", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(30.0)

    run(main())

    first, second = (at for at, address in notifier.attempts if address == "1")
    assert second - first == pytest.approx(5.0, abs=0.1)
    assert min(at for at, address in notifier.attempts if address == "2") < 0.1


def test_wake_while_the_outbox_is_being_read_is_not_forgotten() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    next_due_at = database.next_due_at

    async def slow() -> float | None:
        found = await next_due_at()
        await asyncio.sleep(0.5)
        return found

    database.next_due_at = slow  # type: ignore[method-assign]

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(0.2)
            database.add_alerts(near_alert("one", START))
            sender.wake()
            await asyncio.sleep(5.0)

    run(main())

    assert notifier.sent[0][0] < 1.1
