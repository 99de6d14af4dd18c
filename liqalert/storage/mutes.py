"""What a chat is spared for a while: mutes, and what follows in episodes it has acknowledged.

Inside the caller's transaction.
"""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Instrument
from liqalert.ports import Mute
from liqalert.storage.database import Database
from liqalert.storage.episodes import is_open
from liqalert.storage.rules import scope_is
from liqalert.storage.tables import ALERTS, EPISODES, MUTES, RULES, SUBSCRIPTIONS


async def set_mute(database: Database, connection: AsyncConnection, chat_id: int, *, mute: Mute) -> None:
    """Takes the place of an earlier mute of the same instrument."""
    held = SUBSCRIPTIONS.c
    change = update(SUBSCRIPTIONS).where(held.chat_id == chat_id).values(muted_until=mute.until)
    if mute.instrument is not None:
        change = change.where(held.rule_id.in_(select(RULES.c.id).where(scope_is(mute.instrument))))
    await connection.execute(change)
    row = {"chat_id": chat_id, **mute_key(mute.instrument), "until": mute.until}
    await connection.execute(database.upsert(MUTES, ("until",)), [row])


async def end_mutes(connection: AsyncConnection, chat_id: int, instrument: Instrument | None) -> bool:
    """That of `instrument` (None: all of them); False if there was none."""
    held, table = SUBSCRIPTIONS.c, MUTES.c
    noted = update(SUBSCRIPTIONS).where(held.chat_id == chat_id, held.muted_until.is_not(None))
    mutes = delete(MUTES).where(table.chat_id == chat_id)
    if instrument is not None:
        # A mute of everything is a row of its own and goes on, though it is no longer noted at these rules.
        noted = noted.where(held.rule_id.in_(select(RULES.c.id).where(scope_is(instrument))))
        mutes = mutes.where(table.exchange == instrument.exchange, table.symbol == instrument.symbol)
    await connection.execute(noted.values(muted_until=None))
    return (await connection.execute(mutes)).rowcount > 0


async def read_mutes(connection: AsyncConnection, chat_id: int) -> tuple[Mute, ...]:
    """Those that are over, too; that of all instruments first."""
    table = MUTES.c
    query = select(table.exchange, table.symbol, table.until).where(table.chat_id == chat_id)
    rows = await connection.execute(query.order_by(table.exchange, table.symbol))
    return tuple(Mute(Instrument(exchange, symbol) if symbol else None, until) for exchange, symbol, until in rows)


def mute_key(instrument: Instrument | None) -> dict[str, str]:
    """How a mute's scope is stored: both empty for all instruments."""
    return {
        "exchange": instrument.exchange if instrument else "",
        "symbol": instrument.symbol if instrument else "",
    }


async def acknowledge(connection: AsyncConnection, chat_id: int, alert_id: str) -> bool:
    """Adds the alert's episode to those that the chat has acknowledged at its rule; False where it is not open."""
    of_alert = select(ALERTS.c.episode_id).where(ALERTS.c.id == alert_id).scalar_subquery()
    query = select(EPISODES.c.id, EPISODES.c.rule_id).where(EPISODES.c.id == of_alert, is_open())
    episode = (await connection.execute(query)).one_or_none()
    if episode is None:
        return False
    held = SUBSCRIPTIONS.c
    own = held.chat_id == chat_id, held.rule_id == episode.rule_id
    row = (await connection.execute(select(held.ack).where(*own))).one_or_none()
    if row is None:
        return False
    # A rule for all instruments may have an episode on each; those that have ended are forgotten here.
    earlier = select(EPISODES.c.id).where(EPISODES.c.id.in_((row.ack or "").split()), is_open())
    acks = {episode.id, *(await connection.scalars(earlier))}
    await connection.execute(update(SUBSCRIPTIONS).where(*own).values(ack=" ".join(sorted(acks))))
    return True
