import asyncio
import sqlite3
from contextlib import closing

import pytest

from liqalert.ports import Attempt, Delivery, DeliveryStatus, Outcome, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.objects import BTC_RULE, T0, alert, near, notice, standard, touched
from tests.storage.subscribers import fanned_out, subscribers, told


def _outcome(delivery: Delivery, status: DeliveryStatus, due_at: float = T0 + 90) -> Outcome:
    return Outcome(delivery.id, status, delivery.attempts + 1, T0 + 85, due_at)


async def test_twelve_hundred_subscribers_are_reached_in_three_batches(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1_200)
    await alerts.record([near()])

    finished = [await outbox.fan_out(alert(), T0) for _ in range(3)]

    assert finished == [False, False, True]
    assert await outbox.unfinished() == ()
    told = await outbox.due(T0, 9_999)
    assert sorted(delivery.chat_id for delivery in told) == list(range(1, 1_201))


async def test_a_fan_out_cut_short_goes_on_where_it_stopped(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1_200)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    cut = asyncio.create_task(outbox.fan_out(alert(), T0), name="fan-out")
    for _ in range(5):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.wait([cut], timeout=5)

    async with Database(database.url.render_as_string(hide_password=False)) as after_a_restart:
        again = DeliveryOutbox(after_a_restart)
        assert await again.unfinished() == (alert(),)
        for _ in range(3):
            finished = await again.fan_out(alert(), T0 + 60)

        assert finished is True
        assert len({delivery.chat_id for delivery in await again.due(T0 + 60, 9_999)}) == 1_200


async def test_a_finished_fan_out_adds_nothing_more(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(BTC_RULE), now=T0)

    assert await outbox.fan_out(alert(), T0) is True

    assert await told(outbox) == [("telegram", "1")]


async def test_an_alert_that_is_not_recorded_cannot_be_fanned_out(outbox: DeliveryOutbox) -> None:
    with pytest.raises(StorageError, match=r"fan-out of alert a1 .* not recorded"):
        await outbox.fan_out(alert(), T0)


async def test_a_digest_counts_as_one_message(database: Database, alerts: AlertStore, outbox: DeliveryOutbox) -> None:
    await subscribers(database, 1)
    for number in range(3):
        await alerts.record_notice(alert(f"b{number}"))
        await outbox.fan_out(alert(f"b{number}"), T0)
    await outbox.settle(
        [
            Outcome(1, DeliveryStatus.SENT, 1, T0, T0, "7"),
            Outcome(2, DeliveryStatus.SENT, 1, T0 + 5, T0 + 5, "8,9", in_digest=True),
            Outcome(3, DeliveryStatus.SENT, 1, T0 + 6, T0 + 6, "8,9", in_digest=True),
        ]
    )

    assert await outbox.messages_since(T0) == {1: 2}
    assert await outbox.messages_since(T0 + 5) == {1: 1}


async def test_an_alert_that_cannot_be_read_holds_up_nobody(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    for name in ("bad", "good", "worse"):
        await alerts.record_notice(alert(name))
    await outbox.fan_out(alert("bad"), T0)
    async with database.write("test") as connection:
        await connection.exec_driver_sql("UPDATE alerts SET content = '{}' WHERE id IN ('bad', 'worse')")

    assert [each.id for each in await outbox.unfinished()] == ["good"]
    assert await outbox.due(T0, 5) == ()
    assert await outbox.counts() == {"due": 0, "sent": 0, "late": 0, "held": 0, "dead": 1}


async def test_what_is_due_first_comes_first_and_excluded_ids_are_left_out(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 4)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([_outcome((await outbox.due(T0, 1))[0], DeliveryStatus.DUE, due_at=T0 + 5)])

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 4, 9)] == [2, 3, 4]
    assert [delivery.chat_id for delivery in await outbox.due(T0 + 5, 9)] == [2, 3, 4, 1]
    assert [delivery.chat_id for delivery in await outbox.due(T0 + 5, 2, exclude=[2])] == [3, 4]


async def test_nothing_to_do_is_none(outbox: DeliveryOutbox) -> None:
    assert await outbox.next_due_at() is None
    assert await outbox.waiting() == (0, None)
    assert await outbox.counts() == {"due": 0, "sent": 0, "late": 0, "held": 0, "dead": 0}


async def test_what_was_sent_from_memory_is_stored_and_not_sent_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    await alerts.record([near()])
    from_memory = Delivery(-1, alert(), 1, "telegram", "0", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)

    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))
    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))
    await outbox.fan_out(alert(), T0 + 90)

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 90, 9)] == [2]
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 0, "held": 0, "dead": 0}


async def test_deliveries_to_a_dead_chat_are_given_up(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await subscribers(database, 2)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await chats.mark_dead(1, T0 + 1)

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 9, 9)] == [2]


async def test_a_list_counts_once_if_at_all_and_the_consoles_numbers_may_repeat(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """A list that is no message of its own, by its id, does not count."""
    await subscribers(database, 1)
    for number in range(6):
        await alerts.record_notice(alert(f"b{number}"))
        await outbox.fan_out(alert(f"b{number}"), T0)
    await outbox.settle([Outcome(id_, DeliveryStatus.HELD, 0, T0, T0) for id_ in (1, 2, 5, 6)])
    await outbox.settle([Outcome(id_, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "1") for id_ in (1, 2, 3, 4)])
    await outbox.settle([Outcome(id_, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, None) for id_ in (5, 6)])

    assert await outbox.messages_since(T0) == {1: 3}


async def test_notices_do_not_count_as_messages_with_alerts(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await fanned_out(outbox, alerts, notice(only_chat=1))
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0, T0, "1")])

    assert await outbox.messages_since(T0) == {}


async def test_what_was_sent_from_memory_is_amended_where_its_episode_has_moved_on(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await alerts.record([near(), touched()])
    from_memory = Delivery(-1, alert(), 1, "telegram", "0", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)
    sent = Outcome(-1, DeliveryStatus.SENT, 1, T0 + 85, T0 + 85, "7", attempted=True)

    await outbox.adopt(from_memory, sent)

    [amendment] = await MessageAmendments(database).amendments(T0 + 999, 5)
    assert (amendment.message_id, amendment.sent_at) == ("7", T0 + 85)
    row = await alerts.why("a1")
    assert row is not None
    assert row.deliveries[0].history == (Attempt(T0 + 85, None),)


async def test_what_was_sent_from_memory_follows_a_chat_whose_row_became_another(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    """The supergroup (row 1) was known already when the group (row 2) became it."""
    await sync_defaults(database, "telegram", ["-1007", "7", "8"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    from_memory = Delivery(-1, alert(), 1, "telegram", "-1007", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)
    await chats.migrate("telegram", "7", "-1007")

    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))
    await outbox.fan_out(alert(), T0 + 90)

    assert [delivery.address for delivery in await outbox.due(T0 + 90, 9)] == ["8"]
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 0, "held": 0, "dead": 0}


async def test_what_was_sent_from_memory_to_a_chat_that_is_no_more_is_forgotten(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await alerts.record([near()])
    from_memory = Delivery(-1, alert(), 9, "telegram", "9", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)

    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))

    assert await outbox.counts() == {"due": 0, "sent": 0, "late": 0, "held": 0, "dead": 0}


async def test_an_alert_that_cannot_be_read_is_passed_over_even_where_that_cannot_be_noted(
    sqlite_database: Database,
) -> None:
    alerts, outbox = AlertStore(sqlite_database), DeliveryOutbox(sqlite_database)
    await subscribers(sqlite_database, 1)
    for name in ("bad", "good"):
        await alerts.record_notice(alert(name))
        await outbox.fan_out(alert(name), T0)
    async with sqlite_database.write("test") as connection:
        await connection.exec_driver_sql("UPDATE alerts SET content = '{}' WHERE id = 'bad'")

    with closing(sqlite3.connect(str(sqlite_database.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        due = await outbox.due(T0, 9)

    assert [delivery.alert.id for delivery in due] == ["good"]
