"""Deliveries that come to the sender with their alert: sent unread, in order, and once, whatever the write says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision
from liqalert.core.market import UnixTime
from liqalert.ports import Delivery, DeliveryStatus, FannedOut, Preferences, QuietHours, Recipient, StorageError
from tests.delivery.rig import FakeDatabase, alert_ids, chats
from tests.delivery.test_recorder import decisions, recording
from tests.fakes import FakeNotifier, near_alert, network_error, recipient
from tests.virtual_time import START, VirtualClock, run


class UnreadOutbox(FakeDatabase):
    """Its outbox answers after a second."""

    async def due(self, now: UnixTime, limit: int, exclude: Sequence[int] = ()) -> tuple[Delivery, ...]:
        due = await super().due(now, limit, exclude)
        await asyncio.sleep(1.0)
        return due


class CommittedUnawares(FakeDatabase):
    """Commits the first alert, takes its time, and then says that it has failed."""

    takes_s = 0.0

    async def record_and_fan_out(self, decisions: Sequence[Decision], now: UnixTime) -> FannedOut:
        first = not self.alerts
        fanned_out = await super().record_and_fan_out(decisions, now)
        if first:
            await asyncio.sleep(self.takes_s)
            raise StorageError("recording decisions failed on a fake: the connection was lost")
        return fanned_out


def test_alert_leaves_without_the_outbox_being_read() -> None:
    database, notifier = UnreadOutbox(chats(1, 2)), FakeNotifier()

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            await asyncio.sleep(10.0)
            recorder.put(decisions(near_alert("one", START + 10.0)))
            await asyncio.sleep(60.0)

    run(main())

    assert sorted((address, at < 10.01) for at, address, _ in notifier.sent) == [("1", True), ("2", True)]
    assert database.statuses() == [DeliveryStatus.SENT] * 2


def test_alert_that_comes_while_the_outbox_is_read_is_sent_once_and_after_what_was_there() -> None:
    database, notifier = UnreadOutbox(chats(1)), FakeNotifier()
    database.add_alerts(near_alert("old", START - 60.0))

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            await asyncio.sleep(0.5)
            recorder.put(decisions(near_alert("new", START)))
            await asyncio.sleep(60.0)

    run(main())

    assert alert_ids(notifier.texts("1")) == ["old", "new"]


def test_alert_does_not_overtake_one_that_is_to_be_tried_again() -> None:
    database, notifier = FakeDatabase(chats(1)), FakeNotifier()
    notifier.down = network_error()

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("old", START)))
            await asyncio.sleep(20.0)
            recorder.put(decisions(near_alert("new", START + 20.0)))
            notifier.down = None
            await asyncio.sleep(60.0)

    run(main())

    assert alert_ids(notifier.texts("1")) == ["old", "new"]


@pytest.mark.parametrize("refusals", [1, 2, 4])
@pytest.mark.parametrize("later_s", [0.05, 0.5, 0.9])
def test_alert_does_not_overtake_one_whose_next_try_is_near(refusals: int, later_s: float) -> None:
    database = FakeDatabase(chats(1))
    notifier = FakeNotifier(*(network_error() for _ in range(refusals)), latency_s=0.2)

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            await asyncio.sleep(5.0)
            recorder.put(decisions(near_alert("old", START + 5.0)))
            await asyncio.sleep(later_s)
            recorder.put(decisions(near_alert("new", START + 5.0 + later_s)))
            await asyncio.sleep(60.0)

    run(main())

    assert alert_ids(notifier.texts("1")) == ["old", "new"]


def test_what_is_tried_again_holds_nothing_back_after_a_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    database, notifier, ahead_s = FakeDatabase(chats(1)), FakeNotifier(network_error()), 3600.0
    steady = VirtualClock.now
    monkeypatch.setattr(VirtualClock, "now", lambda clock: steady(clock) + ahead_s)

    async def main() -> None:
        nonlocal ahead_s
        async with recording(database, notifier) as (recorder, _):
            await asyncio.sleep(5.0)
            recorder.put(decisions(near_alert("old", START + 3605.0)))
            await asyncio.sleep(0.3)
            ahead_s = 0.0
            recorder.put(decisions(near_alert("new", START + 5.3)))
            await asyncio.sleep(10.0)

    run(main())

    assert alert_ids(notifier.texts("1")) == ["new"]


def test_what_is_held_until_quiet_hours_end_is_not_sent_at_once() -> None:
    quiet, loud = recipient(1, preferences=Preferences(quiet=QuietHours(0, 1439, "UTC"))), recipient(2)
    database, notifier = FakeDatabase([quiet, loud]), FakeNotifier()

    async def main() -> None:
        async with recording(database, notifier) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(60.0)

    run(main())

    assert [address for _, address, _ in notifier.sent] == ["2"]
    assert database.statuses() == [DeliveryStatus.HELD, DeliveryStatus.SENT]


def test_slow_write_that_also_reaches_chats_which_memory_did_not_know_tells_each_once() -> None:
    database, notifier = FakeDatabase(chats(1, 2)), FakeNotifier()
    record = database.record

    async def slow(decisions: Sequence[Decision]) -> None:
        await record(decisions)
        await asyncio.sleep(3.0)

    class Forgetful:
        async def recipients(self, alert: Alert, now: UnixTime) -> Sequence[Recipient]:
            return chats(1)

    database.record = slow  # type: ignore[method-assign]

    async def main() -> None:
        async with recording(database, notifier, audience=Forgetful()) as (recorder, _):
            recorder.put(decisions(near_alert("one", START)))
            await asyncio.sleep(60.0)

    run(main())

    assert sorted(address for _, address, _ in notifier.sent) == ["1", "2"]
    assert database.statuses() == [DeliveryStatus.SENT] * 2


@pytest.mark.parametrize(("takes_s", "recorded"), [(0.0, False), (2.0, True)])
def test_alert_that_was_committed_although_the_write_failed_is_told_once(takes_s: float, recorded: bool) -> None:
    """Unrecorded where that was said at once; as recorded where its deliveries were found in the outbox before."""
    database, notifier = CommittedUnawares(chats(1, 2)), FakeNotifier(latency_s=5.0)
    database.takes_s = takes_s

    async def main() -> None:
        async with recording(database, notifier) as (recorder, sender):
            await asyncio.sleep(10.0)
            recorder.put(decisions(near_alert("one", START + 10.0)))
            await asyncio.sleep(0.1)
            # Whatever makes it look: the deliveries are there, and due.
            sender.wake()
            await asyncio.sleep(60.0)

    run(main())

    assert sorted(address for _, address in notifier.attempts) == ["1", "2"]
    assert all(("not recorded" not in message.plain) is recorded for _, _, message in notifier.sent)
    assert database.statuses() == [DeliveryStatus.SENT] * 2
