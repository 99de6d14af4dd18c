"""Whom an alert concerns: the chats that hold its rule, with what they have said about being told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, func, null, or_, select, tuple_

from liqalert.core.alerts import Alert
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.delivery.routing import WATCHING
from liqalert.ports import Recipient, Role
from liqalert.storage.episodes import is_open
from liqalert.storage.mutes import mute_key
from liqalert.storage.preferences import preferences_from
from liqalert.storage.rules import OFF
from liqalert.storage.tables import CHATS, EPISODES, MUTES, RULES, SUBSCRIPTIONS

BATCH = 500


def read_recipients(
    connection: Connection, alert: Alert, *, now: UnixTime, after: int, limit: int = BATCH
) -> tuple[Recipient, ...]:
    """The next `limit` whom `alert` concerns after the row `after` of the chats, by row: routing decides about each."""
    living = (CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None))
    query = _audience(alert, after=after).where(*living).limit(limit)
    rows = connection.execute(query).mappings().all()
    chat_ids = [row["id"] for row in rows]
    muted = _mutes(connection, alert, chat_ids, now)
    acknowledged = _acknowledged(connection, alert, chat_ids)
    return tuple(
        Recipient(
            row["id"],
            row["channel"],
            row["address"],
            preferences_from(row["preferences"]),
            max(filter(None, (row["muted_until"], muted.get(row["id"]))), default=None),
            row["id"] in acknowledged,
        )
        for row in rows
    )


def _audience(alert: Alert, *, after: int) -> Select[tuple[object, ...]]:
    """Chats that `alert` concerns with a row number above `after`, by row number, dead ones included."""
    chat = (CHATS.c.id, CHATS.c.channel, CHATS.c.address, CHATS.c.preferences)
    if alert.only_chat is None and alert.rule is not None:
        held = SUBSCRIPTIONS.c
        subscribers = (
            select(*chat, held.muted_until)
            .join(SUBSCRIPTIONS, held.chat_id == CHATS.c.id)
            .where(held.rule_id == alert.rule.id, held.loudness != OFF)
            # By the subscription's number of the chat, not the chat's own: the index then gives the order, and a
            # batch costs the same however many subscribers there are.
            .where(held.chat_id > after)
            .order_by(held.chat_id)
        )
        if alert.rule.instrument is None and alert.instrument is not None:
            return subscribers.where(held.chat_id.not_in(_said_otherwise(alert.rule, alert.instrument)))
        return subscribers
    everyone = select(*chat, null().label("muted_until"))
    everyone = everyone.where(CHATS.c.id > after).order_by(CHATS.c.id)
    if alert.only_chat is not None:
        return everyone.where(CHATS.c.id == alert.only_chat)
    if alert.kind == WATCHING:
        told = select(SUBSCRIPTIONS.c.chat_id).where(SUBSCRIPTIONS.c.loudness != OFF)
        return everyone.where(CHATS.c.id.in_(told), CHATS.c.role != Role.OWNER, CHATS.c.channel != "console")
    return everyone.where(or_(CHATS.c.role == Role.OWNER, CHATS.c.channel == "console"))


def _said_otherwise(rule: Rule, instrument: Instrument) -> Select[tuple[int]]:
    """Chats that hold a rule for this very instrument, or have stopped it: what they said for all does not count."""
    held = SUBSCRIPTIONS.c
    return (
        select(held.chat_id)
        .join(RULES, RULES.c.id == held.rule_id)
        .where(RULES.c.exchange == instrument.exchange, RULES.c.symbol == instrument.symbol)
        # What was stopped was stopped for every kind.
        .where(or_(RULES.c.kind == rule.kind, held.loudness == OFF))
    )


def _mutes(connection: Connection, alert: Alert, chat_ids: Sequence[int], now: UnixTime) -> dict[int, UnixTime]:
    """By chat: until when it has muted the alert's instrument, or all of them."""
    if not chat_ids or alert.instrument is None:
        return {}
    table = MUTES.c
    scopes = [tuple(mute_key(scope).values()) for scope in (None, alert.instrument)]
    query = (
        select(table.chat_id, func.max(table.until))
        .where(table.chat_id.in_(chat_ids), tuple_(table.exchange, table.symbol).in_(scopes), table.until > now)
        .group_by(table.chat_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _acknowledged(connection: Connection, alert: Alert, chat_ids: Sequence[int]) -> frozenset[int]:
    """The chats that have acknowledged an open episode on the zone that has grown."""
    if alert.kind != RuleKind.GROWN or alert.zone is None or not chat_ids:
        return frozenset()
    query = select(EPISODES.c.id, EPISODES.c.rule_id).where(EPISODES.c.zone_id == alert.zone.id, is_open())
    episodes = connection.execute(query).all()
    ids, rule_ids = {row.id for row in episodes}, {row.rule_id for row in episodes}
    held = SUBSCRIPTIONS.c
    noted = held.chat_id.in_(chat_ids), held.rule_id.in_(rule_ids), held.ack.is_not(None)
    rows = connection.execute(select(held.chat_id, held.ack).where(*noted))
    return frozenset(chat_id for chat_id, ack in rows if not ids.isdisjoint(ack.split()))
