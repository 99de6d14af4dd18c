"""Brings chats and default rules in line with the settings, once, at the start."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import UnixTime
from liqalert.ports import Role, Standard
from liqalert.ports.channels import TELEGRAM
from liqalert.storage.chats import give_up
from liqalert.storage.database import Database
from liqalert.storage.rules import hold_defaults
from liqalert.storage.tables import CHATS


async def sync_defaults(
    database: Database, channel: str, addresses: Sequence[str], *, standard: Standard, now: UnixTime
) -> None:
    """Afterwards `addresses`, and who was enrolled by a code, may use `channel`, and hold their default rules.

    The first of `addresses` is the owner. Raises StorageError.
    """
    async with database.write("bringing chats in line with the settings") as connection:
        await _add_missing(connection, channel, addresses=addresses, now=now)
        await _set_access(connection, channel, addresses=addresses, now=now)
        allowed = select(CHATS.c.id).where(CHATS.c.channel == channel, CHATS.c.removed_at.is_(None))
        chat_ids = (await connection.scalars(allowed.order_by(CHATS.c.id))).all()
        await hold_defaults(database, connection, chat_ids, standard=standard, now=now)


async def _known(connection: AsyncConnection, channel: str) -> Sequence[RowMapping]:
    query = select(CHATS).where(CHATS.c.channel == channel).order_by(CHATS.c.id)
    return (await connection.execute(query)).mappings().all()


def _is_listed(row: RowMapping, addresses: Collection[str]) -> bool:
    """A chat means its present address, and the one it was first listed under."""
    return row["address"] in addresses or row["listed_as"] in addresses


async def _add_missing(connection: AsyncConnection, channel: str, *, addresses: Sequence[str], now: UnixTime) -> None:
    """Rows for those of `addresses` that have none."""
    known = await _known(connection, channel)
    meant = {row["address"] for row in known} | {row["listed_as"] for row in known}
    new = [address for address in dict.fromkeys(addresses) if address not in meant]
    fixed = {"channel": channel, "role": Role.USER, "added_at": now}
    if new:
        rows = [fixed | {"address": address, "listed_as": address} for address in new]
        await connection.execute(insert(CHATS), rows)


async def _set_access(connection: AsyncConnection, channel: str, *, addresses: Sequence[str], now: UnixTime) -> None:
    """Access and a role for the chats among `addresses`; the others lose theirs, unless a code has enrolled them."""
    listed, first = frozenset(addresses), frozenset(addresses[:1])
    known = await _known(connection, channel)
    allowed = [row for row in known if _is_listed(row, listed)]
    for row in allowed:
        role = _role(row, owner=_is_listed(row, first))
        # A Telegram chat comes back by writing; a webhook that was gone has no other way than to be tried again.
        dead_since = row["dead_since"] if channel == TELEGRAM else None
        if (row["role"], row["removed_at"], row["dead_since"]) != (role, None, dead_since):
            change = update(CHATS).where(CHATS.c.id == row["id"])
            await connection.execute(change.values(role=role, removed_at=None, dead_since=dead_since))
    gone = {row["id"] for row in known if not row["paired"]} - {row["id"] for row in allowed}
    await _remove(connection, sorted(gone), now)


async def _remove(connection: AsyncConnection, chat_ids: Sequence[int], now: UnixTime) -> None:
    present = CHATS.c.id.in_(chat_ids), CHATS.c.removed_at.is_(None)
    await connection.execute(update(CHATS).where(*present).values(removed_at=now))
    await give_up(connection, chat_ids, now, "the chat is no longer allowed")


def _role(row: RowMapping, *, owner: bool) -> Role:
    if owner or (row["paired"] and row["role"] == Role.OWNER):
        return Role.OWNER
    return Role.READER if row["role"] == Role.READER else Role.USER
