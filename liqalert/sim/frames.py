"""What the exchange pushes, in the shapes that Binance's frames had in autumn 2026."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from liqalert.core.market import PositionSide, UnixTime
from liqalert.sim.listings import Listing
from liqalert.sim.market import ForcedClosing

ALL_LIQUIDATIONS = "!forceOrder@arr"
ALL_MARKS = "!markPrice@arr"
FUNDING_EVERY_S = 8 * 3600
FUNDING_RATE = "0.00010000"
# A forced closing buys back a short and sells a long: the order's side is the opposite of the position's.
ORDER_SIDES = {PositionSide.LONG: "SELL", PositionSide.SHORT: "BUY"}


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, for whoever has subscribed to one of `streams`."""

    streams: tuple[str, ...]
    content: bytes
    """JSON, without the combined stream's wrapper."""
    verbatim: bool = False
    """Sent as it is to everyone: not JSON, or not what it should be."""

    def payload(self, stream: str, *, wrapped: bool) -> bytes:
        """What goes over the wire to a subscriber of `stream`."""
        if self.verbatim or not wrapped:
            return self.content
        return b'{"stream":%b,"data":%b}' % (msgspec.json.encode(stream), self.content)


def milliseconds(at: UnixTime) -> int:
    return round(at * 1000.0)


def force_order(closing: ForcedClosing, listing: Listing, *, traded_at: UnixTime, sent_at: UnixTime) -> Frame:
    """One liquidation. `l`, the last of several fills, is often less than all."""
    lots = closing.position.lots
    quantity = number(listing.quantity(lots), listing.lot_decimals)
    last_lots = lots if closing.position.id % 2 or lots < 3 else lots // 3
    order = {
        "s": listing.symbol,
        "S": ORDER_SIDES[closing.position.held],
        "o": "LIMIT",
        "f": "IOC",
        "q": quantity,
        "p": number(closing.limit_price, listing.price_decimals),
        "ap": number(closing.fill_price, listing.price_decimals),
        "X": "FILLED",
        "l": number(listing.quantity(last_lots), listing.lot_decimals),
        "z": quantity,
        "T": milliseconds(traded_at),
        "ps": listing.pair,
        "st": market_of(listing),
    }
    content = msgspec.json.encode({"e": "forceOrder", "E": milliseconds(sent_at), "o": order})
    return Frame((ALL_LIQUIDATIONS, f"{listing.symbol.lower()}@forceOrder"), content)


def mark_frames(marks: Iterable[tuple[Listing, float]], now: UnixTime) -> list[Frame]:
    """The marks of one second: the table in two frames, then one for each symbol.

    Stocks and metals come in a frame of their own, so no frame holds all symbols. COIN-M has only streams by symbol:
    Binance's list of merged streams does not name the table of marks. Every third second is for the slow streams too.
    """
    rows = [(listing, mark_row(listing, price, now)) for listing, price in marks]
    suffixes = ("@1s", "") if round(now) % 3 == 0 else ("@1s",)
    frames = []
    for tradfi in (False, True):
        table = [row for listing, row in rows if listing.tradfi is tradfi and not listing.coin_margined]
        if table:
            frames.append(Frame(tuple(ALL_MARKS + suffix for suffix in suffixes), msgspec.json.encode(table)))
    for listing, row in rows:
        streams = tuple(f"{listing.symbol.lower()}@markPrice{suffix}" for suffix in suffixes)
        frames.append(Frame(streams, msgspec.json.encode(row)))
    return frames


def mark_row(listing: Listing, price: float, now: UnixTime) -> dict[str, object]:
    mark = number(price, 8)
    return {
        "e": "markPriceUpdate",
        "E": milliseconds(now),
        "s": listing.symbol,
        "p": mark,
        "ap": mark,
        "P": mark,
        "i": number(index_price(price), 8),
        "r": FUNDING_RATE,
        "T": next_funding_ms(now),
        "st": market_of(listing),
    }


def market_of(listing: Listing) -> int:
    """Binance's `st`."""
    return 2 if listing.coin_margined else 1


def index_price(mark_price: float) -> float:
    return mark_price * 1.0002


def next_funding_ms(now: UnixTime) -> int:
    return (int(now) // FUNDING_EVERY_S + 1) * FUNDING_EVERY_S * 1000


def number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"
