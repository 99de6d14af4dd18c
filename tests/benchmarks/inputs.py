"""A seeded exchange of 600 instruments, the busiest first, and what it sends."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from random import Random
from string import ascii_uppercase

import msgspec

from liqalert.core.market import Instrument, Liquidation, PositionSide, UnixTime
from tests.binance_messages import force_order, mark_rows

INSTRUMENTS = 600
T0 = 1_790_000_000.0
"""A grid point in September 2026, early in the afternoon UTC: no benchmark runs over midnight."""
SPREAD_S = 10 * 3600.0
"""Liquidations are so much apart at most: within the 12 h that the engine keeps, whenever a round looks."""
_MAJORS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "AVAX", "LINK", "SUI")
_MAJOR_PRICES = (67_321.4, 3_521.77, 151.33, 0.4971, 0.13912, 603.1, 0.4412, 32.11, 15.92, 1.0122)


@cache
def symbols() -> tuple[str, ...]:
    random = Random(1)
    names = list(_MAJORS)
    while len(names) < INSTRUMENTS:
        name = "".join(random.choices(ascii_uppercase, k=random.choice((3, 4, 5, 6))))
        if name not in names:
            names.append(name)
    return tuple(f"{name}USDT" for name in names)


@cache
def prices() -> Mapping[str, float]:
    """By symbol, in US dollars."""
    random = Random(2)
    rest = [10.0 ** random.uniform(-4, 3) for _ in range(INSTRUMENTS - len(_MAJOR_PRICES))]
    return dict(zip(symbols(), (*_MAJOR_PRICES, *rest), strict=True))


def quotes() -> Mapping[str, str]:
    """What a parser has learned from the exchange's list of instruments."""
    return dict.fromkeys(symbols(), "USDT")


@cache
def instruments() -> tuple[Instrument, ...]:
    return tuple(Instrument("binance", symbol) for symbol in symbols())


def busiest_first(random: Random, count: int) -> list[int]:
    """`count` positions among the instruments, the first ones most often, as on the real exchange (Zipf)."""
    weights = [1.0 / (rank + 1) ** 0.9 for rank in range(INSTRUMENTS)]
    return random.choices(range(INSTRUMENTS), weights, k=count)


def liquidations(count: int, until: UnixTime, seed: int = 3) -> Iterator[Liquidation]:
    """`count` different liquidations of the `SPREAD_S` before `until`, oldest first."""
    random = Random(seed)
    for number, place in enumerate(busiest_first(random, count)):
        at = until - SPREAD_S * (1.0 - number / count)
        yield liquidation(instruments()[place], random.choice(tuple(PositionSide)), random, at)


def liquidation(instrument: Instrument, liquidated: PositionSide, random: Random, at: UnixTime) -> Liquidation:
    """One within a few per cent of the instrument's price."""
    price = prices()[instrument.symbol] * math.exp(random.gauss(0.0, 0.03))
    usd = 10.0 ** random.uniform(2, 6)
    return Liquidation(instrument, liquidated, price, usd / price, usd, at, at)


def force_order_frames(count: int, until: UnixTime, *, wrapped: bool = True) -> list[bytes]:
    """Single liquidations as they come on the wire: bare, or in the wrapper of a combined stream."""
    return [_frame(_order(each), "!forceOrder@arr", wrapped=wrapped) for each in liquidations(count, until)]


def mark_frame(marks: Mapping[str, float], at: UnixTime) -> bytes:
    """One array of marks, in the wrapper of a combined stream."""
    shown = {symbol: f"{price:.8f}" for symbol, price in marks.items()}
    return _frame(mark_rows(shown, at_ms=round(at * 1000)), "!markPrice@arr@1s", wrapped=True)


def _order(each: Liquidation) -> object:
    side = "SELL" if each.liquidated is PositionSide.LONG else "BUY"
    price, quantity = f"{each.price:.7f}", f"{each.quantity:.7f}"
    at_ms = round(each.event_time * 1000)
    return force_order(each.instrument.symbol, side, price=price, quantity=quantity, at_ms=at_ms)


def _frame(content: object, stream: str, *, wrapped: bool) -> bytes:
    return msgspec.json.encode({"stream": stream, "data": content} if wrapped else content)
