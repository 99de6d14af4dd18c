"""Where chats are: a chat, its topics (`-100123/45`), and moves to another address. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.ports import DeliveryStatus
from liqalert.ports.places import chat_of
from liqalert.storage.merging import absorb
from liqalert.storage.tables import CHATS, DELIVERIES


async def move(connection: AsyncConnection, channel: str, address: str, *, to: str) -> None:
    """The chat at `address` is now at `to`, and so is each of its topics: they keep their rows, and all that hangs on
    them. Where the new address has a row too, the two become one."""
    query = select(CHATS.c.id, CHATS.c.address).where(CHATS.c.channel == channel, is_in(address))
    for id_, present in (await connection.execute(query.order_by(CHATS.c.id))).all():
        await _move_one(connection, channel, id_, addresses=(present, to + present[len(address) :]))


async def with_topics(connection: AsyncConnection, chat_id: int) -> Sequence[int]:
    """The chat's row, and those of its topics."""
    channel, address = await _where(connection, chat_id)
    return await _ids(connection, channel, address)


async def whole_chat(connection: AsyncConnection, chat_id: int) -> Sequence[int]:
    """The chat's row and those of its topics; also where `chat_id` is one of these."""
    channel, address = await _where(connection, chat_id)
    return await _ids(connection, channel, chat_of(address))


async def _where(connection: AsyncConnection, chat_id: int) -> tuple[str, str]:
    """Channel and address; both empty, and so no chat's, for a row that is no more."""
    query = select(CHATS.c.channel, CHATS.c.address).where(CHATS.c.id == chat_id)
    row = (await connection.execute(query)).one_or_none()
    return (row.channel, row.address) if row is not None else ("", "")


async def _ids(connection: AsyncConnection, channel: str, address: str) -> Sequence[int]:
    query = select(CHATS.c.id).where(CHATS.c.channel == channel, is_in(address))
    return (await connection.scalars(query.order_by(CHATS.c.id))).all()


def is_in(address: str) -> ColumnElement[bool]:
    """Rows of the chat at `address`, and of its topics."""
    return or_(CHATS.c.address == address, CHATS.c.address.startswith(f"{address}/", autoescape=True))


async def _move_one(connection: AsyncConnection, channel: str, id_: int, *, addresses: tuple[str, str]) -> None:
    old, new = addresses
    there = await connection.scalar(select(CHATS.c.id).where(CHATS.c.channel == channel, CHATS.c.address == new))
    if there == id_:
        return
    if chat_of(old) != chat_of(new):
        # What was sent stays behind, and its number may mean another message where the chat is now.
        sent = DELIVERIES.c.chat_id == id_, DELIVERIES.c.status == DeliveryStatus.SENT
        await connection.execute(update(DELIVERIES).where(*sent).values(final=True, amend_at=None))
    elif there is not None:
        # A topic that is no more: the chat it was in stays as it is.
        await absorb(connection, id_, into=there)
        return
    if there is not None:
        await absorb(connection, there, into=id_)
    await connection.execute(update(CHATS).where(CHATS.c.id == id_).values(address=new))
