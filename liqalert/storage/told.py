"""Who was told of alerts, for lists of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import DeliveryRow, DeliveryStatus
from liqalert.storage.tables import CHATS, DELIVERIES

ALL = true()
LISTED = 100
"""So many deliveries of each alert are listed where alerts are: of 20,000 chats, fifty alerts would have a million."""


def listed(alert_id: str) -> ColumnElement[bool]:
    """The alert's deliveries to the first chats, `LISTED` at most: an index gives them in this order."""
    of_alert = DELIVERIES.alias()
    first = select(of_alert.c.id).where(of_alert.c.alert_id == alert_id).order_by(of_alert.c.chat_id).limit(LISTED)
    return DELIVERIES.c.id.in_(first)


def listed_for(alert_id: str, chat_id: int) -> ColumnElement[bool]:
    """Those, and the one to this chat."""
    return or_(listed(alert_id), DELIVERIES.c.chat_id == chat_id)


async def read_deliveries(
    connection: AsyncConnection, ids: Sequence[str], *, only: ColumnElement[bool] = ALL
) -> dict[str, list[DeliveryRow]]:
    """By alert id, in the order in which they were made."""
    table = DELIVERIES.c
    query = (
        select(DELIVERIES, CHATS.c.channel, CHATS.c.address)
        .join(CHATS, CHATS.c.id == table.chat_id)
        .where(table.alert_id.in_(ids) if ids else false(), only)
        .order_by(table.id)
    )
    found: dict[str, list[DeliveryRow]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["alert_id"], []).append(_delivery(row))
    return found


async def count_deliveries(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Counter[str]]:
    """How many deliveries each alert has, by status."""
    table = DELIVERIES.c
    query = select(table.alert_id, table.status, func.count()).where(table.alert_id.in_(ids) if ids else false())
    counts: dict[str, Counter[str]] = {id_: Counter() for id_ in ids}
    for id_, status, count in await connection.execute(query.group_by(table.alert_id, table.status)):
        counts[id_][status] = count
    return counts


def _delivery(row: RowMapping) -> DeliveryRow:
    return DeliveryRow(
        row["channel"],
        row["address"],
        DeliveryStatus(row["status"]),
        row["attempts"],
        row["updated_at"],
        row["error"],
    )
