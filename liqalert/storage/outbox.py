"""The outbox: who is to be told of an alert, what is still to be sent, and how each attempt ended."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, and_, false, func, or_, select, update

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import Route, quieted_by
from liqalert.ports import Delivery, DeliveryStatus, Outcome, Recipient, StorageError
from liqalert.storage.audience import read_recipients
from liqalert.storage.database import Database
from liqalert.storage.decisions import readable_alert
from liqalert.storage.episodes import overtaken_at
from liqalert.storage.fanout import delivery_row, fan_out, note_progress, read_progress
from liqalert.storage.outcomes import count_messages, store_outcomes
from liqalert.storage.preferences import preferences_from
from liqalert.storage.tables import ALERTS, CHATS, DELIVERIES

log = logging.getLogger(__name__)


class DeliveryOutbox:
    """Implements ports.Outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        """Adds deliveries for the next 500 recipients, in one transaction with how far it has come."""

        def write(connection: Connection) -> bool:
            progress = read_progress(connection, alert)
            if progress is None:
                raise StorageError(f"fan-out of alert {alert.id} failed on {self._database.name}: it is not recorded")
            done, cursor = progress
            if not done:
                done, cursor, _ = fan_out(self._database, connection, alert, now=now, after=cursor)
                note_progress(connection, alert, done=done, cursor=cursor)
            return done

        return await self._database.write_at_once("fan-out", write)

    async def recipients(self, alert: Alert, now: UnixTime) -> tuple[Recipient, ...]:
        """Whom a fan-out of `alert` would reach at `now`: the first 500 of them."""
        return await self._database.read_at_once(
            "reading recipients", lambda connection: read_recipients(connection, alert, now=now, after=0)
        )

    async def unfinished(self, also: Collection[str] = ()) -> tuple[Alert, ...]:
        wanted = or_(ALERTS.c.fanout_done.is_(False), ALERTS.c.id.in_(also) if also else false())
        # Of the same moment, the one that has begun.
        order = ALERTS.c.decided_at, ALERTS.c.fanout_cursor.desc()
        query = select(ALERTS.c.id, ALERTS.c.content).where(wanted).order_by(*order)
        rows = await self._database.read_at_once(
            "reading unfinished alerts", lambda connection: connection.execute(query).all()
        )
        alerts = {id_: readable_alert(content) for id_, content in rows}
        await self._give_up_on([id_ for id_, alert in alerts.items() if alert is None])
        return tuple(alert for alert in alerts.values() if alert is not None)

    async def due(
        self, now: UnixTime, limit: int, exclude: Sequence[int] = (), *, chat_ids: Collection[int] | None = None
    ) -> tuple[Delivery, ...]:
        """What is to be tried at `now`, longest due first."""
        excluded = frozenset(exclude)
        theirs = () if chat_ids is None else (DELIVERIES.c.chat_id.in_(chat_ids),)
        query = (
            select(DELIVERIES, CHATS.c.channel, CHATS.c.address, CHATS.c.preferences, ALERTS.c.content)
            .join(CHATS, CHATS.c.id == DELIVERIES.c.chat_id)
            .join(ALERTS, ALERTS.c.id == DELIVERIES.c.alert_id)
            .where(DELIVERIES.c.due_at <= now, *theirs)
            .order_by(DELIVERIES.c.due_at, DELIVERIES.c.id)
            .limit(limit + len(excluded))
        )
        rows = await self._database.read_at_once(
            "reading deliveries", lambda connection: connection.execute(query).mappings().all()
        )
        alerts = {content: readable_alert(content) for content in {row["content"] for row in rows}}
        await self._give_up_on(sorted({row["alert_id"] for row in rows if alerts[row["content"]] is None}))
        wanted = [(row, alerts[row["content"]]) for row in rows if row["id"] not in excluded][:limit]
        return tuple(_delivery(row, alert) for row, alert in wanted if alert is not None)

    async def _give_up_on(self, alert_ids: Sequence[str]) -> None:
        """Alerts whose rows cannot be read, a newer liqalert's perhaps: they must not hold up the others."""
        if not alert_ids:
            return
        log.error("alerts in the database cannot be read", extra={"alerts": list(alert_ids)})
        dead = {"status": DeliveryStatus.DEAD, "due_at": None, "error": "its alert cannot be read"}
        unsettled = DELIVERIES.c.alert_id.in_(alert_ids), DELIVERIES.c.due_at.is_not(None)
        try:
            async with self._database.write("setting unreadable alerts aside") as connection:
                await connection.execute(update(DELIVERIES).where(*unsettled).values(dead))
                await connection.execute(update(ALERTS).where(ALERTS.c.id.in_(alert_ids)).values(fanout_done=True))
        except StorageError as exc:
            log.warning("unreadable alerts not set aside", extra={"error": str(exc)})

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Stores `outcomes` in one transaction."""
        if not outcomes:
            return
        await self._database.write_at_once("storing outcomes", lambda connection: store_outcomes(connection, outcomes))

    async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
        """Stores a delivery that was kept in memory, with its outcome; its alert must be recorded by now.

        A later fan-out of that alert leaves the chat out, so nothing is sent twice. One that was recorded with the
        alert has made a delivery already, which nobody has tried: that one takes the outcome. Nothing happens where the
        chat has gone meanwhile.
        """
        table = DELIVERIES.c

        def write(connection: Connection) -> None:
            chat_id = _present_row(connection, delivery)
            if chat_id is None:
                return
            recipient = Recipient(chat_id, delivery.channel, delivery.address)
            way = Route(delivery.status, silent=delivery.silent, due_at=delivery.due_at)
            row = delivery_row(delivery.alert, recipient, way, delivery.created_at)
            row["amend_at"] = overtaken_at(connection, delivery.alert)
            connection.execute(self._database.insert_new(DELIVERIES), row)
            untried = table.attempts == 0, table.due_at.is_not(None)
            stored = table.alert_id == delivery.alert.id, table.chat_id == chat_id
            id_ = connection.execute(select(table.id).where(*stored, *untried)).scalar_one_or_none()
            if id_ is not None:
                store_outcomes(connection, [replace(outcome, delivery_id=id_)])

        await self._database.write_at_once("storing an outcome", write)

    async def next_due_at(self) -> UnixTime | None:
        query = select(func.min(DELIVERIES.c.due_at))
        due_at: UnixTime | None = await self._database.read_at_once(
            "reading deliveries", lambda connection: connection.scalar(query)
        )
        return due_at

    async def messages_since(self, since: UnixTime) -> Mapping[int, int]:
        return await self._database.read_at_once(
            "counting messages", lambda connection: count_messages(connection, since)
        )

    async def counts(
        self, statuses: Collection[DeliveryStatus] = tuple(DeliveryStatus)
    ) -> Mapping[DeliveryStatus, int]:
        """How many deliveries there are, by status; each of `statuses` is named. Those sent may be millions."""
        status = DELIVERIES.c.status
        query = select(status, func.count()).where(status.in_(statuses)).group_by(status)
        async with self._database.read("counting deliveries") as connection:
            found = {DeliveryStatus(status): count for status, count in await connection.execute(query)}
        return {each: found.get(each, 0) for each in statuses}

    async def waiting(self) -> tuple[int, UnixTime | None]:
        """How many deliveries are neither sent nor dead, and when the oldest of them was made; None when there is none.
        What is held for quiet hours waits on purpose: it counts once its list has been tried."""
        table = DELIVERIES.c
        tried = or_(table.status != DeliveryStatus.HELD, table.attempts > 0)
        # Greater than zero means not NULL, and unlike that it uses the index.
        query = select(func.count(), func.min(table.created_at)).where(table.due_at > 0, tried)
        async with self._database.read("reading deliveries") as connection:
            count, oldest_at = (await connection.execute(query)).one()
            return int(count), oldest_at


def _delivery(row: RowMapping, alert: Alert) -> Delivery:
    preferences = preferences_from(row["preferences"])
    return Delivery(
        id=row["id"],
        alert=alert,
        chat_id=row["chat_id"],
        channel=row["channel"],
        address=row["address"],
        silent=row["silent"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        numbers=preferences.numbers,
        quiet=quieted_by(alert.kind, preferences),
        message_id=row["message_id"],
        in_digest=row["in_digest"],
    )


def _present_row(connection: Connection, delivery: Delivery) -> int | None:
    """The chat's row: another one by now where two rows of one chat have become one; None where it has none."""
    at_address = CHATS.c.channel == delivery.channel, CHATS.c.address == delivery.address
    query = select(CHATS.c.id).where(or_(CHATS.c.id == delivery.chat_id, and_(*at_address)))
    found = connection.scalars(query).all()
    return delivery.chat_id if delivery.chat_id in found else next(iter(found), None)
