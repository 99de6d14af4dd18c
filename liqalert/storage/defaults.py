"""Brings chats and default rules in line with the settings, once, at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule
from liqalert.ports import Role
from liqalert.storage.chats import add_rules, give_up, rule_from, subscription_row
from liqalert.storage.database import Database
from liqalert.storage.tables import CHATS, RULES, SUBSCRIPTIONS

Topic: TypeAlias = tuple[str, Instrument | None]
"""What a chat may have said something about: a kind of rule on an instrument."""


async def sync_defaults(
    database: Database, channel: str, addresses: Sequence[str], *, rules: Sequence[Rule], now: UnixTime
) -> None:
    """Afterwards exactly `addresses` may use `channel`, the first as owner, and each holds the default `rules`.

    A chat that has said something of its own about a rule's kind and instrument (/watch, /unwatch) keeps that instead.
    Defaults that are no longer in `rules` go. Raises StorageError.
    """
    async with database.write("bringing chats in line with the settings") as connection:
        await _add_missing(connection, channel, addresses=addresses, now=now)
        await _set_access(connection, channel, addresses=addresses, now=now)
        await add_rules(database, connection, rules)
        for chat_id, held in (await _held(connection, channel)).items():
            wanted = dict(_wanted(held, rules))
            await _drop_stale(connection, chat_id, [row["id"] for row in held if _is_stale(row, wanted)])
            missing = [wanted[id_] for id_ in sorted(wanted.keys() - {row["id"] for row in held})]
            if missing:
                rows = [subscription_row(chat_id, rule, now, from_default=True) for rule in missing]
                await connection.execute(insert(SUBSCRIPTIONS), rows)


async def _known(connection: AsyncConnection, channel: str) -> Sequence[RowMapping]:
    query = select(CHATS).where(CHATS.c.channel == channel).order_by(CHATS.c.id)
    return (await connection.execute(query)).mappings().all()


def _listed(row: RowMapping, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses among `addresses` that mean this chat: its present one, and the one it was first listed under."""
    return tuple(address for address in addresses if address in (row["address"], row["listed_as"]))


async def _add_missing(connection: AsyncConnection, channel: str, *, addresses: Sequence[str], now: UnixTime) -> None:
    """Rows for those of `addresses` that have none."""
    known = {address for row in await _known(connection, channel) for address in _listed(row, addresses)}
    new = [address for address in dict.fromkeys(addresses) if address not in known]
    fixed = {"channel": channel, "role": Role.USER, "added_at": now}
    if new:
        rows = [fixed | {"address": address, "listed_as": address} for address in new]
        await connection.execute(insert(CHATS), rows)


async def _set_access(connection: AsyncConnection, channel: str, *, addresses: Sequence[str], now: UnixTime) -> None:
    """Access and a role for the chats among `addresses`; the others lose theirs."""
    gone: list[int] = []
    for row in await _known(connection, channel):
        listed = _listed(row, addresses)
        if listed:
            change = {"role": _role(row, owner=addresses[0] in listed), "removed_at": None}
            await connection.execute(update(CHATS).where(CHATS.c.id == row["id"]).values(change))
        else:
            gone.append(row["id"])
    removed = CHATS.c.id.in_(gone) & CHATS.c.removed_at.is_(None)
    await connection.execute(update(CHATS).where(removed).values(removed_at=now))
    await give_up(connection, gone, now, "the chat is no longer allowed")


def _role(row: RowMapping, *, owner: bool) -> Role:
    if owner:
        return Role.OWNER
    return Role.READER if row["role"] == Role.READER else Role.USER


async def _held(connection: AsyncConnection, channel: str) -> Mapping[int, Sequence[RowMapping]]:
    """By chat of `channel` that may use it: its subscriptions with their rules."""
    allowed = (CHATS.c.channel == channel, CHATS.c.removed_at.is_(None))
    held: dict[int, list[RowMapping]] = {
        id_: [] for id_ in await connection.scalars(select(CHATS.c.id).where(*allowed))
    }
    query = (
        select(RULES, SUBSCRIPTIONS.c.chat_id, SUBSCRIPTIONS.c.from_default)
        .join(SUBSCRIPTIONS, SUBSCRIPTIONS.c.rule_id == RULES.c.id)
        .join(CHATS, CHATS.c.id == SUBSCRIPTIONS.c.chat_id)
        .where(*allowed)
    )
    for row in (await connection.execute(query)).mappings():
        held[row["chat_id"]].append(row)
    return held


def _is_stale(row: RowMapping, wanted: Mapping[str, Rule]) -> bool:
    return bool(row["from_default"]) and row["id"] not in wanted


async def _drop_stale(connection: AsyncConnection, chat_id: int, rule_ids: Sequence[str]) -> None:
    held = SUBSCRIPTIONS.c
    await connection.execute(delete(SUBSCRIPTIONS).where(held.chat_id == chat_id, held.rule_id.in_(rule_ids)))


def _wanted(held: Sequence[RowMapping], rules: Sequence[Rule]) -> Iterator[tuple[str, Rule]]:
    """The default rules, by id, on topics this chat has said nothing about."""
    own = {_topic(rule_from(row)) for row in held if not row["from_default"]}
    return ((rule.id, rule) for rule in rules if _topic(rule) not in own)


def _topic(rule: Rule) -> Topic:
    return rule.kind, rule.instrument
