"""Chats, and what each of them wants to be told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule
from liqalert.ports import Chat, DeliveryStatus, Mute, Preferences, Role, Standard, Subscription
from liqalert.storage.addresses import is_in, move, whole_chat, with_topics
from liqalert.storage.database import Database
from liqalert.storage.mutes import acknowledge, end_mutes, read_mutes, set_mute
from liqalert.storage.preferences import preferences_from, preferences_text
from liqalert.storage.rules import OFF, add_rules, hold_defaults, rule_from, scope_is, subscription_row
from liqalert.storage.tables import CHATS, DELIVERIES, RULES, SUBSCRIPTIONS


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
            return chat_from(row) if row else None

    async def chat_and_topics(self, channel: str, address: str) -> tuple[Chat, ...]:
        query = select(CHATS).where(CHATS.c.channel == channel, is_in(address), CHATS.c.removed_at.is_(None))
        async with self._database.read("reading a chat") as connection:
            rows = (await connection.execute(query.order_by(CHATS.c.id))).mappings()
            return tuple(chat_from(row) for row in rows)

    async def subscriptions(self, chat_id: int) -> tuple[Subscription, ...]:
        held = SUBSCRIPTIONS.c
        query = (
            select(RULES, held.from_default)
            .join(SUBSCRIPTIONS, held.rule_id == RULES.c.id)
            .where(held.chat_id == chat_id, held.loudness != OFF)
            .order_by(RULES.c.id)
        )
        async with self._database.read("reading subscriptions") as connection:
            rows = (await connection.execute(query)).mappings()
            return tuple(Subscription(rule_from(row), row["from_default"]) for row in rows)

    async def subscribe(self, chat_id: int, rules: Sequence[Rule], now: UnixTime) -> None:
        async with self._database.write("subscribing") as connection:
            await add_rules(self._database, connection, rules)
            for rule in rules:
                await _make_room(connection, chat_id, rule)
                row = subscription_row(chat_id, rule, now, from_default=False)
                await connection.execute(insert(SUBSCRIPTIONS), [row])

    async def hold_defaults(self, chat_id: int, standard: Standard, now: UnixTime) -> None:
        async with self._database.write("changing default rules") as connection:
            await hold_defaults(self._database, connection, [chat_id], standard=standard, now=now)

    async def prefer(self, chat_id: int, preferences: Preferences) -> None:
        change = update(CHATS).where(CHATS.c.id == chat_id).values(preferences=preferences_text(preferences))
        async with self._database.write("keeping preferences") as connection:
            await connection.execute(change)

    async def hold_until(self, chat_id: int, until: UnixTime) -> None:
        table = DELIVERIES.c
        held = table.chat_id == chat_id, table.status == DeliveryStatus.HELD, table.due_at > until
        async with self._database.write("ending quiet hours") as connection:
            await connection.execute(update(DELIVERIES).where(*held).values(due_at=until))

    async def mute(self, chat_id: int, instrument: Instrument | None, until: UnixTime) -> None:
        """Noted at the rules it has, and by itself: for rules on all instruments, and for those made later."""
        async with self._database.write("muting") as connection:
            await set_mute(self._database, connection, chat_id, mute=Mute(instrument, until))

    async def unmute(self, chat_id: int, instrument: Instrument | None = None) -> bool:
        async with self._database.write("ending mutes") as connection:
            return await end_mutes(connection, chat_id, instrument)

    async def mutes(self, chat_id: int, now: UnixTime) -> tuple[Mute, ...]:
        async with self._database.read("reading mutes") as connection:
            return tuple(mute for mute in await read_mutes(connection, chat_id) if mute.until > now)

    async def acknowledge(self, chat_id: int, alert_id: str) -> bool:
        """Noted at the rule that the alert came from, as long as the chat holds it."""
        async with self._database.write("acknowledging") as connection:
            return await acknowledge(connection, chat_id, alert_id)

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: UnixTime) -> bool:
        """The rows stay, with loudness `off`: they keep the default rules from coming back at the next start."""
        held = SUBSCRIPTIONS.c
        scope = select(RULES.c.id).where(scope_is(instrument))
        change = (
            update(SUBSCRIPTIONS)
            .where(held.chat_id == chat_id, held.rule_id.in_(scope), held.loudness != OFF)
            .values(loudness=OFF, from_default=False, since=now)
        )
        async with self._database.write("unsubscribing") as connection:
            return (await connection.execute(change)).rowcount > 0

    async def rules(self) -> tuple[Rule, ...]:
        """Those that a living chat holds, by id: what is to be evaluated."""
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
        """The chat and each of its topics keep their rows; where the new address has one, the two become one."""
        async with self._database.write("moving a chat") as connection:
            await move(connection, channel, old_address, to=new_address)

    async def mark_dead(self, chat_id: int, now: UnixTime) -> None:
        """Nothing is sent to this chat and its topics until it is revived; what they were still owed is given up.

        A topic that is dead leaves the chat it is in alone.
        """
        change = {"dead_since": func.coalesce(CHATS.c.dead_since, now)}
        async with self._database.write("marking a chat dead") as connection:
            ids = await with_topics(connection, chat_id)
            await connection.execute(update(CHATS).where(CHATS.c.id.in_(ids)).values(change))
            await give_up(connection, ids, now, "the chat cannot be reached any more")

    async def revive(self, chat_id: int) -> None:
        """With all its topics, or with the chat that it is a topic of: who reaches one reaches all."""
        async with self._database.write("reviving a chat") as connection:
            ids = await whole_chat(connection, chat_id)
            await connection.execute(update(CHATS).where(CHATS.c.id.in_(ids)).values(dead_since=None))


async def give_up(connection: AsyncConnection, chat_ids: Sequence[int], now: UnixTime, why: str) -> None:
    """What is still to be sent to `chat_ids` is dead."""
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.chat_id.in_(chat_ids), DELIVERIES.c.due_at.is_not(None))
        .values(status=DeliveryStatus.DEAD, due_at=None, updated_at=now, error=why)
    )


def chat_from(row: RowMapping) -> Chat:
    preferences = preferences_from(row["preferences"])
    return Chat(
        row["id"], row["channel"], row["address"], Role(row["role"]), row["dead_since"], preferences, row["added_at"]
    )


async def _make_room(connection: AsyncConnection, chat_id: int, rule: Rule) -> None:
    """Drops what `rule` takes the place of. Who wants to hear of an instrument again has stopped nothing there."""
    held = SUBSCRIPTIONS.c
    on_the_same = select(RULES.c.id).where(scope_is(rule.instrument))
    same = on_the_same.where(RULES.c.kind == rule.kind)
    stopped = held.rule_id.in_(on_the_same) & (held.loudness == OFF)
    await connection.execute(delete(SUBSCRIPTIONS).where(held.chat_id == chat_id, held.rule_id.in_(same) | stopped))
