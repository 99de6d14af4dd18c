"""Who may use liqalert beyond what the settings list: one-time codes, and who came by them."""

from __future__ import annotations

import hashlib

from sqlalchemy import RowMapping, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import UnixTime
from liqalert.ports import Chat, Role
from liqalert.storage.chats import chat_from, give_up
from liqalert.storage.database import Database
from liqalert.storage.tables import CHATS, PAIRING_CODES


class Enrolments:
    """Implements ports.Enrolment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chats(self) -> tuple[Chat, ...]:
        query = select(CHATS).where(CHATS.c.removed_at.is_(None)).order_by(CHATS.c.id)
        async with self._database.read("reading chats") as connection:
            return tuple(chat_from(row) for row in (await connection.execute(query)).mappings())

    async def any_on(self, channel: str) -> bool:
        """Whether any chat of the channel may ask: that is asked often, and of 100,000 chats, too."""
        query = select(exists().where(CHATS.c.channel == channel, CHATS.c.removed_at.is_(None)))
        async with self._database.read("looking for chats") as connection:
            return bool(await connection.scalar(query))

    async def offer(self, code: str, role: Role, *, expires_at: UnixTime, now: UnixTime) -> None:
        row = {"code_hash": _hash(code), "role": role, "created_at": now, "expires_at": expires_at}
        async with self._database.write("keeping a one-time code") as connection:
            await connection.execute(delete(PAIRING_CODES).where(PAIRING_CODES.c.expires_at <= now))
            await connection.execute(insert(PAIRING_CODES), [row])

    async def redeem(self, code: str, channel: str, address: str, now: UnixTime) -> Chat | None:
        async with self._database.write("enrolling a chat") as connection:
            role = await _use_up(connection, code, now)
            if role is None:
                return None
            known = await _row(connection, channel, address)
            if known is None:
                new = {"channel": channel, "address": address, "listed_as": address, "added_at": now}
                await connection.execute(insert(CHATS).values(**new, role=role, paired=True))
            else:
                change = {"role": await _role(connection, known, role), "paired": True}
                allowed = update(CHATS).where(CHATS.c.id == known["id"]).values(removed_at=None, dead_since=None)
                await connection.execute(allowed.values(change))
            enrolled = await _row(connection, channel, address)
            return chat_from(enrolled) if enrolled else None

    async def remove(self, chat_id: int, now: UnixTime) -> None:
        change = update(CHATS).where(CHATS.c.id == chat_id).values(removed_at=now, paired=False)
        async with self._database.write("removing a chat") as connection:
            await connection.execute(change)
            await give_up(connection, [chat_id], now, "the chat is no longer allowed")


async def _use_up(connection: AsyncConnection, code: str, now: UnixTime) -> Role | None:
    """The code's role, once: of two who come at the same moment the second finds it used."""
    table = PAIRING_CODES.c
    valid = (table.code_hash == _hash(code), table.used_at.is_(None), table.expires_at > now)
    if (await connection.execute(update(PAIRING_CODES).where(*valid).values(used_at=now))).rowcount != 1:
        return None
    role = await connection.execute(select(table.role).where(table.code_hash == _hash(code)))
    return Role(role.scalar_one())


async def _row(connection: AsyncConnection, channel: str, address: str) -> RowMapping | None:
    query = select(CHATS).where(CHATS.c.channel == channel, CHATS.c.address == address)
    return (await connection.execute(query)).mappings().one_or_none()


async def _role(connection: AsyncConnection, chat: RowMapping, offered: Role) -> Role:
    """The role offered, unless the channel would be left without an owner who can be reached."""
    if chat["role"] != Role.OWNER or chat["removed_at"] is not None:
        return offered
    others = select(func.count()).where(
        CHATS.c.channel == chat["channel"],
        CHATS.c.role == Role.OWNER,
        CHATS.c.removed_at.is_(None),
        CHATS.c.dead_since.is_(None),
        CHATS.c.id != chat["id"],
    )
    return offered if await connection.scalar(others) else Role.OWNER


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()
