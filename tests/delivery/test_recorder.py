"""Recording before sending, and what happens while the database refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from liqalert.core.alerts import Alert
from liqalert.delivery.recorder import Audience, DecisionRecorder
from liqalert.delivery.sender import Sender
from liqalert.ports import DeliveryError, DeliveryStatus
from tests.delivery.rig import FakeDatabase, alert_ids, chats, sender_on
from tests.fakes import FakeNotifier, near_alert, near_transition, network_error, recipient
from tests.virtual_time import START, VirtualClock, run


@asynccontextmanager
async def recording(
    database: FakeDatabase, notifier: FakeNotifier, *remembered: int, audience: Audience | None = None
) -> AsyncIterator[tuple[DecisionRecorder, Sender]]:
    sender = sender_on(database, telegram=notifier)
    recorder = DecisionRecorder(
        database,
        sender,
        audience=audience or database,
        clock=VirtualClock(),
        remembered=lambda _alert, _now: chats(*remembered),
    )
    tasks = [asyncio.create_task(sender.run(), name="sender"), asyncio.create_task(recorder.run(), name="recorder")]
    try:
        yield recorder, sender
    finally:
        tasks[1].cancel()
        await sender.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


def decisions(*alerts: Alert) -> list:
    return [near_transition(alert) for alert in alerts]


def test_alert_is_recorded_before_it_is_sent() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    recorded_when_sent: list[bool] = []
    send = notifier.send

    async def spying(address, message):  # type: ignore[no-untyped-def]
        recorded_when_sent.append("one" in database.alerts)
        return await send(address, message)

    notifier.send = spying  # type: ignore[method-assign]

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(0.2)

    run(main())

    assert recorded_when_sent == [True]


def test_batches_are_written_in_order() -> None:
    database = FakeDatabase()
    alerts = [near_alert(f"alert{n}", START) for n in range(5)]

    async def main() -> int:
        async with recording(database, FakeNotifier()) as (recorder, _):
            for alert in alerts:
                recorder.put(decisions(alert))
            return await recorder.drain()

    assert run(main()) == 0
    assert database.decisions == decisions(*alerts)


def test_a_batch_that_can_never_be_written_holds_up_nothing_and_is_told_all_the_same() -> None:
    database, notifier = FakeDatabase(chats(1), poisoned={"bad"}), FakeNotifier()

    async def main() -> int:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("bad", START)))
            recorder.put(decisions(near_alert("good", START)))
            await asyncio.sleep(5.0)
            return recorder.unwritable

    unwritable = run(main())

    assert unwritable == 1
    assert list(database.alerts) == ["good"]
    assert len(notifier.sent) == 2


def test_notice_is_recorded_and_sent() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put_notice(near_alert("note", START, text="the clock is off by 12 s"))
            await asyncio.sleep(1.0)

    run(main())

    assert "the clock is off by 12 s" in notifier.texts("1")[0]


def test_alert_goes_out_at_once_while_the_database_refuses_and_says_so() -> None:
    database, notifier = FakeDatabase(chats(1, 2), refusing=True), FakeNotifier()
    problems: list[str | None] = []

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(0.2)
            problems.append(recorder.problem)

    run(main())

    assert sorted(address for _, address, _ in notifier.sent) == ["1", "2"]
    assert "not recorded: database unwritable" in notifier.texts("1")[0].splitlines()
    assert problems == [
        "not recorded: database unwritable (recording decisions failed on a fake: database or disk is full)"
    ]


def test_unrecorded_alert_is_written_with_its_outcome_and_not_repeated_once_the_database_is_back() -> None:
    database, notifier = FakeDatabase(chats(1, 2), refusing=True), FakeNotifier()

    async def main() -> str | None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            recorder.put(decisions(near_alert("two", START)))
            await asyncio.sleep(60.0)
            database.refusing = False
            await asyncio.sleep(60.0)
            return recorder.problem

    assert run(main()) is None
    assert sorted(alert_ids(notifier.texts("1"))) == ["one", "two"]
    assert sorted(alert_ids(notifier.texts("2"))) == ["one", "two"]
    assert [each.alert.id for each in database.decisions if each.alert] == ["one", "two"]
    assert database.statuses() == [DeliveryStatus.SENT] * 4
    assert {outcome.message_id for outcome in database.outcomes.values()} == {"1", "2", "3", "4"}


def test_what_could_not_be_sent_unrecorded_is_taken_over_by_the_database() -> None:
    database, notifier = FakeDatabase(chats(1), refusing=True), FakeNotifier()
    notifier.down = network_error()

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(60.0)
            database.refusing = False
            await asyncio.sleep(60.0)
            assert database.status("one", "1") is DeliveryStatus.DUE
            notifier.down = None
            await asyncio.sleep(60.0)

    run(main())

    assert alert_ids(notifier.texts("1")) == ["one"]
    assert "not recorded" not in notifier.texts("1")[0]
    assert database.status("one", "1") is DeliveryStatus.SENT


def test_muted_and_switched_off_chats_are_left_out_without_the_database_too() -> None:
    database, notifier = FakeDatabase(refusing=True), FakeNotifier()
    database.subscribers = [recipient(1, loudness="off"), recipient(2, muted_until=START + 60.0), recipient(3)]

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(5.0)

    run(main())

    assert [address for _, address, _ in notifier.sent] == ["3"]


def test_known_chats_are_told_when_not_even_the_recipients_can_be_read() -> None:
    database, notifier = FakeDatabase(chats(1, 2), refusing=True, unreadable=True), FakeNotifier()

    async def main() -> None:
        async with recording(database, notifier, 1) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(5.0)

    run(main())

    assert [address for _, address, _ in notifier.sent] == ["1"]


def test_alert_waits_one_second_for_a_database_that_does_not_answer() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()

    async def hanging(decisions) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(1000.0)

    database.record = hanging  # type: ignore[method-assign]

    async def main() -> str | None:
        async with recording(database, notifier) as (recorder, _):
            await asyncio.sleep(10.0)
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(10.0)
            return recorder.problem

    assert run(main()) == "not recorded: database unwritable (no answer within 6 s)"
    assert [at for at, _, _ in notifier.sent] == pytest.approx([11.0], abs=0.3)


def test_slow_write_that_succeeds_after_all_is_not_told_twice() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    record = database.record

    async def slow(decisions) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(3.0)
        await record(decisions)

    database.record = slow  # type: ignore[method-assign]

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(60.0)

    run(main())

    assert len(notifier.sent) == 1
    assert database.statuses() == [DeliveryStatus.SENT]


def test_drain_says_how_much_is_not_written() -> None:
    database = FakeDatabase(refusing=True)

    async def main() -> int:
        async with recording(database, FakeNotifier()) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            recorder.put(decisions(near_alert("two", START)))
            return await recorder.drain()

    assert run(main()) == 2


def test_alert_that_is_being_sent_unrecorded_is_not_sent_again_when_it_is_recorded_meanwhile() -> None:
    database, notifier = FakeDatabase(chats(1), refusing=True), FakeNotifier(latency_s=20.0)

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(2.0)
            database.refusing = False
            await asyncio.sleep(60.0)

    run(main())

    assert len(notifier.attempts) == 1
    assert database.statuses() == [DeliveryStatus.SENT]


def test_alert_recorded_while_its_recipients_were_looked_up_goes_out_once_and_as_recorded() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    record = database.record

    class SlowAudience:
        async def recipients(self, alert, now):  # type: ignore[no-untyped-def]
            await asyncio.sleep(2.5)
            return chats(1)

    async def slow(decisions) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(2.0)
        await record(decisions)

    database.record = slow  # type: ignore[method-assign]

    async def main() -> None:
        async with recording(database, notifier, 1, audience=SlowAudience()) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(60.0)

    run(main())

    assert len(notifier.sent) == 1
    assert "not recorded" not in notifier.texts("1")[0]


def test_group_that_moves_while_nothing_can_be_written_is_reached_at_its_new_address() -> None:
    database, notifier = FakeDatabase(chats(-5), refusing=True), FakeNotifier()
    notifier.answers_to["-5"].append(DeliveryError("Telegram: migrated", moved_to="-1005"))
    notifier.answers_to["-1005"].append(network_error())

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(30.0)

    run(main())

    assert [address for _, address in notifier.attempts] == ["-5", "-1005", "-1005"]
