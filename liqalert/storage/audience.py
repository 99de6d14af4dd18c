"""Whom an alert concerns: the chats that hold its rule, with what they have said about being told."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Integer,
    and_,
    bindparam,
    exists,
    func,
    null,
    or_,
    select,
)

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.core.rules import RuleKind
from liqalert.delivery.routing import concerns_owner
from liqalert.ports import Recipient, Role
from liqalert.ports.channels import CONSOLE
from liqalert.storage.episodes import is_open
from liqalert.storage.mutes import mute_key
from liqalert.storage.preferences import preferences_from
from liqalert.storage.prepared import Prepared
from liqalert.storage.rules import OFF
from liqalert.storage.tables import CHATS, EPISODES, MUTES, RULES, SUBSCRIPTIONS

BATCH = 500


def read_recipients(
    connection: Connection, alert: Alert, *, now: UnixTime, after: int, limit: int = BATCH
) -> tuple[Recipient, ...]:
    """The next `limit` whom `alert` concerns after the row `after` of the chats, by row: routing decides about each."""
    query, values = _audience(alert)
    values |= _scope(alert, now) | {"after": after, "most": limit}
    rows = query.rows(connection, values)
    acknowledged = _acknowledged(connection, alert, [row[0] for row in rows])
    return tuple(
        Recipient(
            id_,
            channel,
            address,
            preferences_from(preferences),
            max(filter(None, mutes), default=None),
            id_ in acknowledged,
        )
        for id_, channel, address, preferences, *mutes in rows
    )


_AFTER, _MOST = bindparam("after", type_=BigInteger), bindparam("most", type_=Integer)


def _of_scope(exchange: object, symbol: object) -> ColumnElement[bool]:
    return and_(MUTES.c.exchange == exchange, MUTES.c.symbol == symbol)


_SCOPE_MUTED_UNTIL = (
    select(func.max(MUTES.c.until))
    .where(MUTES.c.chat_id == CHATS.c.id, MUTES.c.until > bindparam("muted_after", type_=Double))
    .where(or_(_of_scope(**mute_key(None)), _of_scope(bindparam("scope_exchange"), bindparam("scope_symbol"))))
    .correlate(CHATS)
    .scalar_subquery()
    .label("scope_muted_until")
)
"""Until when the chat has muted the alert's instrument, or all of them."""
_CHAT = (CHATS.c.id, CHATS.c.channel, CHATS.c.address, CHATS.c.preferences, _SCOPE_MUTED_UNTIL)
_LIVING = (CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None))
_HELD = SUBSCRIPTIONS.c
_SUBSCRIBED = (
    select(*_CHAT, _HELD.muted_until)
    .join(SUBSCRIPTIONS, _HELD.chat_id == CHATS.c.id)
    .where(_HELD.rule_id == bindparam("rule_id"), _HELD.loudness != OFF, *_LIVING)
    # By the subscription's number of the chat, not the chat's own: the index then gives the order, and a batch costs
    # the same however many subscribers there are.
    .where(_HELD.chat_id > _AFTER)
    .order_by(_HELD.chat_id)
    .limit(_MOST)
)
_SAID_OTHERWISE = (
    select(_HELD.chat_id)
    .join(RULES, RULES.c.id == _HELD.rule_id)
    .where(RULES.c.exchange == bindparam("exchange"), RULES.c.symbol == bindparam("symbol"))
    # What was stopped was stopped for every kind.
    .where(or_(RULES.c.kind == bindparam("kind"), _HELD.loudness == OFF))
)
"""Chats that hold a rule for this very instrument, or have stopped it: what they said for all does not count."""
_EVERYONE = (
    select(*_CHAT, null().label("muted_until")).where(CHATS.c.id > _AFTER, *_LIVING).order_by(CHATS.c.id).limit(_MOST)
)
# Asked of each chat: a list of all who are told is as long as there are chats, and each batch would make it anew.
_IS_TOLD = exists().where(_HELD.chat_id == CHATS.c.id, _HELD.loudness != OFF).correlate(CHATS)

_SUBSCRIBERS = Prepared(_SUBSCRIBED)
_OF_ALL_INSTRUMENTS = Prepared(_SUBSCRIBED.where(_HELD.chat_id.not_in(_SAID_OTHERWISE)))
_ONE_CHAT = Prepared(_EVERYONE.where(CHATS.c.id == bindparam("only_chat", type_=BigInteger)))
_ALL_BUT_THE_OWNER = Prepared(_EVERYONE.where(_IS_TOLD, CHATS.c.role != Role.OWNER, CHATS.c.channel != CONSOLE))
_THE_OWNER = Prepared(_EVERYONE.where(or_(CHATS.c.role == Role.OWNER, CHATS.c.channel == CONSOLE)))


def _audience(alert: Alert) -> tuple[Prepared, dict[str, object]]:
    """Those whom `alert` concerns, by row number, and the values that are still to be given with `after` and `most`."""
    rule, instrument = alert.rule, alert.instrument
    if alert.only_chat is None and rule is not None:
        if rule.instrument is not None or instrument is None:
            return _SUBSCRIBERS, {"rule_id": rule.id}
        other = {"exchange": instrument.exchange, "symbol": instrument.symbol, "kind": rule.kind}
        return _OF_ALL_INSTRUMENTS, {"rule_id": rule.id, **other}
    if alert.only_chat is not None:
        return _ONE_CHAT, {"only_chat": alert.only_chat}
    return (_THE_OWNER if concerns_owner(alert) else _ALL_BUT_THE_OWNER), {}


def _scope(alert: Alert, now: UnixTime) -> dict[str, object]:
    """Which mutes count, and that none does for what is about no instrument: a mute is one of instruments."""
    muted_after = math.inf if alert.instrument is None else now
    return {f"scope_{name}": value for name, value in mute_key(alert.instrument).items()} | {"muted_after": muted_after}


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
