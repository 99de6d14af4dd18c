"""The journal: liquidations, gaps and heartbeats, collected in memory and written in batches, once a second."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from liqalert.core.market import Gap, Instrument, Liquidation, PositionSide, Stream, UnixTime
from liqalert.ports import RowRefused, StorageError
from liqalert.storage.database import Database, storable
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import FEED_GAPS, FEED_HEARTBEATS, LIQUIDATIONS

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
BATCH = 5_000
"""Rows per transaction, so that a long backlog does not keep alerts waiting for the writer."""
BOUND = 200_000
"""How many liquidations are kept in memory while the database refuses: about 50 MB, hours of a wild market."""

READ_AT_ONCE = 2_000
"""Rows that become liquidations in one go, for which the loop stands: some milliseconds."""
MOST_READ = 1_000_000
"""Liquidations that an engine begins with, at most: about 200 MB for a moment, and more than any day has shown."""
MOST_GAPS = 10_000
"""Gaps kept likewise: one every ten seconds for a day."""


COLUMNS = ("exchange", "symbol", "event_time", "received_time", "liquidated", "price", "quantity", "notional_usd")
"""As the table has them."""


class BatchJournal:
    """Implements ports.Journal. What the database refuses stays in memory, up to `bound`, and is tried again."""

    def __init__(self, database: Database, *, bound: int = BOUND) -> None:
        self._database = database
        self._insert = database.insert_new_rows(LIQUIDATIONS, COLUMNS)
        self._insert_gaps = Prepared(database.insert_new(FEED_GAPS))
        self._keep_heartbeats = Prepared(database.upsert(FEED_HEARTBEATS))
        self._bound = bound
        self._liquidations: deque[Liquidation] = deque()
        self._gaps: deque[Gap] = deque()
        self._heartbeats: dict[str, tuple[UnixTime, UnixTime]] = {}
        self._flushing = asyncio.Lock()
        self.problem: str | None = None
        """Why the last batch was not written; None when it was."""
        self.dropped = 0
        """Liquidations given up: the oldest beyond `bound`, and those that the database can never take."""
        self.dropped_gaps = 0
        """The oldest beyond MOST_GAPS."""

    @property
    def waiting_gaps(self) -> int:
        return len(self._gaps)

    @property
    def waiting(self) -> int:
        """Liquidations not yet written."""
        return len(self._liquidations)

    def liquidated(self, liquidations: Sequence[Liquidation]) -> None:
        self._liquidations += liquidations
        self._drop_oldest()

    def gap(self, gap: Gap) -> None:
        self._gaps.append(gap)
        while len(self._gaps) > MOST_GAPS:
            self._gaps.popleft()
            self.dropped_gaps += 1

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        self._heartbeats[exchange] = (watching_since, now)

    async def run(self) -> None:
        """Writes every second, for ever. What arrived after the last write is left to one more `flush` at the end."""
        while True:
            await self.flush()
            await asyncio.sleep(INTERVAL_S)

    async def flush(self) -> None:
        """Writes what has been collected. Never raises: `problem` says why something is still waiting."""
        async with self._flushing:
            try:
                while self._liquidations:
                    await self._write_batch()
                await self._write_gaps_and_heartbeats()
            except StorageError as exc:
                self._failed(str(exc))
            else:
                self._succeeded()

    async def _write_gaps_and_heartbeats(self) -> None:
        """They leave memory only once they are written."""
        gaps, heartbeats = list(self._gaps), dict(self._heartbeats)
        if not gaps and not heartbeats:
            return

        def write(connection: Connection) -> None:
            if gaps:
                self._insert_gaps.run(connection, [_gap_row(gap) for gap in gaps])
            if heartbeats:
                self._keep_heartbeats.run(connection, _heartbeat_rows(heartbeats))

        await self._database.write_at_once("writing gaps", write)
        for gap in gaps:
            # Older ones may have made room meanwhile.
            if self._gaps and self._gaps[0] is gap:
                self._gaps.popleft()
        self._heartbeats = {name: beat for name, beat in self._heartbeats.items() if heartbeats.get(name) != beat}

    async def _write_batch(self) -> None:
        batch = [self._liquidations.popleft() for _ in range(min(BATCH, len(self._liquidations)))]
        try:
            await self._write(batch)
        except RowRefused:
            await self._write_one_by_one(batch)
        except BaseException:
            # Cancelled as well as refused: the batch goes back to where it came from.
            self._put_back(batch)
            raise

    async def _write(self, batch: list[Liquidation]) -> None:
        rows = [_liquidation_row(each) for each in batch]

        def write(connection: Connection) -> None:
            connection.exec_driver_sql(self._insert, rows)

        await self._database.write_at_once("writing liquidations", write)

    async def _write_one_by_one(self, batch: list[Liquidation]) -> None:
        """One impossible row must not hold up the others for ever."""
        remaining = deque(batch)
        try:
            while remaining:
                try:
                    await self._write([remaining[0]])
                except RowRefused as exc:
                    self.dropped += 1
                    log.warning("liquidation not writable", extra={"cause": str(exc)})
                remaining.popleft()
        finally:
            self._put_back(list(remaining))

    def _put_back(self, batch: list[Liquidation]) -> None:
        self._liquidations.extendleft(reversed(batch))
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._liquidations) > self._bound:
            self._liquidations.popleft()
            self.dropped += 1

    def _failed(self, problem: str) -> None:
        if self.problem is None:
            log.error("journal not written", extra={"cause": problem})
        self.problem = problem

    def _succeeded(self) -> None:
        if self.problem is not None:
            log.info("journal written again", extra={"dropped": self.dropped})
        self.problem = None


class JournalReader:
    """Reads back what the journal wrote. All calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def liquidations(self, symbol: str, limit: int) -> tuple[Liquidation, ...]:
        """The newest liquidations of `symbol` on every exchange, newest first."""
        table = LIQUIDATIONS
        query = (
            select(*LIQUIDATION_COLUMNS)
            .where(table.c.symbol == symbol)
            .order_by(table.c.event_time.desc())
            .limit(limit)
        )
        async with self._database.read("reading liquidations") as connection:
            return tuple(liquidation_from(*row) for row in await connection.execute(query))

    async def gaps(self, exchange: str, limit: int) -> tuple[Gap, ...]:
        """The newest gaps of `exchange`, oldest of them first."""
        table = FEED_GAPS
        query = select(*GAP_COLUMNS).where(table.c.exchange == exchange).order_by(table.c.start_at.desc()).limit(limit)
        async with self._database.read("reading gaps") as connection:
            return tuple(gap_from(*row) for row in reversed((await connection.execute(query)).all()))

    async def heartbeats(self) -> dict[str, tuple[UnixTime, UnixTime]]:
        """By exchange: since when it has been watched, and when it was last proven alive."""
        table = FEED_HEARTBEATS
        query = select(table.c.exchange, table.c.watching_since, table.c.alive_at)
        async with self._database.read("reading heartbeats") as connection:
            return {exchange: (since, alive_at) for exchange, since, alive_at in await connection.execute(query)}


async def read_liquidations(
    connection: AsyncConnection, since: UnixTime, *, most: int = MOST_READ
) -> tuple[Liquidation, ...]:
    """The liquidations from `since` on, by event time and then by arrival; of more than `most` the newest."""
    table = LIQUIDATIONS
    newest = select(*LIQUIDATION_COLUMNS).where(table.c.event_time >= since).limit(most)
    found = await streamed(connection, newest.order_by(table.c.event_time.desc(), table.c.id.desc()))
    if len(found) == most:
        log.warning("too many liquidations to begin with all of them", extra={"since": found[-1].event_time})
    found.reverse()
    return tuple(found)


async def streamed(connection: AsyncConnection, query: Select[Any]) -> list[Liquidation]:
    """What `query` gives of LIQUIDATION_COLUMNS, batch by batch: the loop goes on between two of them."""
    found: list[Liquidation] = []
    async for rows in (await connection.stream(query.execution_options(yield_per=READ_AT_ONCE))).partitions():
        found += [liquidation_from(*row) for row in rows]
    return found


LIQUIDATION_COLUMNS = tuple(
    LIQUIDATIONS.c[name]
    for name in ("exchange", "symbol", "liquidated", "price", "quantity", "notional_usd", "event_time", "received_time")
)


GAP_COLUMNS = tuple(FEED_GAPS.c[name] for name in ("exchange", "start_at", "end_at", "cause", "stream"))


def gap_from(exchange: str, start: UnixTime, end: UnixTime | None, cause: str, stream: str) -> Gap:
    return Gap(exchange, start, end, cause, Stream(stream))


def liquidation_from(exchange: str, symbol: str, liquidated: str, *numbers: float) -> Liquidation:
    return Liquidation(_instrument(exchange, symbol), PositionSide(liquidated), *numbers)


@lru_cache(maxsize=10_000)
def _instrument(exchange: str, symbol: str) -> Instrument:
    """One object for all rows of an instrument: else half of what they take in memory would be its name."""
    return Instrument(exchange, symbol)


def _liquidation_row(liquidation: Liquidation) -> tuple[str | float, ...]:
    """In the order of COLUMNS. Plain strings: an enum would be looked at by the driver's adapters first."""
    return (
        liquidation.instrument.exchange,
        liquidation.instrument.symbol,
        liquidation.event_time,
        liquidation.received_time,
        liquidation.liquidated.value,
        liquidation.price,
        liquidation.quantity,
        liquidation.notional_usd,
    )


def _gap_row(gap: Gap) -> dict[str, object]:
    return {
        "exchange": gap.exchange,
        "start_at": gap.start,
        "end_at": gap.end,
        "cause": storable(gap.cause),
        "stream": gap.stream,
    }


def _heartbeat_rows(heartbeats: dict[str, tuple[UnixTime, UnixTime]]) -> list[dict[str, object]]:
    return [
        {"exchange": exchange, "watching_since": since, "alive_at": alive_at}
        for exchange, (since, alive_at) in heartbeats.items()
    ]
