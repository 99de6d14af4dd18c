"""Liquidations in Binance's own messages, as a script has kept them, by the feed's own rules."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from liqalert.core.market import Liquidation
from liqalert.feeds.binance import BinanceParser

ORDER = ("s", "S", "ap", "p", "z", "q", "T", "st")
"""The fields that decide; what else a message holds, or a script has added, need not be JSON."""
REFUSED = {
    "unknown_side": "o.S is neither SELL nor BUY",
    "unknown_market": "st is neither 1 (USD-M) nor 2 (COIN-M)",
    "contract_size_unknown": "its quantity counts contracts of COIN-M, whose size is not known: give notional_usd",
    "quote_unknown": "its price is not in US dollars: give notional_usd",
}
"""By the kind as which the feed counts it."""


class Unfilled(Exception):
    """The message is of an order of which nothing was filled: nothing was liquidated by it."""


def liquidation_in(
    order: Mapping[str, object], message: Mapping[str, object], notional_usd: float | None
) -> Liquidation:
    """The liquidation that `message` with `order` inside is about, worth `notional_usd` where that is given.

    Raises ValueError for what cannot be understood, and Unfilled.
    """
    kept = {name: order[name] for name in ORDER if name in order}
    symbol = str(kept.get("s", ""))
    # Whatever contract and quote are taken for, what it is worth is told.
    parser = BinanceParser() if notional_usd is None else BinanceParser(contracts={symbol: 1.0}, quotes={symbol: "USD"})
    outside = {name: message[name] for name in ("E", "st") if name in message}
    try:
        frame = msgspec.json.encode({"e": "forceOrder", **outside, "o": kept})
    except (TypeError, ValueError) as exc:
        raise ValueError(f"no message of Binance's: {exc}") from None
    parsed = parser.parse(frame, 0.0)
    if "unfilled" in parsed.rejected:
        raise Unfilled
    if parsed.rejected:
        kind = parsed.rejected[0]
        raise ValueError(f"{symbol}: {REFUSED.get(kind, 'a field of o is missing or out of range')}")
    [found] = parsed.liquidations
    found = msgspec.structs.replace(found, received_time=found.event_time)
    if notional_usd is None:
        return found
    return msgspec.structs.replace(found, quantity=notional_usd / found.price, notional_usd=notional_usd)
