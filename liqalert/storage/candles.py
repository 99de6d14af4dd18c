"""Candles of one minute, made from marks, and filled up from the exchange where nobody watched."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import func, select

from liqalert.core.candles import Candle
from liqalert.core.market import Instrument, UnixTime
from liqalert.storage.database import Database
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import CANDLES

BATCH = 5_000
"""Rows per transaction, so that a week of candles does not keep alerts waiting for the writer."""


class CandleStore:
    """Reads and writes candles. All calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upsert = Prepared(database.upsert(CANDLES))
        self._insert_new = Prepared(database.insert_new(CANDLES))

    async def save(self, candles: Iterable[tuple[Instrument, Candle]]) -> None:
        """Takes the place of what is there: for minutes seen whole, and for what is better than one that was not."""
        await self._write(self._upsert, candles)

    async def fill_up(self, candles: Iterable[tuple[Instrument, Candle]]) -> None:
        """Minutes that exist already stay as they are: for candles from elsewhere, and of minutes not seen whole."""
        await self._write(self._insert_new, candles)

    async def read(self, instrument: Instrument, since: UnixTime, until: UnixTime) -> tuple[Candle, ...]:
        """Those that open from `since` on and before `until`, in order."""
        table = CANDLES
        query = (
            select(table.c.open_time, table.c.open, table.c.high, table.c.low, table.c.close)
            .where(
                table.c.exchange == instrument.exchange,
                table.c.symbol == instrument.symbol,
                table.c.open_time >= since,
                table.c.open_time < until,
            )
            .order_by(table.c.open_time)
        )
        async with self._database.read("reading candles") as connection:
            return tuple(Candle(*row) for row in await connection.execute(query))

    async def count(self, instrument: Instrument, since: UnixTime, until: UnixTime) -> int:
        """How many `read` would give."""
        table = CANDLES
        query = select(func.count()).where(
            table.c.exchange == instrument.exchange,
            table.c.symbol == instrument.symbol,
            table.c.open_time >= since,
            table.c.open_time < until,
        )
        async with self._database.read("counting candles") as connection:
            return int(await connection.scalar(query) or 0)

    async def _write(self, statement: Prepared, candles: Iterable[tuple[Instrument, Candle]]) -> None:
        rows = [_row(instrument, candle) for instrument, candle in candles]
        for batch in (rows[start : start + BATCH] for start in range(0, len(rows), BATCH)):
            await self._database.write_at_once("writing candles", partial(statement.run, many=batch))


def _row(instrument: Instrument, candle: Candle) -> dict[str, object]:
    return {
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "open_time": candle.open_time,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
    }
