"""Who was told of alerts, for lists of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import RowMapping, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import DeliveryRow, DeliveryStatus
from liqalert.storage.tables import CHATS, DELIVERIES

LISTED = 100
"""So many deliveries of each alert are listed where alerts are: of 20,000 chats, fifty alerts would have a million."""


async def read_deliveries(
    connection: AsyncConnection, ids: Sequence[str], chat_id: int | None, *, most: int | None = None
) -> dict[str, list[DeliveryRow]]:
    """By alert id; with `most`, which is for a single alert, those to the first chats."""
    table = DELIVERIES.c
    query = (
        select(DELIVERIES, CHATS.c.channel, CHATS.c.address)
        .join(CHATS, CHATS.c.id == table.chat_id)
        .where(table.alert_id.in_(ids) if ids else false())
        # By the chat, where few of many are wanted: the index then gives the order.
        .order_by(table.id if most is None else table.chat_id)
        .limit(most)
    )
    if chat_id is not None:
        query = query.where(table.chat_id == chat_id)
    found: dict[str, list[DeliveryRow]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["alert_id"], []).append(_delivery(row))
    return found


async def count_deliveries(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Counter[DeliveryStatus]]:
    """How many deliveries each alert has, by status."""
    table = DELIVERIES.c
    query = select(table.alert_id, table.status, func.count()).where(table.alert_id.in_(ids) if ids else false())
    counts: dict[str, Counter[DeliveryStatus]] = {id_: Counter() for id_ in ids}
    for id_, status, count in await connection.execute(query.group_by(table.alert_id, table.status)):
        counts[id_][DeliveryStatus(status)] = count
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
