"""Candles of one minute, made from marks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from liqalert.core.market import Instrument, Mark, UnixTime

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices of one stretch of time, quote per base. How long it is, its owner knows."""

    open_time: UnixTime
    open: float
    high: float
    low: float
    close: float


class CandleBook:
    """The running minute of every instrument. O(1) per mark. Minutes are those of receive times."""

    def __init__(self) -> None:
        self._running: dict[Instrument, list[float]] = {}
        """Open time, open, high, low, close."""
        self._finished: list[tuple[Instrument, Candle]] = []

    def mark(self, mark: Mark) -> None:
        price = mark.price
        running = self._running.get(mark.instrument)
        if running is not None and 0.0 <= mark.received_time - running[0] < MINUTE_S:
            running[2] = max(running[2], price)
            running[3] = min(running[3], price)
            running[4] = price
            return
        if running is not None:
            self._finished.append((mark.instrument, _candle(running)))
        opened = math.floor(mark.received_time / MINUTE_S) * MINUTE_S
        self._running[mark.instrument] = [opened, price, price, price, price]

    def running(self, instrument: Instrument) -> Candle | None:
        """The minute that has not ended; None before the first mark."""
        running = self._running.get(instrument)
        return None if running is None else _candle(running)

    def take_finished(self, now: UnixTime) -> tuple[tuple[Instrument, Candle], ...]:
        """The minutes that have ended since the last call."""
        for instrument in [each for each, running in self._running.items() if running[0] + MINUTE_S <= now]:
            self._finished.append((instrument, _candle(self._running.pop(instrument))))
        finished, self._finished = self._finished, []
        return tuple(finished)

    def give_back(self, finished: Iterable[tuple[Instrument, Candle]]) -> None:
        """What was taken could not be kept: it is given again."""
        self._finished[:0] = finished


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


def _candle(running: list[float]) -> Candle:
    return Candle(running[0], running[1], running[2], running[3], running[4])
