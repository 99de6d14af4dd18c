"""Candles of one minute, made from marks."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass

from liqalert.core.market import Instrument, Mark, UnixTime

MINUTE_S = 60.0
LAG_S = 60.0
"""A mark that is older than the last by more than this means a clock that was set back, as in the engine."""
UNSEEN_S = 15.0
"""A minute with so long a stretch without a mark was not seen whole."""


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices of one stretch of time, quote per base. How long it is, its owner knows."""

    open_time: UnixTime
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A minute that has ended."""

    instrument: Instrument
    candle: Candle
    whole: bool
    """Whether marks came all through it: else its prices may have been elsewhere too."""


@dataclass(slots=True)
class _Running:
    """The minute that has not ended."""

    open_time: UnixTime
    open: float
    high: float
    low: float
    close: float
    event_time: UnixTime
    seen_at: UnixTime
    whole: bool

    def candle(self) -> Candle:
        return Candle(self.open_time, self.open, self.high, self.low, self.close)


class CandleBook:
    """Every instrument's running minute, and those that are not written yet. O(1) per mark. Minutes of receive time."""

    def __init__(self) -> None:
        self._running: dict[Instrument, _Running] = {}
        self._finished: list[Finished] = []

    def mark(self, mark: Mark) -> None:
        self.marks((mark,), (mark.instrument,))

    def marks(self, marks: Iterable[Mark], of: Container[Instrument]) -> None:
        """Those of the instruments in `of`. One that is older than the last of its instrument is left out: it came by
        a connection that lags behind another."""
        for mark in marks:
            if (instrument := mark.instrument) not in of:
                continue
            running, price, now = self._running.get(instrument), mark.price, mark.received_time
            if running is not None and 0.0 < running.event_time - mark.event_time <= LAG_S:
                continue
            if running is None or not 0.0 <= now - running.open_time < MINUTE_S:
                self._begin(mark, running)
                continue
            if price > running.high:
                running.high = price
            elif price < running.low:
                running.low = price
            running.close = price
            running.event_time = mark.event_time
            if now - running.seen_at > UNSEEN_S:
                running.whole = False
            running.seen_at = now

    def unwritten(self, instrument: Instrument) -> tuple[Candle, ...]:
        """What is known of `instrument` and has not been written: in order of time, the running minute last."""
        finished = (each.candle for each in self._finished if each.instrument == instrument)
        running = self._running.get(instrument)
        return (*finished, *(() if running is None else (running.candle(),)))

    def finished(self, now: UnixTime) -> tuple[Finished, ...]:
        """The minutes that have ended and are not written, oldest first."""
        for instrument in [each for each, running in self._running.items() if running.open_time + MINUTE_S <= now]:
            self._end(instrument, self._running.pop(instrument))
        return tuple(self._finished)

    def written(self, count: int) -> None:
        """The oldest `count` of what `finished` gave need not be kept any more."""
        del self._finished[:count]

    # ------------------------------------------------------------ details

    def _begin(self, mark: Mark, before: _Running | None) -> None:
        if before is not None:
            self._end(mark.instrument, before)
        now, price = mark.received_time, mark.price
        opened = math.floor(now / MINUTE_S) * MINUTE_S
        whole = now - opened <= UNSEEN_S
        self._running[mark.instrument] = _Running(opened, price, price, price, price, mark.event_time, now, whole)

    def _end(self, instrument: Instrument, running: _Running) -> None:
        whole = running.whole and running.open_time + MINUTE_S - running.seen_at <= UNSEEN_S
        self._finished.append(Finished(instrument, running.candle(), whole))


def by_column(candles: Iterable[Candle], start: UnixTime, column_s: float, columns: int) -> tuple[Candle | None, ...]:
    """One candle a column, from shorter ones in order of time; None where there is none."""
    found: list[Candle | None] = [None] * columns
    for candle in candles:
        column = math.floor((candle.open_time - start) / column_s)
        if 0 <= column < columns:
            before = found[column]
            opened = start + column * column_s
            found[column] = _joined(before, candle, opened)
    return tuple(found)


def _joined(before: Candle | None, after: Candle, opened: UnixTime) -> Candle:
    if before is None:
        return Candle(opened, after.open, after.high, after.low, after.close)
    return Candle(opened, before.open, max(before.high, after.high), min(before.low, after.low), after.close)
