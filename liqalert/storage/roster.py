"""All that decides who is told, in one read: to be remembered while the database can still be read."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument
from liqalert.ports import Held, Member, Mute, Role
from liqalert.storage.chats import chat_from
from liqalert.storage.database import Database
from liqalert.storage.rules import OFF, rule_from
from liqalert.storage.tables import CHATS, MUTES, RULES, SUBSCRIPTIONS


class ChatRoster:
    """Implements ports.Roster."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def members(self, limit: int) -> tuple[Member, ...]:
        living = CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None)
        first = select(CHATS).where(*living).order_by(CHATS.c.role != Role.OWNER, CHATS.c.id).limit(limit)
        async with self._database.read("reading who is told") as connection:
            chats = [chat_from(row) for row in (await connection.execute(first)).mappings()]
            ids = [chat.id for chat in chats]
            held = await _held(connection, SUBSCRIPTIONS.c.chat_id.in_(ids))
            mutes = await _mutes(connection, MUTES.c.chat_id.in_(ids))
        return tuple(Member(chat, tuple(held[chat.id]), tuple(mutes[chat.id])) for chat in chats)


async def _held(connection: AsyncConnection, of_chats: ColumnElement[bool]) -> defaultdict[int, list[Held]]:
    table = SUBSCRIPTIONS.c
    query = select(RULES, table.chat_id, table.loudness, table.muted_until)
    query = query.join(SUBSCRIPTIONS, table.rule_id == RULES.c.id).where(of_chats)
    found: defaultdict[int, list[Held]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        found[row["chat_id"]].append(Held(rule_from(row), row["loudness"] == OFF, row["muted_until"]))
    return found


async def _mutes(connection: AsyncConnection, of_chats: ColumnElement[bool]) -> defaultdict[int, list[Mute]]:
    table = MUTES.c
    found: defaultdict[int, list[Mute]] = defaultdict(list)
    for row in await connection.execute(
        select(table.chat_id, table.exchange, table.symbol, table.until).where(of_chats)
    ):
        instrument = Instrument(row.exchange, row.symbol) if row.symbol else None
        found[row.chat_id].append(Mute(instrument, row.until))
    return found
