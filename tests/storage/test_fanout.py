"""Deliveries that are recorded together with their alert."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import insert, select

from liqalert.core.episodes import Raised
from liqalert.core.outcomes import TrackRecord
from liqalert.ports import Delivery, DeliveryStatus, FannedOut, Outcome, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import DELIVERIES
from tests.storage.objects import BTC_RULE, T0, alert, held, near, touched
from tests.storage.subscribers import subscribers


async def test_deliveries_are_made_with_the_alert_and_given_back_as_the_outbox_gives_them(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 3)

    made = await alerts.record_and_fan_out([near()], T0 + 81)

    assert (made.deliveries, made.complete) == (await outbox.due(T0 + 81, 9), True)
    assert [(each.alert, each.chat_id, each.created_at) for each in made.deliveries] == [
        (alert(), 1, T0 + 81),
        (alert(), 2, T0 + 81),
        (alert(), 3, T0 + 81),
    ]
    assert await outbox.unfinished() == ()


async def test_what_is_asked_before_sending_comes_along(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    before = await alerts.record_and_fan_out([near(), touched(), held()], T0 + 200)
    await outbox.settle([Outcome(before.deliveries[0].id, DeliveryStatus.SENT, 1, T0 + 201, T0 + 201, "77")])

    made = await alerts.record_and_fan_out([Raised(alert("a2", episode_id="e2"), T0 + 300)], T0 + 300)

    assert made.records == {BTC_RULE.id: TrackRecord(swept=0, held=1, faded=0)}


async def test_a_delivery_that_is_there_already_is_not_made_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 3)
    await alerts.record([near()])
    async with database.write("test") as connection:
        there = {"alert_id": alert().id, "chat_id": 2, "silent": False, "status": "due", "attempts": 0}
        times = {"created_at": T0, "due_at": T0, "updated_at": T0}
        await connection.execute(insert(DELIVERIES), [there | times])

    made = await alerts.record_and_fan_out([near()], T0 + 82)

    assert [each.chat_id for each in made.deliveries] == [1, 3]
    assert sorted(each.chat_id for each in await outbox.due(T0 + 99, 9)) == [1, 2, 3]


async def test_an_alert_whose_episode_has_moved_on_by_then_is_overtaken(
    alerts: AlertStore, database: Database, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)

    await alerts.record_and_fan_out([near(), touched()], T0 + 81)

    async with database.read("test") as connection:
        amend_at = (await connection.execute(select(DELIVERIES.c.amend_at))).scalar_one()
    assert amend_at == touched().episode.since


async def test_recorded_again_it_makes_none(database: Database, alerts: AlertStore, outbox: DeliveryOutbox) -> None:
    await subscribers(database, 2)
    await alerts.record_and_fan_out([near()], T0 + 81)

    again = await alerts.record_and_fan_out([near()], T0 + 82)

    assert again == FannedOut((), complete=True)
    assert len(await outbox.due(T0 + 99, 9)) == 2


async def test_no_more_than_fifty_are_made_and_the_fan_out_goes_on_after_them(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 60)
    raised = [Raised(alert(name), T0) for name in ("a1", "a2")]

    made = await alerts.record_and_fan_out(raised, T0 + 81)

    assert made.complete is False
    assert [(each.alert.id, each.chat_id) for each in made.deliveries] == [("a1", number) for number in range(1, 51)]
    assert [each.id for each in await outbox.unfinished()] == ["a1", "a2"]
    assert [await outbox.fan_out(alert(name), T0 + 82) for name in ("a1", "a2")] == [True, True]
    due = await outbox.due(T0 + 99, 999)
    assert len({(each.alert.id, each.chat_id) for each in due}) == 120


async def test_an_alert_waits_for_the_fan_out_of_an_earlier_one(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    await alerts.record([near()])

    made = await alerts.record_and_fan_out([Raised(alert("a2"), T0 + 5)], T0 + 81)

    assert made == FannedOut((), complete=False)
    assert await outbox.due(T0 + 99, 9) == ()
    assert [each.id for each in await outbox.unfinished()] == ["a1", "a2"]


async def test_a_refused_write_leaves_neither_alert_nor_deliveries(
    sqlite_database: Database,
) -> None:
    await subscribers(sqlite_database, 2)
    alerts, outbox = AlertStore(sqlite_database), DeliveryOutbox(sqlite_database)
    with closing(sqlite3.connect(str(sqlite_database.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await alerts.record_and_fan_out([near()], T0)
        other.rollback()

    assert await outbox.unfinished() == ()
    assert await outbox.due(T0 + 99, 9) == ()


async def test_one_that_went_out_from_memory_meanwhile_takes_over_the_delivery_that_nobody_tried(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    await alerts.record_and_fan_out([near()], T0)
    from_memory = Delivery(-1, alert(), 1, "telegram", "0", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)

    assert await outbox.unfinished(also=["a1", "other"]) == (alert(),)
    await outbox.adopt(from_memory, Outcome(-1, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "77", attempted=True))

    assert [each.chat_id for each in await outbox.due(T0 + 99, 9)] == [2]
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 0, "held": 0, "dead": 0}


async def test_a_delivery_that_was_tried_keeps_its_own_outcome(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    made = await alerts.record_and_fan_out([near()], T0)
    await outbox.settle([Outcome(made.deliveries[0].id, DeliveryStatus.DUE, 1, T0 + 1, T0 + 60, attempted=True)])
    from_memory = Delivery(-1, alert(), 1, "telegram", "0", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)

    await outbox.adopt(from_memory, Outcome(-1, DeliveryStatus.DUE, 0, T0, T0))

    [delivery] = await outbox.due(T0 + 60, 9)
    assert (delivery.attempts, delivery.due_at) == (1, T0 + 60)
