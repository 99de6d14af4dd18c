"""All that decides who is told, in one read: to be remembered while the database can still be read."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, select

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
        # Off the loop, which it would stop for 50 ms every minute where a thousand chats hold ten rules each.
        return await self._database.read_at_once("reading who is told", lambda connection: _members(connection, limit))


def _members(connection: Connection, limit: int) -> tuple[Member, ...]:
    living = CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None)
    first = select(CHATS).where(*living).order_by(CHATS.c.role != Role.OWNER, CHATS.c.id).limit(limit)
    chats = [chat_from(row) for row in connection.execute(first).mappings()]
    ids = [chat.id for chat in chats]
    held = _held(connection, SUBSCRIPTIONS.c.chat_id.in_(ids))
    mutes = _mutes(connection, MUTES.c.chat_id.in_(ids))
    return tuple(Member(chat, tuple(held[chat.id]), tuple(mutes[chat.id])) for chat in chats)


def _held(connection: Connection, of_chats: ColumnElement[bool]) -> defaultdict[int, list[Held]]:
    table = SUBSCRIPTIONS.c
    of_them = select(RULES).where(RULES.c.id.in_(select(table.rule_id).where(of_chats)))
    # Each once: many chats hold the same few.
    rules = {row["id"]: rule_from(row) for row in connection.execute(of_them).mappings()}
    query = select(table.chat_id, table.rule_id, table.loudness, table.muted_until).where(of_chats)
    found: defaultdict[int, list[Held]] = defaultdict(list)
    for chat_id, rule_id, loudness, muted_until in connection.execute(query):
        found[chat_id].append(Held(rules[rule_id], loudness == OFF, muted_until))
    return found


def _mutes(connection: Connection, of_chats: ColumnElement[bool]) -> defaultdict[int, list[Mute]]:
    table = MUTES.c
    found: defaultdict[int, list[Mute]] = defaultdict(list)
    for row in connection.execute(select(table.chat_id, table.exchange, table.symbol, table.until).where(of_chats)):
        instrument = Instrument(row.exchange, row.symbol) if row.symbol else None
        found[row.chat_id].append(Mute(instrument, row.until))
    return found
