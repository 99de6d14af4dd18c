"""Chats, and what each of them wants to be told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Chat, DeliveryStatus, Role, Subscription
from liqalert.storage.database import Database
from liqalert.storage.tables import ALERTS, CHATS, DELIVERIES, RULES, SUBSCRIPTIONS

OFF = "off"


class ChatDirectory:
    """Implements ports.ChatStore. A chat that may no longer ask stays in the table, with `removed_at`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def chat(self, channel: str, address: str) -> Chat | None:
        query = select(CHATS).where(
            CHATS.c.channel == channel, CHATS.c.address == address, CHATS.c.removed_at.is_(None)
        )
        async with self._database.read("reading a chat") as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return _chat(row) if row else None

    async def subscriptions(self, chat_id: int) -> tuple[Subscription, ...]:
        held = SUBSCRIPTIONS.c
        query = (
            select(RULES, held.loudness, held.from_default)
            .join(SUBSCRIPTIONS, held.rule_id == RULES.c.id)
            .where(held.chat_id == chat_id, held.loudness != OFF)
            .order_by(RULES.c.id)
        )
        async with self._database.read("reading subscriptions") as connection:
            rows = (await connection.execute(query)).mappings()
            return tuple(Subscription(rule_from(row), row["loudness"], row["from_default"]) for row in rows)

    async def subscribe(self, chat_id: int, rule: Rule, now: UnixTime) -> None:
        async with self._database.write("subscribing") as connection:
            await add_rules(self._database, connection, [rule])
            same = select(RULES.c.id).where(RULES.c.kind == rule.kind, _scope(rule.instrument))
            held = SUBSCRIPTIONS.c
            await connection.execute(delete(SUBSCRIPTIONS).where(held.chat_id == chat_id, held.rule_id.in_(same)))
            await connection.execute(insert(SUBSCRIPTIONS), [subscription_row(chat_id, rule, now, from_default=False)])

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: UnixTime) -> bool:
        """The rows stay, with loudness `off`: they keep the default rules from coming back at the next start."""
        held = SUBSCRIPTIONS.c
        scope = select(RULES.c.id).where(_scope(instrument))
        change = (
            update(SUBSCRIPTIONS)
            .where(held.chat_id == chat_id, held.rule_id.in_(scope), held.loudness != OFF)
            .values(loudness=OFF, from_default=False, since=now)
        )
        async with self._database.write("unsubscribing") as connection:
            return (await connection.execute(change)).rowcount > 0

    async def rules(self) -> tuple[Rule, ...]:
        held = SUBSCRIPTIONS.c
        living = exists().where(
            held.rule_id == RULES.c.id,
            held.loudness != OFF,
            CHATS.c.id == held.chat_id,
            CHATS.c.dead_since.is_(None),
            CHATS.c.removed_at.is_(None),
        )
        async with self._database.read("reading rules") as connection:
            rows = (await connection.execute(select(RULES).where(living).order_by(RULES.c.id))).mappings()
            return tuple(rule_from(row) for row in rows)

    async def migrate(self, channel: str, old_address: str, new_address: str) -> None:
        """The chat keeps its row and gets the new address. Where that has a row already, the two become one."""
        async with self._database.write("moving a chat") as connection:
            old = await _row_id(connection, channel, old_address)
            new = await _row_id(connection, channel, new_address)
            if old is None or old == new:
                return
            if new is not None:
                await _absorb(connection, new, into=old)
            await connection.execute(update(CHATS).where(CHATS.c.id == old).values(address=new_address))

    async def mark_dead(self, chat_id: int, now: UnixTime) -> None:
        """Nothing is sent to this chat until it is revived; what was still to be sent to it is given up."""
        change = update(CHATS).where(CHATS.c.id == chat_id).values(dead_since=func.coalesce(CHATS.c.dead_since, now))
        async with self._database.write("marking a chat dead") as connection:
            await connection.execute(change)
            await give_up(connection, [chat_id], now, "the chat cannot be reached any more")

    async def revive(self, chat_id: int) -> None:
        async with self._database.write("reviving a chat") as connection:
            await connection.execute(update(CHATS).where(CHATS.c.id == chat_id).values(dead_since=None))


async def add_rules(database: Database, connection: AsyncConnection, rules: Sequence[Rule]) -> None:
    """Rows for those of `rules` that have none."""
    if rules:
        await connection.execute(database.insert_new(RULES), [_rule_row(rule) for rule in rules])


async def give_up(connection: AsyncConnection, chat_ids: Sequence[int], now: UnixTime, why: str) -> None:
    """What is still to be sent to `chat_ids` is dead."""
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.chat_id.in_(chat_ids), DELIVERIES.c.due_at.is_not(None))
        .values(status=DeliveryStatus.DEAD, due_at=None, updated_at=now, error=why)
    )


def rule_from(row: RowMapping) -> Rule:
    instrument = Instrument(row["exchange"], row["symbol"]) if row["exchange"] else None
    return Rule(RuleKind(row["kind"]), instrument, row["distance_pct"], row["min_strength"])


def subscription_row(chat_id: int, rule: Rule, now: UnixTime, *, from_default: bool) -> dict[str, object]:
    return {
        "chat_id": chat_id,
        "rule_id": rule.id,
        "loudness": "loud",
        "from_default": from_default,
        "since": now,
    }


def _rule_row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "kind": rule.kind,
        "exchange": rule.instrument.exchange if rule.instrument else None,
        "symbol": rule.instrument.symbol if rule.instrument else None,
        "distance_pct": rule.distance_pct,
        "min_strength": rule.min_strength,
    }


def _chat(row: RowMapping) -> Chat:
    return Chat(row["id"], row["channel"], row["address"], Role(row["role"]), row["dead_since"])


def _scope(instrument: Instrument | None) -> ColumnElement[bool]:
    if instrument is None:
        return RULES.c.exchange.is_(None)
    return (RULES.c.exchange == instrument.exchange) & (RULES.c.symbol == instrument.symbol)


async def _row_id(connection: AsyncConnection, channel: str, address: str) -> int | None:
    query = select(CHATS.c.id).where(CHATS.c.channel == channel, CHATS.c.address == address)
    row_id: int | None = await connection.scalar(query)
    return row_id


async def _absorb(connection: AsyncConnection, gone: int, *, into: int) -> None:
    """Everything that refers to the row `gone` refers to `into`, and the row goes. What both have, `into` keeps."""
    for table, key in ((DELIVERIES, "alert_id"), (SUBSCRIPTIONS, "rule_id")):
        twice = select(table.c[key]).where(table.c.chat_id == into)
        await connection.execute(delete(table).where(table.c.chat_id == gone, table.c[key].in_(twice)))
        await connection.execute(update(table).where(table.c.chat_id == gone).values(chat_id=into))
    await connection.execute(update(ALERTS).where(ALERTS.c.only_chat == gone).values(only_chat=into))
    await connection.execute(delete(CHATS).where(CHATS.c.id == gone))
