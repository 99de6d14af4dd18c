"""What the sender makes of every answer that is not a success, in virtual time."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from liqalert.core.episodes import EpisodeState
from liqalert.ports import DeliveryError, DeliveryStatus, Message, Outcome, Recipient
from tests.delivery.rig import FakeDatabase, alert_ids, chats, delivering, sender_on
from tests.fakes import FakeNotifier, near_alert, network_error
from tests.virtual_time import START, run


def test_temporary_failures_are_retried_after_1_2_4_8_15_30_and_then_every_30_seconds() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier(*(network_error() for _ in range(8)))
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(200.0)

    run(main())

    times = [at for at, _ in notifier.attempts]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses == pytest.approx([1, 2, 4, 8, 15, 30, 30, 30], abs=0.1)
    assert database.outcomes[1].attempts == 9
    assert database.status("one", "1") is DeliveryStatus.SENT


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


def test_delivery_is_dead_after_a_day_and_not_before() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    notifier.down = network_error()
    database.add_alerts(near_alert("one", START))
    seen: list[DeliveryStatus] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(86_390.0)
            seen.append(database.status("one", "1"))
            await asyncio.sleep(60.0)
            seen.append(database.status("one", "1"))

    run(main())

    assert seen == [DeliveryStatus.LATE, DeliveryStatus.DEAD]


def test_permanent_answer_is_final_and_marks_a_lost_chat_dead() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier()
    notifier.answers_to["1"].append(DeliveryError("Telegram: blocked", permanent=True, address_dead=True))
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(100.0)

    run(main())

    assert database.status("one", "1") is DeliveryStatus.DEAD
    assert database.status("one", "2") is DeliveryStatus.SENT
    assert database.dead == [1]
    assert len([to for _, to in notifier.attempts if to == "1"]) == 1


def test_moved_chat_is_rewritten_and_the_message_sent_to_the_new_address_at_once() -> None:
    database, notifier = FakeDatabase(chats(-5)), FakeNotifier()
    notifier.answers_to["-5"].append(DeliveryError("Telegram: migrated", moved_to="-1005"))
    database.add_alerts(near_alert("one", START), near_alert("two", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(10.0)

    run(main())

    assert database.moves == [("telegram", "-5", "-1005")]
    assert [address for _, address, _ in notifier.sent] == ["-1005", "-1005"]
    assert notifier.sent[0][0] < 0.2
    assert alert_ids(notifier.texts("-1005")) == ["one", "two"]


def test_refused_channel_is_left_alone_and_says_so_while_the_others_go_on() -> None:
    database, telegram, console = FakeDatabase(chats(1)), FakeNotifier(), FakeNotifier()
    telegram.down = DeliveryError("Telegram refuses the token", permanent=True, channel_dead=True)
    database.subscribers.append(Recipient(2, "console", "console"))
    problems: list[str] = []

    async def main() -> None:
        sender = sender_on(database, telegram=telegram, console=console)
        task = asyncio.create_task(sender.run(), name="sender")
        for n in range(3):
            database.add_alerts(near_alert(f"alert{n}", START + n * 100.0))
            sender.wake()
            await asyncio.sleep(100.0)
        problems.extend(sender.problems)
        await sender.stop()
        await task

    run(main())

    assert len(telegram.attempts) <= 5
    assert len(console.sent) == 3
    assert problems == ["telegram sends nothing any more: Telegram refuses the token"]
    assert database.status("alert0", "1") is DeliveryStatus.DUE


def test_channel_that_was_refused_is_tried_again_by_one_message_and_then_by_all() -> None:
    """Telegram answers 401 to a good token for three minutes; twenty chats wait."""
    database, telegram = FakeDatabase(chats(*range(1, 21))), FakeNotifier()
    database.add_alerts(near_alert("one", START))
    refused: list[int] = []
    problems: list[tuple[str, ...]] = []

    async def main() -> None:
        async with delivering(database, telegram=telegram) as sender:
            await asyncio.sleep(1.0)
            telegram.down = DeliveryError("Telegram refuses the token", permanent=True, channel_dead=True)
            database.add_alerts(near_alert("two", START))
            sender.wake()
            await asyncio.sleep(10.0)
            refused.append(len(telegram.attempts))
            await asyncio.sleep(170.0)
            refused.append(len(telegram.attempts))
            telegram.down = None
            await asyncio.sleep(400.0)
            problems.append(sender.problems)

    run(main())

    assert all(alert_ids(telegram.texts(str(chat))) == ["one", "two"] for chat in range(1, 21))
    assert refused[1] - refused[0] <= 3
    assert problems == [()]


def test_unexpected_exception_is_counted_and_retried_and_the_others_go_on() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier()
    notifier.answers_to["1"].append(KeyError("result"))
    database.add_alerts(near_alert("one", START))
    counts: list[int] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(10.0)
            counts.append(sender.counts["telegram", "unexpected"])

    run(main())

    assert counts == [1]
    assert database.statuses() == [DeliveryStatus.SENT] * 2


def test_notifier_that_never_answers_is_given_up_after_a_minute_and_tried_again() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier(latency_s=1000.0)
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(70.0)

    run(main())

    assert len(notifier.attempts) == 2
    assert database.outcomes[1].error == "no answer within 60 s: whether it arrived is unknown"


def test_outbox_that_cannot_be_read_is_a_problem_until_it_can() -> None:
    database, notifier = FakeDatabase(chats(1), unreadable=True), FakeNotifier()
    database.add_alerts(near_alert("one", START))
    problems: list[tuple[str, ...]] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier) as sender:
            await asyncio.sleep(30.0)
            problems.append(sender.problems)
            database.unreadable = False
            await asyncio.sleep(30.0)
            problems.append(sender.problems)

    run(main())

    assert "reading deliveries failed on a fake: disk I/O error" in problems[0]
    assert problems[1] == ()
    assert len(notifier.sent) == 1


def test_sent_message_is_not_repeated_while_its_outcome_cannot_be_written() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier(latency_s=1.0)
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(0.5)
            database.refusing = True
            await asyncio.sleep(120.0)
            database.refusing = False
            await asyncio.sleep(10.0)

    run(main())

    assert len(notifier.sent) == 1
    assert database.status("one", "1") is DeliveryStatus.SENT


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


def test_retry_is_on_time_while_another_chat_is_still_being_sent_to() -> None:
    class SlowToOne(FakeNotifier):
        async def send(self, address: str, message: Message) -> str:
            await asyncio.sleep(50.0 if address == "1" else 0.0)
            return await super().send(address, message)

    database, notifier = FakeDatabase(chats(1, 2)), SlowToOne()
    notifier.answers_to["2"].append(network_error())
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(60.0)

    run(main())

    assert [at for at, address in notifier.attempts if address == "2"] == pytest.approx([0.0, 1.0], abs=1.1)
