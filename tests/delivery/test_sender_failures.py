"""What the sender makes of every answer that is not a success, in virtual time."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from liqalert.ports import DeliveryError, DeliveryStatus, Message, Recipient
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


def test_retry_after_no_time_at_all_is_no_reason_to_try_without_pause() -> None:
    """A proxy in front of a server that is down answers 503 with Retry-After: 0."""
    database, webhook = FakeDatabase(), FakeNotifier()
    webhook.down = DeliveryError("webhook answers HTTP 503", retry_after_s=0.0)
    database.subscribers.append(Recipient(1, "webhook", "webhook"))
    database.add_alerts(near_alert("one", START))

    async def main() -> None:
        async with delivering(database, webhook=webhook):
            await asyncio.sleep(60.0)

    run(main())

    assert len(webhook.attempts) == 6


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
    working: set[str] = set()

    async def main() -> None:
        sender = sender_on(database, telegram=telegram, console=console)
        task = asyncio.create_task(sender.run(), name="sender")
        for n in range(3):
            database.add_alerts(near_alert(f"alert{n}", START + n * 100.0))
            sender.wake()
            await asyncio.sleep(100.0)
        problems.extend(sender.problems)
        working.update(sender.working)
        await sender.stop()
        await task

    run(main())

    assert working == {"console"}
    assert len(telegram.attempts) <= 5
    assert len(console.sent) == 3
    assert problems == ["telegram sends nothing any more: Telegram refuses the token"]
    assert database.status("alert0", "1") is DeliveryStatus.DUE


@pytest.mark.parametrize("permanent", [True, False])
def test_an_address_of_the_settings_that_takes_nothing_is_a_problem_until_it_does(permanent: bool) -> None:
    """A webhook that answers 400, or is down: nobody reads there that nothing comes any more."""
    database, webhook = FakeDatabase(), FakeNotifier()
    webhook.down = DeliveryError("webhook answers HTTP 400", permanent=permanent)
    database.subscribers.append(Recipient(1, "webhook", "webhook"))
    problems: list[tuple[str, ...]] = []
    working: list[frozenset[str]] = []

    async def main() -> None:
        async with delivering(database, webhook=webhook) as sender:
            working.append(sender.working)
            for name in ("one", "two"):
                database.add_alerts(near_alert(name, START))
                sender.wake()
                await asyncio.sleep(200.0)
                problems.append(sender.problems)
                working.append(sender.working)
                webhook.down = None

    run(main())

    assert problems == [("the last message was not taken: webhook answers HTTP 400",), ()]
    assert working == [{"webhook"}, frozenset(), {"webhook"}]


def test_a_channel_works_while_one_of_its_addresses_takes_what_is_sent() -> None:
    database, apprise = FakeDatabase(), FakeNotifier()
    refusal = DeliveryError("apprise: refused", permanent=True)
    apprise.answers_to["first"].append(refusal)
    database.subscribers += [Recipient(1, "apprise", "first"), Recipient(2, "apprise", "second")]
    working: list[frozenset[str]] = []

    async def main() -> None:
        async with delivering(database, apprise=apprise) as sender:
            for name in ("one", "two"):
                database.add_alerts(near_alert(name, START))
                sender.wake()
                await asyncio.sleep(200.0)
                working.append(sender.working)
                apprise.down = refusal

    run(main())

    assert working == [{"apprise"}, frozenset()]


def test_a_person_who_has_blocked_the_bot_is_no_fault_of_telegram() -> None:
    database, telegram = FakeDatabase(chats(1)), FakeNotifier()
    telegram.answers_to["1"].append(DeliveryError("Telegram: blocked", permanent=True, address_dead=True))
    database.add_alerts(near_alert("one", START))
    problems: list[tuple[str, ...]] = []

    async def main() -> None:
        async with delivering(database, telegram=telegram) as sender:
            await asyncio.sleep(10.0)
            problems.append(sender.problems)

    run(main())

    assert problems == [()]


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


def test_what_waits_behind_a_chat_that_was_told_to_wait_comes_due_with_it_and_in_its_order() -> None:
    database, notifier = FakeDatabase(chats(7)), FakeNotifier(DeliveryError("flood control", retry_after_s=120.0))
    database.add_alerts(*(near_alert(f"alert{number}", START) for number in range(3)))
    due_at: list[float] = []

    async def main() -> None:
        async with delivering(database, telegram=notifier):
            await asyncio.sleep(60.0)
            due_at.extend(each.due_at - START for each in database.deliveries.values())
            await asyncio.sleep(90.0)

    run(main())

    assert due_at == [pytest.approx(120.0, abs=0.5)] * 3
    assert len(set(due_at)) == 1
    assert alert_ids(notifier.texts("7")) == ["alert0", "alert1", "alert2"]


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
