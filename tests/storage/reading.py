"""What a database holds."""

from __future__ import annotations

from liqalert.core.market import Liquidation, UnixTime
from liqalert.storage.database import Database
from liqalert.storage.journal import read_liquidations


async def stored_liquidations(database: Database, since: UnixTime) -> tuple[Liquidation, ...]:
    async with database.read("test") as connection:
        return await read_liquidations(connection, since)
