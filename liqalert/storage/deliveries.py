"""Deliveries read back, each with its alert and where it goes."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from liqalert.core.alerts import Alert
from liqalert.ports import Delivery, DeliveryStatus
from liqalert.storage.decisions import readable_alert
from liqalert.storage.preferences import preferences_from
from liqalert.storage.tables import ALERTS, CHATS, DELIVERIES

SELECTED: Select[tuple[object, ...]] = (
    select(DELIVERIES, CHATS.c.channel, CHATS.c.address, CHATS.c.preferences, ALERTS.c.content)
    .join(CHATS, CHATS.c.id == DELIVERIES.c.chat_id)
    .join(ALERTS, ALERTS.c.id == DELIVERIES.c.alert_id)
)
"""What `delivery_from` needs, and the alert's `content`."""


def read_deliveries(connection: Connection, *conditions: ColumnElement[bool]) -> list[Delivery]:
    """Those that meet `conditions`, by row, without alerts that cannot be read."""
    rows = connection.execute(SELECTED.where(*conditions).order_by(DELIVERIES.c.id)).mappings()
    return [delivery_from(row, alert) for row in rows if (alert := readable_alert(row["content"])) is not None]


def delivery_from(row: RowMapping, alert: Alert) -> Delivery:
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
        numbers=preferences_from(row["preferences"]).numbers,
        message_id=row["message_id"],
        in_digest=row["in_digest"],
    )
