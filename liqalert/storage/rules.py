"""Rules as rows, and which of them a chat holds by default. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule, RuleKind, rule_of
from liqalert.ports import Preferences, Standard
from liqalert.storage.database import Database
from liqalert.storage.preferences import preferences_from
from liqalert.storage.tables import CHATS, RULES, SUBSCRIPTIONS

BATCH = 500
OFF = "off"
"""A subscription that the chat has stopped: it keeps the default rule from coming back."""


async def hold_defaults(
    database: Database, connection: AsyncConnection, chat_ids: Sequence[int], *, standard: Standard, now: UnixTime
) -> None:
    """For each of `chat_ids`, see ports.ChatStore.hold_defaults. 500 chats cost as many statements as one."""
    stale: list[dict[str, object]] = []
    new: list[tuple[int, Rule]] = []
    for start in range(0, len(chat_ids), BATCH):
        batch = chat_ids[start : start + BATCH]
        held = await _held(connection, batch)
        for chat_id, preferences in (await _preferences(connection, batch)).items():
            present = {row["id"]: row for row in held.get(chat_id, ())}
            wanted = {rule.id: rule for rule in _wanted(present.values(), standard, preferences)}
            gone = [id_ for id_, row in present.items() if row["from_default"] and id_ not in wanted]
            stale += [{"b_chat_id": chat_id, "b_rule_id": id_} for id_ in gone]
            new += [(chat_id, rule) for id_, rule in wanted.items() if id_ not in present]
    if stale:
        await connection.execute(_DROP, stale)
    if new:
        await add_rules(database, connection, list(dict.fromkeys(rule for _, rule in new)))
        rows = [subscription_row(chat_id, rule, now, from_default=True) for chat_id, rule in new]
        await connection.execute(insert(SUBSCRIPTIONS), rows)


_DROP = delete(SUBSCRIPTIONS).where(
    SUBSCRIPTIONS.c.chat_id == bindparam("b_chat_id"), SUBSCRIPTIONS.c.rule_id == bindparam("b_rule_id")
)


async def _held(connection: AsyncConnection, chat_ids: Sequence[int]) -> Mapping[int, Sequence[RowMapping]]:
    held = SUBSCRIPTIONS.c
    query = select(RULES, held.chat_id, held.from_default, held.loudness)
    query = query.join(SUBSCRIPTIONS, held.rule_id == RULES.c.id).where(held.chat_id.in_(chat_ids))
    found: dict[int, list[RowMapping]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["chat_id"], []).append(row)
    return found


async def _preferences(connection: AsyncConnection, chat_ids: Sequence[int]) -> Mapping[int, Preferences]:
    query = select(CHATS.c.id, CHATS.c.preferences).where(CHATS.c.id.in_(chat_ids)).order_by(CHATS.c.id)
    return {id_: preferences_from(content) for id_, content in await connection.execute(query)}


def _wanted(rows: Collection[RowMapping], standard: Standard, preferences: Preferences) -> Iterator[Rule]:
    """The default rules of a chat that holds `rows`."""
    own = {topic_of(row) for row in rows if not row["from_default"]}
    kinds, thresholds = standard.kinds_for(preferences), standard.thresholds_for(preferences)
    for scope in _scopes(rows, standard):
        for kind in kinds:
            if (kind, scope) not in own:
                yield rule_of(kind, scope, thresholds)


def _scopes(rows: Collection[RowMapping], standard: Standard) -> Iterator[Instrument | None]:
    """What a chat's default rules are about: the standard instruments and those of its own rules, not what it stopped.

    Stopped is an instrument of which the chat holds nothing of its own but stopped rules.
    """
    said: dict[Instrument | None, bool] = {}
    for row in rows:
        if not row["from_default"]:
            scope = topic_of(row)[1]
            said[scope] = said.get(scope, False) or row["loudness"] != OFF
    for scope in dict.fromkeys((*standard.instruments, *said)):
        if said.get(scope, True):
            yield scope


def topic_of(row: RowMapping) -> tuple[str, Instrument | None]:
    """What a chat may have said something about: a kind of rule on an instrument."""
    rule = rule_from(row)
    return rule.kind, rule.instrument


def scope_is(instrument: Instrument | None) -> ColumnElement[bool]:
    """Rules for `instrument`; None: those for all instruments."""
    if instrument is None:
        return RULES.c.exchange.is_(None)
    return (RULES.c.exchange == instrument.exchange) & (RULES.c.symbol == instrument.symbol)


async def add_rules(database: Database, connection: AsyncConnection, rules: Sequence[Rule]) -> None:
    """Rows for those of `rules` that have none."""
    if rules:
        await connection.execute(database.insert_new(RULES), [_rule_row(rule) for rule in rules])


def rule_from(row: RowMapping) -> Rule:
    instrument = Instrument(row["exchange"], row["symbol"]) if row["exchange"] else None
    return Rule(RuleKind(row["kind"]), instrument, row["distance_pct"], row["min_strength"], row["min_usd"])


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
        "min_usd": rule.min_usd,
    }
