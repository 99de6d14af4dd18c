"""The outbox: who is to be told of an alert, what is still to be sent, and how each attempt ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, Select, bindparam, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.alerts import Alert
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule
from liqalert.ports import Delivery, DeliveryStatus, Outcome, Recipient, Role, StorageError
from liqalert.storage.database import Database, storable
from liqalert.storage.decisions import alert_from
from liqalert.storage.tables import ALERTS, CHATS, DELIVERIES, RULES, SUBSCRIPTIONS

BATCH = 500
SETTLED = (DeliveryStatus.SENT, DeliveryStatus.DEAD)


class DeliveryOutbox:
    """Implements ports.Outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        """Adds deliveries for the next 500 recipients, in one transaction with how far it has come."""
        async with self._database.write("fan-out") as connection:
            progress = select(ALERTS.c.fanout_done, ALERTS.c.fanout_cursor).where(ALERTS.c.id == alert.id)
            row = (await connection.execute(progress)).one_or_none()
            if row is None:
                raise StorageError(f"fan-out of alert {alert.id} failed on {self._database.name}: it is not recorded")
            done, cursor = row
            if not done:
                recipients = await _recipients(connection, alert, now=now, after=cursor)
                done = await self._add(connection, alert, recipients=recipients, now=now)
            return bool(done)

    async def recipients(self, alert: Alert, now: UnixTime) -> tuple[Recipient, ...]:
        """Whom a fan-out of `alert` would reach at `now`: the first 500 of them."""
        async with self._database.read("reading recipients") as connection:
            return await _recipients(connection, alert, now=now, after=0)

    async def unfinished(self) -> tuple[Alert, ...]:
        query = select(ALERTS.c.content).where(ALERTS.c.fanout_done.is_(False)).order_by(ALERTS.c.decided_at)
        async with self._database.read("reading unfinished alerts") as connection:
            return tuple(alert_from(content) for content in await connection.scalars(query))

    async def due(self, now: UnixTime, limit: int, exclude: Sequence[int] = ()) -> tuple[Delivery, ...]:
        """What is to be tried at `now`, longest due first."""
        excluded = frozenset(exclude)
        query = (
            select(DELIVERIES, CHATS.c.channel, CHATS.c.address, ALERTS.c.content)
            .join(CHATS, CHATS.c.id == DELIVERIES.c.chat_id)
            .join(ALERTS, ALERTS.c.id == DELIVERIES.c.alert_id)
            .where(DELIVERIES.c.due_at <= now)
            .order_by(DELIVERIES.c.due_at, DELIVERIES.c.id)
            .limit(limit + len(excluded))
        )
        async with self._database.read("reading deliveries") as connection:
            rows = (await connection.execute(query)).mappings().all()
        alerts = {content: alert_from(content) for content in {row["content"] for row in rows}}
        wanted = [row for row in rows if row["id"] not in excluded][:limit]
        return tuple(_delivery(row, alerts[row["content"]]) for row in wanted)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Stores `outcomes` in one transaction."""
        if not outcomes:
            return
        async with self._database.write("storing outcomes") as connection:
            await connection.execute(
                _SETTLE, [{"b_id": outcome.delivery_id} | _result(outcome) for outcome in outcomes]
            )

    async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
        """Stores a delivery that was kept in memory, with its outcome; its alert must be recorded by now.

        A later fan-out of that alert leaves the chat out, so nothing is sent twice.
        """
        row = {
            "alert_id": delivery.alert.id,
            "chat_id": delivery.chat_id,
            "silent": delivery.silent,
            "created_at": delivery.created_at,
        }
        async with self._database.write("storing an outcome") as connection:
            await connection.execute(self._database.insert_new(DELIVERIES), [row | _result(outcome)])

    async def next_due_at(self) -> UnixTime | None:
        async with self._database.read("reading deliveries") as connection:
            due_at: UnixTime | None = await connection.scalar(select(func.min(DELIVERIES.c.due_at)))
            return due_at

    async def counts(self) -> Mapping[DeliveryStatus, int]:
        """How many deliveries there are, by status; every status is named."""
        query = select(DELIVERIES.c.status, func.count()).group_by(DELIVERIES.c.status)
        async with self._database.read("counting deliveries") as connection:
            found = {DeliveryStatus(status): count for status, count in await connection.execute(query)}
        return {status: found.get(status, 0) for status in DeliveryStatus}

    async def oldest_unsettled_at(self) -> UnixTime | None:
        """When the oldest delivery that is neither sent nor dead was made; None when there is none."""
        # Greater than zero means not NULL, and unlike that it uses the index.
        query = select(func.min(DELIVERIES.c.created_at)).where(DELIVERIES.c.due_at > 0)
        async with self._database.read("reading deliveries") as connection:
            created_at: UnixTime | None = await connection.scalar(query)
            return created_at

    async def _add(
        self, connection: AsyncConnection, alert: Alert, *, recipients: Sequence[Recipient], now: UnixTime
    ) -> bool:
        """Deliveries for `recipients`, the last of whom becomes the new place to go on from."""
        if recipients:
            rows = [_new_delivery(alert, recipient, now) for recipient in recipients]
            await connection.execute(self._database.insert_new(DELIVERIES), rows)
        done = len(recipients) < BATCH
        progress: dict[str, object] = {"fanout_done": done}
        if recipients:
            progress["fanout_cursor"] = recipients[-1].chat_id
        await connection.execute(update(ALERTS).where(ALERTS.c.id == alert.id).values(progress))
        return done


async def _recipients(connection: AsyncConnection, alert: Alert, *, now: UnixTime, after: int) -> tuple[Recipient, ...]:
    """The next recipients of `alert` with a row number above `after`, by row number."""
    living = (CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None))
    query = _audience(alert, now=now, after=after).where(*living).limit(BATCH)
    return tuple(_recipient(row) for row in (await connection.execute(query)).mappings())


def _audience(alert: Alert, *, now: UnixTime, after: int) -> Select[tuple[object, ...]]:
    """Chats to be told of `alert` with a row number above `after`, by row number, dead ones included."""
    chat = (CHATS.c.id, CHATS.c.channel, CHATS.c.address)
    if alert.only_chat is None and alert.rule is not None:
        held = SUBSCRIPTIONS.c
        subscribers = (
            select(*chat, held.loudness, held.muted_until)
            .join(SUBSCRIPTIONS, held.chat_id == CHATS.c.id)
            .where(held.rule_id == alert.rule.id, held.loudness != "off")
            .where(or_(held.muted_until.is_(None), held.muted_until <= now))
            # By the subscription's number of the chat, not the chat's own: the index then gives the order, and a
            # batch costs the same however many subscribers there are.
            .where(held.chat_id > after)
            .order_by(held.chat_id)
        )
        if alert.rule.instrument is None and alert.zone is not None:
            return subscribers.where(held.chat_id.not_in(_said_otherwise(alert.rule, alert.zone.instrument)))
        return subscribers
    everyone = select(*chat, literal("loud").label("loudness"), null().label("muted_until"))
    everyone = everyone.where(CHATS.c.id > after).order_by(CHATS.c.id)
    if alert.only_chat is not None:
        return everyone.where(CHATS.c.id == alert.only_chat)
    return everyone.where(or_(CHATS.c.role == Role.OWNER, CHATS.c.channel == "console"))


def _recipient(row: RowMapping) -> Recipient:
    return Recipient(row["id"], row["channel"], row["address"], row["loudness"], row["muted_until"])


def _said_otherwise(rule: Rule, instrument: Instrument) -> Select[tuple[int]]:
    """Chats that hold a rule for this very instrument, or have stopped it: what they said for all does not count."""
    own = select(RULES.c.id).where(
        RULES.c.kind == rule.kind, RULES.c.exchange == instrument.exchange, RULES.c.symbol == instrument.symbol
    )
    return select(SUBSCRIPTIONS.c.chat_id).where(SUBSCRIPTIONS.c.rule_id.in_(own))


def _new_delivery(alert: Alert, recipient: Recipient, now: UnixTime) -> dict[str, object]:
    return {
        "alert_id": alert.id,
        "chat_id": recipient.chat_id,
        "silent": recipient.loudness == "silent",
        "status": DeliveryStatus.DUE,
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "updated_at": now,
    }


def _delivery(row: RowMapping, alert: Alert) -> Delivery:
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
    )


def _result(outcome: Outcome) -> dict[str, object]:
    return {
        "status": outcome.status,
        "attempts": outcome.attempts,
        "due_at": None if outcome.status in SETTLED else outcome.due_at,
        "updated_at": outcome.at,
        "message_id": outcome.message_id,
        "error": storable(outcome.error) if outcome.error else None,
    }


_SETTLE = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("b_id"))
