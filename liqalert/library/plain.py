"""Liquidations that a script brings itself, as plain dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from liqalert.core.engine import Engine
from liqalert.core.market import Instrument, Liquidation, OpenInterest, PositionSide, UnixTime
from liqalert.core.terms import Terms
from liqalert.library.clusters import LiquidationCluster, cluster_of
from liqalert.library.force_orders import Unfilled, liquidation_in
from liqalert.library.options import positive
from liqalert.library.symbols import EXCHANGE

SIDES = {"long": PositionSide.LONG, "short": PositionSide.SHORT, "SELL": PositionSide.LONG, "BUY": PositionSide.SHORT}
"""Position sides in small letters; order sides in capitals, as Binance writes them: a forced SELL closes a long."""
QUANTITIES = ("quantity", "qty")
NOTIONALS = ("notional_usd", "notional", "usd_value")
TIMES = ("time", "timestamp", "event_time")
MILLISECONDS_FROM = 1e11
"""A larger number cannot be seconds: it would be in the year 5138."""


@dataclass(frozen=True, slots=True)
class PlainMarket:
    """What goes with the dicts."""

    now: UnixTime | None
    """None: the time of the newest."""
    price: float | None
    open_interest_usd: float | None


def clusters_of(rows: Iterable[Mapping[str, object]], terms: Terms, market: PlainMarket) -> list[LiquidationCluster]:
    """The clusters that the engine makes of `rows`. Raises ValueError for a row that cannot be understood."""
    liquidations = sorted(_liquidations(rows), key=lambda one: one.event_time)
    if not liquidations:
        return []
    newest = liquidations[-1]
    now = newest.event_time if market.now is None else market.now
    engine = Engine(terms)
    if market.open_interest_usd is not None:
        engine.learn(OpenInterest(newest.instrument, market.open_interest_usd, now), now)
    engine.add_all(liquidations, now)
    snapshot, _ = engine.tick(now)
    return [cluster_of(cluster, now, market.price) for cluster in snapshot.clusters(now)]


def unix_time(value: object) -> UnixTime:
    """From a datetime (UTC where it names no zone), ISO 8601 text, or a number of seconds or milliseconds."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    number = _number("time", value)
    return number / 1000.0 if number >= MILLISECONDS_FROM else number


def _liquidations(rows: Iterable[Mapping[str, object]]) -> list[Liquidation]:
    found: list[Liquidation] = []
    for number, row in enumerate(rows):
        with suppress(Unfilled):
            found.append(_liquidation(number, row))
    symbols = sorted({one.instrument.symbol for one in found})
    if len(symbols) > 1:
        raise ValueError(f"liquidations of {', '.join(symbols)}: give those of one symbol, as there is one price")
    return found


def _liquidation(number: int, row: Mapping[str, object]) -> Liquidation:
    try:
        order = row.get("o")
        if isinstance(order, Mapping):
            return liquidation_in(order, row, _told_usd(row))
        at = unix_time(_first(row, TIMES, default=0.0))
        price = positive("price", _number("price", _first(row, ("price",))))
        quantity, notional_usd = _worth(row, price)
        instrument = Instrument(EXCHANGE, str(row.get("symbol", "")))
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
    quantity, usd = _first(row, QUANTITIES), _told_usd(row)
    if usd is not None:
        return (usd / price if quantity is None else _number("quantity", quantity)), usd
    if quantity is None:
        raise ValueError(f"give {' or '.join((*QUANTITIES, *NOTIONALS))}")
    base = positive("quantity", _number("quantity", quantity))
    return base, base * price


def _told_usd(row: Mapping[str, object]) -> float | None:
    notional = _first(row, NOTIONALS)
    return None if notional is None else positive("notional_usd", _number("notional_usd", notional))


def _first(row: Mapping[str, object], names: tuple[str, ...], default: object = None) -> object:
    return next((row[name] for name in names if name in row), default)


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{name} is {value!r}: give a number")
