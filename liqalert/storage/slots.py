"""In which stretches of time any liquidation came: what was usual, for judging a silence."""

from __future__ import annotations

from sqlalchemy import BigInteger, cast, func, select

from liqalert.core.market import UnixTime
from liqalert.storage.database import Database
from liqalert.storage.tables import LIQUIDATIONS


class SlotHistory:
    """Calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def heard(self, exchange: str, since: UnixTime, slot_s: float) -> frozenset[int]:
        """The slots of `slot_s` seconds, numbered from 1970, in which something of `exchange` was received."""
        table = LIQUIDATIONS.c
        number = table.received_time / slot_s
        # PostgreSQL's cast rounds; SQLite may lack floor(), and its cast leaves the fraction out.
        slot = cast(number if self._database.path else func.floor(number), BigInteger)
        query = select(slot).distinct().where(table.exchange == exchange, table.event_time >= since)
        async with self._database.read("reading when liquidations came") as connection:
            return frozenset((await connection.scalars(query)).all())
