"""Deliveries for those whom an alert concerns, batch by batch. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import Route, route
from liqalert.ports import Delivery, FannedOut, Recipient
from liqalert.storage.audience import BATCH, read_recipients
from liqalert.storage.database import Database
from liqalert.storage.deliveries import read_deliveries
from liqalert.storage.episodes import overtaken_at
from liqalert.storage.tables import ALERTS, DELIVERIES

AT_ONCE = 50
"""So many deliveries are made while their alert is recorded: the next decisions wait for that."""


def read_progress(connection: Connection, alert: Alert) -> tuple[bool, int] | None:
    """Whether the fan-out is complete, and the last chat's row that it has dealt with; None: it is not recorded."""
    progress = select(ALERTS.c.fanout_done, ALERTS.c.fanout_cursor).where(ALERTS.c.id == alert.id)
    row = connection.execute(progress).one_or_none()
    return None if row is None else (bool(row[0]), row[1])


def fan_out(
    database: Database, connection: Connection, alert: Alert, *, now: UnixTime, after: int, limit: int = BATCH
) -> bool:
    """Adds deliveries for the next `limit` recipients, and notes how far it has come; whether those were the last."""
    recipients = read_recipients(connection, alert, now=now, after=after, limit=limit)
    done = len(recipients) < limit
    _add(database, connection, alert, recipients=recipients, now=now)
    progress: dict[str, object] = {"fanout_done": done}
    if recipients:
        progress["fanout_cursor"] = recipients[-1].chat_id
    connection.execute(update(ALERTS).where(ALERTS.c.id == alert.id).values(progress))
    return done


def fan_out_at_once(database: Database, connection: Connection, alerts: Sequence[Alert], now: UnixTime) -> FannedOut:
    """Deliveries of `alerts`, oldest first, for the first 50 recipients in all: their alerts are being recorded.

    None where the fan-out of another alert is not complete: a chat is told of that one first.
    """
    ids = [alert.id for alert in alerts]
    others = select(ALERTS.c.id).where(ALERTS.c.fanout_done.is_(False), ALERTS.c.id.not_in(ids)).limit(1)
    if connection.execute(others).first() is not None:
        return FannedOut()
    made: list[Delivery] = []
    for alert in alerts:
        room = AT_ONCE - len(made)
        progress = read_progress(connection, alert)
        if progress is None or room <= 0:
            return FannedOut(tuple(made))
        done, after = progress
        if not done:
            done = fan_out(database, connection, alert, now=now, after=after, limit=room)
            made += read_deliveries(connection, DELIVERIES.c.alert_id == alert.id, DELIVERIES.c.chat_id > after)
        if not done:
            return FannedOut(tuple(made))
    return FannedOut(tuple(made), complete=True)


def _add(
    database: Database, connection: Connection, alert: Alert, *, recipients: Sequence[Recipient], now: UnixTime
) -> None:
    routes = [(recipient, route(alert, recipient, now)) for recipient in recipients]
    amend_at = overtaken_at(connection, alert)
    rows = [delivery_row(alert, each, way, now) | {"amend_at": amend_at} for each, way in routes if way]
    if rows:
        connection.execute(database.insert_new(DELIVERIES), rows)


def delivery_row(alert: Alert, recipient: Recipient, way: Route, now: UnixTime) -> dict[str, object]:
    return {
        "alert_id": alert.id,
        "chat_id": recipient.chat_id,
        "silent": way.silent,
        "status": way.status,
        "attempts": 0,
        "created_at": now,
        "due_at": way.due_at,
        "updated_at": now,
    }
