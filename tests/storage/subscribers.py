"""Chats that subscribe, and whom an alert has reached."""

from __future__ import annotations

from sqlalchemy import insert

from liqalert.core.alerts import Alert
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import CHATS, RULES, SUBSCRIPTIONS
from tests.storage.objects import BTC_RULE, T0


async def subscribers(database: Database, count: int, **changes: object) -> None:
    """`count` chats, with rows 1 to `count`, that hold the BTC rule."""
    rule = {"id": BTC_RULE.id, "kind": "near", "exchange": "binance", "symbol": "BTCUSDT"}
    chats = [
        {"channel": "telegram", "address": str(n), "listed_as": str(n), "role": "user", "added_at": T0}
        for n in range(count)
    ]
    held = {"rule_id": BTC_RULE.id, "loudness": "loud", "from_default": True, "since": T0} | changes
    async with database.write("test") as connection:
        await connection.execute(insert(RULES), [rule | {"distance_pct": 1.0, "min_strength": 0.6}])
        await connection.execute(insert(CHATS), chats)
        await connection.execute(insert(SUBSCRIPTIONS), [held | {"chat_id": n + 1} for n in range(count)])


async def told(outbox: DeliveryOutbox) -> list[tuple[str, str]]:
    return [(delivery.channel, delivery.address) for delivery in await outbox.due(T0 + 9_999, 9_999)]


async def fanned_out(outbox: DeliveryOutbox, alerts: AlertStore, what: Alert) -> list[tuple[str, str]]:
    await alerts.record_notice(what)
    assert await outbox.fan_out(what, T0) is True
    return await told(outbox)
