"""What is usual for each instrument and position side: a histogram and the open interest per UTC day."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import RowMapping, and_, func, select

from liqalert.core.baselines import utc_day
from liqalert.core.market import Instrument, OpenInterest, PositionSide, UnixTime
from liqalert.core.strength import DaySamples
from liqalert.storage.database import Database
from liqalert.storage.tables import BASELINES

COLUMNS = {"clusters": "bins", "flow": "flow_bins"}
"""Where each measure of `DaySamples` is kept."""


class BaselineStore:
    """Keeps the material of baselines. All calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, samples: Sequence[DaySamples], now: UnixTime) -> None:
        """Each of `samples` takes the place of what was saved for its side and day."""
        if not samples:
            return
        async with self._database.write("saving baselines") as connection:
            for measure, column in COLUMNS.items():
                rows = [_samples_row(day, column, now) for day in samples if day.measure == measure]
                if rows:
                    await connection.execute(self._database.upsert(BASELINES, (column, "saved_at")), rows)

    async def save_open_interest(self, values: Sequence[OpenInterest]) -> None:
        """The open interest of the UTC day of each value: the newest of a day stays."""
        if not values:
            return
        columns = ("open_interest_usd", "open_interest_at")
        statement = self._database.upsert(BASELINES, columns, unless_older="open_interest_at")
        async with self._database.write("saving open interest") as connection:
            rows = [_interest_row(value, liquidated) for value in values for liquidated in PositionSide]
            await connection.execute(statement, rows)

    async def load(self, since_day: str) -> tuple[DaySamples, ...]:
        """All days from `since_day` (like 2026-11-23) on, by instrument, side and day."""
        table = BASELINES.c
        query = (
            select(table.exchange, table.symbol, table.liquidated, table.day, table.bins, table.flow_bins)
            .where(table.day >= since_day)
            .order_by(table.exchange, table.symbol, table.liquidated, table.day)
        )
        async with self._database.read("loading baselines") as connection:
            rows = (await connection.execute(query)).mappings().all()
        return tuple(
            _samples(row, measure, row[column])
            for measure, column in COLUMNS.items()
            for row in rows
            if row[column] is not None
        )

    async def open_interest(self) -> tuple[OpenInterest, ...]:
        """The newest value of each instrument, by instrument."""
        table = BASELINES.c
        newest = (
            select(table.exchange, table.symbol, func.max(table.open_interest_at).label("at"))
            .group_by(table.exchange, table.symbol)
            .subquery()
        )
        same = and_(
            newest.c.exchange == table.exchange,
            newest.c.symbol == table.symbol,
            newest.c.at == table.open_interest_at,
        )
        query = (
            select(table.exchange, table.symbol, table.open_interest_usd, table.open_interest_at)
            .join(newest, same)
            .distinct()
            .order_by(table.exchange, table.symbol)
        )
        async with self._database.read("loading open interest") as connection:
            rows = (await connection.execute(query)).all()
        return tuple(OpenInterest(Instrument(exchange, symbol), usd, at) for exchange, symbol, usd, at in rows)


def _samples_row(samples: DaySamples, column: str, now: UnixTime) -> dict[str, object]:
    return {
        "exchange": samples.instrument.exchange,
        "symbol": samples.instrument.symbol,
        "liquidated": samples.liquidated,
        "day": samples.day,
        column: msgspec.json.encode(samples.bins).decode(),
        "saved_at": now,
    }


def _samples(row: RowMapping, measure: str, bins: str) -> DaySamples:
    decoded = msgspec.json.decode(bins, type=tuple[tuple[int, int], ...])
    instrument = Instrument(row["exchange"], row["symbol"])
    return DaySamples(instrument, PositionSide(row["liquidated"]), row["day"], decoded, measure)


def _interest_row(value: OpenInterest, liquidated: PositionSide) -> dict[str, object]:
    return {
        "exchange": value.instrument.exchange,
        "symbol": value.instrument.symbol,
        "liquidated": liquidated,
        "day": utc_day(value.at),
        "open_interest_usd": value.usd,
        "open_interest_at": value.at,
    }
