"""What was liquidated, added up by the database: per interval, per instrument, and the newest ones of a size."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, and_, cast, false, func, or_, select

from liqalert.core.market import Gap, Instrument, Liquidation, PositionSide, UnixTime
from liqalert.storage.database import Database
from liqalert.storage.journal import GAP_COLUMNS, LIQUIDATION_COLUMNS, gap_from, liquidation_from, streamed
from liqalert.storage.tables import FEED_GAPS, FEED_HEARTBEATS, LIQUIDATIONS


class LiquidationSums:
    """Reads from the journal's tables. All calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def per_interval(
        self, instruments: Collection[Instrument], *, since: UnixTime, until: UnixTime, interval_s: float
    ) -> dict[tuple[int, PositionSide], float]:
        """US dollars by interval and position side, those with none left out.

        Interval n opens at `since` + n x `interval_s`; `until` itself is not counted.
        """
        table = LIQUIDATIONS
        number = self._whole((table.c.event_time - since) / interval_s)
        query = (
            select(number, table.c.liquidated, func.sum(table.c.notional_usd))
            .where(_of(instruments), _between(since, until))
            .group_by(number, table.c.liquidated)
        )
        async with self._database.read("adding up liquidations") as connection:
            rows = await connection.execute(query)
            return {(int(found), PositionSide(liquidated)): usd for found, liquidated, usd in rows}

    async def per_instrument(self, *, since: UnixTime, until: UnixTime) -> dict[tuple[Instrument, PositionSide], float]:
        """US dollars by instrument and position side, those with none left out; `until` itself is not counted."""
        table = LIQUIDATIONS
        by = (table.c.exchange, table.c.symbol, table.c.liquidated)
        query = select(*by, func.sum(table.c.notional_usd)).where(_between(since, until)).group_by(*by)
        async with self._database.read("adding up liquidations") as connection:
            rows = await connection.execute(query)
            return {
                (Instrument(exchange, symbol), PositionSide(liquidated)): usd
                for exchange, symbol, liquidated, usd in rows
            }

    async def newest(
        self, instruments: Collection[Instrument], *, since: UnixTime, until: UnixTime, min_usd: float, limit: int
    ) -> tuple[Liquidation, ...]:
        """The newest of at least `min_usd`, newest first; `until` itself is not counted."""
        table = LIQUIDATIONS
        query = (
            select(*LIQUIDATION_COLUMNS)
            .where(_of(instruments), _between(since, until), table.c.notional_usd >= min_usd)
            .order_by(table.c.event_time.desc(), table.c.id.desc())
            .limit(limit)
        )
        async with self._database.read("reading liquidations") as connection:
            return tuple(liquidation_from(*row) for row in await connection.execute(query))

    async def all_between(
        self, instruments: Collection[Instrument], *, since: UnixTime, until: UnixTime
    ) -> tuple[Liquidation, ...]:
        """In order of event time; `until` itself is not counted."""
        query = (
            select(*LIQUIDATION_COLUMNS)
            .where(_of(instruments), _between(since, until))
            .order_by(LIQUIDATIONS.c.event_time, LIQUIDATIONS.c.id)
        )
        async with self._database.read("reading liquidations") as connection:
            return tuple(await streamed(connection, query))

    async def recorded_since(self, exchange: str) -> UnixTime | None:
        """Since when anything of `exchange` has been kept; None when nothing has."""
        table, beats = LIQUIDATIONS, FEED_HEARTBEATS
        oldest = select(table.c.event_time).where(table.c.exchange == exchange).order_by(table.c.event_time).limit(1)
        watching = select(beats.c.watching_since).where(beats.c.exchange == exchange)
        async with self._database.read("reading since when liquidations are kept") as connection:
            known = [await connection.scalar(oldest), await connection.scalar(watching)]
        return min((at for at in known if at is not None), default=None)

    async def gaps_since(self, exchange: str, since: UnixTime) -> tuple[Gap, ...]:
        """Gaps of `exchange` that end after `since`, or have no end yet, by their start."""
        table = FEED_GAPS
        query = (
            select(*GAP_COLUMNS)
            .where(table.c.exchange == exchange, or_(table.c.end_at > since, table.c.end_at.is_(None)))
            .order_by(table.c.start_at)
        )
        async with self._database.read("reading gaps") as connection:
            return tuple(gap_from(*row) for row in await connection.execute(query))

    def _whole(self, number: ColumnElement[float | Decimal]) -> ColumnElement[int]:
        """`number`, which is not negative, without its fraction: PostgreSQL's cast rounds, SQLite may lack floor()."""
        return cast(number if self._database.path else func.floor(number), BigInteger)


def _of(instruments: Collection[Instrument]) -> ColumnElement[bool]:
    """Symbols first: the index begins with them."""
    return or_(
        false(),
        *(
            and_(LIQUIDATIONS.c.symbol == instrument.symbol, LIQUIDATIONS.c.exchange == instrument.exchange)
            for instrument in instruments
        ),
    )


def _between(since: UnixTime, until: UnixTime) -> ColumnElement[bool]:
    return and_(LIQUIDATIONS.c.event_time >= since, LIQUIDATIONS.c.event_time < until)
