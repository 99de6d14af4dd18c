"""Small builders and Hypothesis strategies for the core's tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from liqalert.core.clusters import Cluster
from liqalert.core.columns import NO_OWNER, Columns, Floats
from liqalert.core.market import Instrument, Liquidation, Mark, PositionSide
from liqalert.core.partition import Parts, sheet
from liqalert.core.partition import cut as cut_sides
from liqalert.core.strength import Baseline
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone

BTC = Instrument("binance", "BTCUSDT")
ETH = Instrument("binance", "ETHUSDT")
T0 = 1_790_000_000.0
"""A grid point in September 2026."""
TERMS = Terms()


@dataclass(frozen=True)
class Event:
    price: float
    notional: float
    age: float


# Prices on a coarse grid as well as anywhere, so that equal prices and windows of exactly 2 % occur.
prices = st.one_of(
    st.integers(900, 1100).map(float),
    st.floats(900.0, 1100.0),
    st.integers(0, 20).map(lambda step: 1000.0 * 1.02 ** (step / 4)),
)
events = st.builds(
    Event, price=prices, notional=st.floats(0.01, 1e7), age=st.one_of(st.integers(0, 40_000).map(float), st.just(0.0))
)
event_lists = st.lists(events, min_size=1, max_size=40)


def columns(items: list[Event], decay_s: float = TERMS.decay_s) -> Columns:
    """The window that holds `items`, with masses relative to now."""
    ordered = sorted(items, key=lambda item: (item.price, -item.age, item.notional))
    notionals = np.array([item.notional for item in ordered])
    ages = np.array([item.age for item in ordered])
    return Columns.of(
        prices=np.array([item.price for item in ordered]),
        times=T0 - ages,
        quantities=notionals / np.array([item.price for item in ordered]),
        notionals=notionals,
        masses=notionals * np.exp(-ages / decay_s),
        owners=np.full(len(ordered), NO_OWNER),
    )


def altered(held: Columns, **fields: Floats) -> Columns:
    """`held` with other values in some of its fields."""
    names = ("prices", "times", "quantities", "notionals", "masses", "owners")
    return Columns.of(*(fields.get(name, getattr(held, name)) for name in names))


def parts_of(held: Columns, width: float = TERMS.window_width) -> Parts:
    return cut_sides(sheet([held]), width)


def cut(held: Columns, width: float = TERMS.window_width) -> tuple[tuple[int, int], ...]:
    parts = parts_of(held, width)
    return tuple(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True))


@dataclass(frozen=True)
class Sums:
    """What one window amounts to."""

    count: int
    price: float
    price_low: float
    price_high: float
    band_low: float
    band_high: float
    mass: float
    weighted_count: float
    oldest_at: float
    newest_at: float


def all_sums(held: Columns) -> list[Sums]:
    parts = parts_of(held)
    counts = (parts.ends - parts.starts).tolist()
    columns = (getattr(parts, name).tolist() for name in Parts.__struct_fields__[2:])
    return [Sums(*row) for row in zip(counts, *columns, strict=True)]


def liquidation(
    price: float,
    usd: float,
    at: float,
    *,
    instrument: Instrument = BTC,
    liquidated: PositionSide = PositionSide.LONG,
    received: float | None = None,
) -> Liquidation:
    return Liquidation(instrument, liquidated, price, usd / price, usd, at, at if received is None else received)


def mark(price: float, at: float, instrument: Instrument = BTC) -> Mark:
    return Mark(instrument, price, at, at)


BASELINE = Baseline(ln_r=10.0, gamma=1.2, calibrated=True, version="2026-09-21")


def zone(low: float = 100.0, high: float = 101.0, *, strength: float = 0.8, name: str = "z") -> Zone:
    return Zone(
        id=name,
        cluster_id="c" + name,
        instrument=BTC,
        liquidated=PositionSide.LONG,
        low=low,
        high=high,
        strength=strength,
        notional_usd=1e6,
        count=10,
        opened_at=T0,
        peak_at=T0,
        baseline=BASELINE,
    )


def cluster(low: float, high: float, usd: float = 1e6, name: str = "c") -> Cluster:
    return Cluster(
        id=name,
        instrument=BTC,
        liquidated=PositionSide.LONG,
        price=(low * high) ** 0.5,
        price_low=low,
        price_high=high,
        band_low=low,
        band_high=high,
        notional_usd=usd,
        weighted_count=10.0,
        count=10,
        oldest_at=T0,
        newest_at=T0,
        as_of=T0,
        baseline=BASELINE,
    )
