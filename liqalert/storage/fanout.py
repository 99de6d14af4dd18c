"""Deliveries for those whom an alert concerns, batch by batch. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import Route, route
from liqalert.ports import Recipient
from liqalert.storage.audience import BATCH, read_recipients
from liqalert.storage.database import Database
from liqalert.storage.episodes import overtaken_at
from liqalert.storage.tables import ALERTS, DELIVERIES


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
