"""Two rows of one chat become one. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import Role
from liqalert.storage.rules import topic_of
from liqalert.storage.tables import ALERTS, ATTEMPTS, CHATS, DELIVERIES, MUTES, RULES, SUBSCRIPTIONS

RANK = (Role.READER, Role.USER, Role.OWNER)


async def absorb(connection: AsyncConnection, gone: int, *, into: int) -> None:
    """Everything that refers to the row `gone` refers to `into`, and the row goes. What both have, `into` keeps."""
    await _absorb_deliveries(connection, gone, into=into)
    await _absorb_subscriptions(connection, gone, into=into)
    await _absorb_mutes(connection, gone, into=into)
    await connection.execute(update(ALERTS).where(ALERTS.c.only_chat == gone).values(only_chat=into))
    await _keep_the_better(connection, gone, into=into)
    await connection.execute(delete(CHATS).where(CHATS.c.id == gone))


async def _absorb_deliveries(connection: AsyncConnection, gone: int, *, into: int) -> None:
    table = DELIVERIES.c
    twice = select(table.alert_id).where(table.chat_id == into)
    doubles = select(table.id).where(table.chat_id == gone, table.alert_id.in_(twice))
    await connection.execute(delete(ATTEMPTS).where(ATTEMPTS.c.delivery_id.in_(doubles)))
    await connection.execute(delete(DELIVERIES).where(table.chat_id == gone, table.alert_id.in_(twice)))
    await connection.execute(update(DELIVERIES).where(table.chat_id == gone).values(chat_id=into))


async def _absorb_subscriptions(connection: AsyncConnection, gone: int, *, into: int) -> None:
    """One rule of a kind on an instrument: what a chat has said by itself goes before a default rule."""
    present = {topic_of(row): row for row in await _held(connection, into)}
    moving = [row for row in await _held(connection, gone) if _goes_before(row, present.get(topic_of(row)))]
    replaced = [present[topic_of(row)]["id"] for row in moving if topic_of(row) in present]
    held = SUBSCRIPTIONS.c
    await connection.execute(delete(SUBSCRIPTIONS).where(held.chat_id == into, held.rule_id.in_(replaced)))
    change = update(SUBSCRIPTIONS).where(held.chat_id == gone, held.rule_id.in_([row["id"] for row in moving]))
    # The mutes of both become one (`_absorb_mutes`): what is noted at a rule could outlast it, and nobody would see it.
    await connection.execute(change.values(chat_id=into, muted_until=None))
    await connection.execute(delete(SUBSCRIPTIONS).where(held.chat_id == gone))


async def _held(connection: AsyncConnection, chat_id: int) -> Sequence[RowMapping]:
    held = SUBSCRIPTIONS.c
    query = select(RULES, held.from_default).join(SUBSCRIPTIONS, held.rule_id == RULES.c.id)
    return (await connection.execute(query.where(held.chat_id == chat_id))).mappings().all()


def _goes_before(row: RowMapping, present: RowMapping | None) -> bool:
    return present is None or (present["from_default"] and not row["from_default"])


async def _absorb_mutes(connection: AsyncConnection, gone: int, *, into: int) -> None:
    table = MUTES.c
    present = select(table.exchange, table.symbol).where(table.chat_id == into)
    twice = table.chat_id == gone, tuple_(table.exchange, table.symbol).in_(present)
    await connection.execute(delete(MUTES).where(*twice))
    await connection.execute(update(MUTES).where(table.chat_id == gone).values(chat_id=into))


async def _keep_the_better(connection: AsyncConnection, gone: int, *, into: int) -> None:
    """The higher role, the enrolment and the preferences of either; alive and allowed where either is."""
    query = select(CHATS).where(CHATS.c.id.in_((gone, into)))
    rows = {row["id"]: row for row in (await connection.execute(query)).mappings()}
    old, new = rows[into], rows[gone]
    values = {
        "role": max(Role(old["role"]), Role(new["role"]), key=RANK.index),
        "paired": old["paired"] or new["paired"],
        "preferences": old["preferences"] or new["preferences"],
        "dead_since": None if old["dead_since"] is None or new["dead_since"] is None else old["dead_since"],
        "removed_at": None if old["removed_at"] is None or new["removed_at"] is None else old["removed_at"],
    }
    await connection.execute(update(CHATS).where(CHATS.c.id == into).values(values))
