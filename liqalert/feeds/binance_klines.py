"""Binance's klines as candles. Trade prices, not marks: they fill the minutes in which nobody watched."""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec

from liqalert.core.candles import Candle
from liqalert.feeds.binance_wire import UNREADABLE

_Row: TypeAlias = tuple[int, str, str, str, str, object, object, object, object, object, object, object]
"""Open time (ms), open, high, low, close; volume and the rest are not used."""
MOST_ROWS = 1500
"""In one answer."""


class NoKlines(ValueError):
    """The answer is no list of klines."""


def parse_klines(payload: bytes) -> tuple[Candle, ...]:
    """Candles in order of time. Rows that make no sense are left out; raises NoKlines when the whole does not."""
    try:
        rows = msgspec.json.decode(payload, type=list[_Row])
    except UNREADABLE as exc:
        raise NoKlines(str(exc)) from exc
    candles = (_candle(row) for row in rows)
    return tuple(candle for candle in candles if candle is not None)


def _candle(row: _Row) -> Candle | None:
    try:
        prices = tuple(float(text) for text in row[1:5])
    except ValueError:
        return None
    opened, high, low, close = prices
    # Milliseconds from 2001 to 2286, as in every other message: a candle of another age would stand there for ever.
    sane = 10**12 < row[0] < 10**13 and all(math.isfinite(price) and price > 0.0 for price in prices)
    if not sane or not low <= min(opened, close) <= max(opened, close) <= high:
        return None
    return Candle(row[0] / 1000.0, opened, high, low, close)
