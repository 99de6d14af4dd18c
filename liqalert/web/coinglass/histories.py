"""`history` and `aggregated-history`: what was liquidated in each interval, of one instrument or of a coin.

An interval in which nothing was liquidated has a row of zeros; one that nobody watched has none, because it is not
known. Rows run from the one that opens at `start_time` or next after it, so that a client which asks on from its last
row gets each once; without `start_time` they are the last ones before `end_time`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from liqalert.core.gaps import Watch, least_share
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.web.coinglass.envelope import Answer, success
from liqalert.web.coinglass.intervals import Interval
from liqalert.web.coinglass.numbers import cents, milliseconds, text
from liqalert.web.coinglass.questions import Question
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.coinglass.watches import watches


class HistoryItem(msgspec.Struct, frozen=True):
    time: int
    """When the interval opens, in milliseconds."""
    long_liquidation_usd: str
    short_liquidation_usd: str


class AggregatedHistoryItem(msgspec.Struct, frozen=True):
    time: int
    aggregated_long_liquidation_usd: float
    aggregated_short_liquidation_usd: float


@dataclass(frozen=True, slots=True)
class Row:
    opened: UnixTime
    long_usd: float
    short_usd: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a client wants."""

    interval: Interval
    start: UnixTime | None
    end: UnixTime
    now: UnixTime
    limit: int

    def opens(self, watching: Sequence[Watch]) -> list[UnixTime]:
        """When the intervals open that were watched, if only in part, ascending and no more than `limit`."""
        began = min(watch.began for watch in watching)
        if began > self.end:
            return []
        first = self.interval.opened(began)
        if self.start is not None:
            first = max(first, self.interval.next_open(self.start))
        count = max(0, round((self.interval.opened(self.end) - first) / self.interval.length_s) + 1)
        numbers = reversed(range(count)) if self.start is None else range(count)
        opens = (first + number * self.interval.length_s for number in numbers)
        return sorted(islice((each for each in opens if self._watched(each, watching)), self.limit))

    def until(self, opened: UnixTime) -> UnixTime:
        """When the interval ends, or now if it still lasts."""
        return min(opened + self.interval.length_s, self.now)

    def _watched(self, opened: UnixTime, watching: Sequence[Watch]) -> bool:
        return any(watch.share(opened, self.until(opened)) > 0.0 for watch in watching)


class Histories:
    def __init__(self, sources: CoinglassSources) -> None:
        self._sources = sources

    async def history(self, question: Question) -> Answer:
        rows, watched = await self._rows((question.pair(),), question)
        items = [HistoryItem(milliseconds(row.opened), text(row.long_usd), text(row.short_usd)) for row in rows]
        return success(items, watched)

    async def aggregated_history(self, question: Question) -> Answer:
        rows, watched = await self._rows(question.coin(question.exchanges()), question)
        items = [AggregatedHistoryItem(milliseconds(row.opened), row.long_usd, row.short_usd) for row in rows]
        return success(items, watched)

    async def _rows(self, instruments: Sequence[Instrument], question: Question) -> tuple[list[Row], float]:
        """Ascending, and the share of their time that was watched."""
        wanted = Wanted(question.interval(), question.start(), question.end(), question.now, question.limit())
        exchanges = sorted({instrument.exchange for instrument in instruments})
        watching = await watches(self._sources, exchanges, question.start() or 0.0)
        opens = await asyncio.to_thread(wanted.opens, watching)
        if not opens:
            return [], 0.0
        length_s = wanted.interval.length_s
        sums = await self._sources.sums.per_interval(
            instruments, since=opens[0], until=opens[-1] + length_s, interval_s=length_s
        )
        rows = [_row(opened, round((opened - opens[0]) / length_s), sums) for opened in opens]
        return rows, least_share(watching, opens[0], wanted.until(opens[-1]))


def _row(opened: UnixTime, number: int, sums: Mapping[tuple[int, PositionSide], float]) -> Row:
    long_usd, short_usd = (sums.get((number, side), 0.0) for side in (PositionSide.LONG, PositionSide.SHORT))
    return Row(opened, cents(long_usd), cents(short_usd))
