"""Liquidations that a script brings itself, as plain dicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from numbers import Real

from msgspec.structs import replace

from liqalert.clock import SystemClock
from liqalert.core.engine import TAKEN_IN, Engine, Verdict
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import AHEAD_S, Instrument, Liquidation, OpenInterest, PositionSide, UnixTime
from liqalert.core.terms import Terms
from liqalert.library.clusters import LiquidationCluster, cluster_of
from liqalert.library.errors import warn
from liqalert.library.force_orders import Unfilled, liquidation_in
from liqalert.library.options import positive

SIDES = {"long": PositionSide.LONG, "short": PositionSide.SHORT, "SELL": PositionSide.LONG, "BUY": PositionSide.SHORT}
"""Position sides in small letters; order sides in capitals, as Binance writes them: a forced SELL closes a long."""
QUANTITIES = ("quantity", "qty")
NOTIONALS = ("notional_usd", "notional", "usd_value")
TIMES = ("time", "timestamp", "event_time")
NO_TIME = -math.inf
"""Stands for a time that was not given."""
APART_S = 1e-6
MILLISECONDS_FROM = 1e11
"""A larger number cannot be seconds: it would be in the year 5138."""
DIGITS_FROM = 1e9
"""September 2001."""
FUTURE_FROM = 4_102_444_800.0
"""The year 2100."""
MOST_PRICE, MOST = 1e12, 1e15
"""Of quote per base; of base units and US dollars."""


@dataclass(frozen=True, slots=True)
class PlainMarket:
    """What goes with the dicts."""

    now: UnixTime | None
    """None: the time of the newest."""
    price: float | None
    open_interest_usd: float | None


def clusters_of(rows: Iterable[Mapping[str, object]], terms: Terms, market: PlainMarket) -> list[LiquidationCluster]:
    """The clusters that the engine makes of `rows`. Raises ValueError for a row that cannot be understood, and warns of
    those that the engine refuses."""
    found = _liquidations(rows)
    if not found:
        return []
    now = _now(found, market)
    liquidations = sorted(_dated(found, now), key=lambda one: one.event_time)
    engine = Engine(terms)
    if market.open_interest_usd is not None:
        engine.learn(OpenInterest(liquidations[-1].instrument, market.open_interest_usd, now), now)
    _warn_of_refused(engine.add_all(liquidations, now), now, terms)
    snapshot, _ = engine.tick(now)
    return [cluster_of(cluster, now, market.price) for cluster in snapshot.clusters(now)]


def unix_time(value: object, name: str = "time") -> UnixTime:
    """From a datetime (UTC where it names no zone), ISO 8601 text, or seconds or milliseconds, also in digits."""
    with suppress(ValueError, OverflowError):
        at = _seconds(value)
        if 0.0 <= at < FUTURE_FROM:
            return at
    allowed = "a datetime, ISO 8601, or seconds or milliseconds since 1970, before 2100"
    raise ValueError(f"{name} is {value!r}: give {allowed}")


def _seconds(value: object) -> float:
    if isinstance(value, str):
        with suppress(ValueError):
            # Earlier ones are rather dates without dashes: 20261123.
            if (at := _seconds(float(value))) >= DIGITS_FROM:
                return at
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    number = _number("time", value)
    return number / 1000.0 if number >= MILLISECONDS_FROM else number


def _now(found: Sequence[Liquidation], market: PlainMarket) -> UnixTime:
    """As `market` says, else the newest time given; where none is given, it is the present."""
    if market.now is not None:
        return market.now
    return max((one.event_time for one in found if one.event_time != NO_TIME), default=SystemClock().now())


def _dated(found: Iterable[Liquidation], now: UnixTime) -> Iterator[Liquidation]:
    """Those without a time happen at `now`: equal ones so little apart that each of them counts."""
    at_once = Counter(_likeness(one) for one in found if one.event_time == now)
    for one in found:
        if one.event_time == NO_TIME:
            at = now - at_once[_likeness(one)] * APART_S
            at_once[_likeness(one)] += 1
            yield replace(one, event_time=at, received_time=at)
        else:
            yield one


def _likeness(one: Liquidation) -> tuple[PositionSide, float, float]:
    return one.liquidated, one.price, one.quantity


def _warn_of_refused(verdicts: Sequence[Verdict], now: UnixTime, terms: Terms) -> None:
    at = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S} UTC"
    reasons = {
        Verdict.AHEAD: f"happened more than {AHEAD_S:g} s after {at}, which is taken for now: is their time in UTC?",
        Verdict.TOO_OLD: f"happened more than {terms.history_s / 3600.0:g} h before {at}, which is taken for now",
        Verdict.OFF_MARKET: "priced below half or above double the one before",
    }
    counted = Counter(verdict for verdict in verdicts if verdict not in TAKEN_IN)
    if counted:
        each = "; ".join(f"{counted[verdict]} {reason}" for verdict, reason in reasons.items() if counted[verdict])
        warn(f"{counted.total()} of {len(verdicts)} liquidations were left out: {each}", UserWarning)


def _liquidations(rows: Iterable[Mapping[str, object]]) -> list[Liquidation]:
    found: list[Liquidation] = []
    for number, row in enumerate(rows):
        with suppress(Unfilled):
            found.append(_liquidation(number, row))
    symbols = sorted({one.instrument.symbol for one in found})
    if len(symbols) > 1:
        raise ValueError(f"liquidations of {', '.join(symbols)}: give those of one symbol, as there is one price")
    return found


def _liquidation(number: int, row: object) -> Liquidation:
    if not isinstance(row, Mapping):
        raise ValueError(f"liquidation {number} is {row!r}: give a dict")
    try:
        order = row.get("o")
        if isinstance(order, Mapping):
            return liquidation_in(order, row, _told_usd(row))
        given = _first(row, TIMES)
        at = NO_TIME if given is None else unix_time(given)
        price = positive("price", _number("price", _first(row, ("price",))), MOST_PRICE)
        quantity, notional_usd = _worth(row, price)
        instrument = Instrument(BINANCE, str(row.get("symbol", "")))
        return Liquidation(instrument, _liquidated(row), price, quantity, notional_usd, at, at)
    except ValueError as exc:
        raise ValueError(f"liquidation {number}: {exc}") from None


def _liquidated(row: Mapping[str, object]) -> PositionSide:
    given = row.get("side")
    if not isinstance(given, str) or given not in SIDES:
        raise ValueError(f"side is {given!r}: give one of {', '.join(map(repr, SIDES))}")
    return SIDES[given]


def _worth(row: Mapping[str, object], price: float) -> tuple[float, float]:
    """Quantity in base units and US dollars, either from the other where it is missing."""
    given, usd = _first(row, QUANTITIES), _told_usd(row)
    if given is None and usd is None:
        raise ValueError(f"give {' or '.join((*QUANTITIES, *NOTIONALS))}")
    quantity = None if given is None else positive("quantity", _number("quantity", given), MOST)
    if usd is not None:
        return (usd / price if quantity is None else quantity), usd
    assert quantity is not None
    return quantity, positive("notional_usd", quantity * price, MOST)


def _told_usd(row: Mapping[str, object]) -> float | None:
    notional = _first(row, NOTIONALS)
    return None if notional is None else positive("notional_usd", _number("notional_usd", notional), MOST)


def _first(row: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if name in row), None)


def _number(name: str, value: object) -> float:
    # Real: those of numpy and pandas as well.
    if not isinstance(value, bool) and isinstance(value, Real | Decimal | str):
        with suppress(ValueError, OverflowError):
            return float(value)
    raise ValueError(f"{name} is {value!r}: give a number")
