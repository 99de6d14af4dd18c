"""What Binance's instrument lists say of the life of a contract: trading, about to end, or gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from liqalert.core.market import UnixTime
from liqalert.feeds.binance_wire import UNREADABLE, Symbol

TRADING = ("TRADING", "PENDING_TRADING", "")
STATUS_LIMIT = 40
PERPETUAL = "PERPETUAL"
SOON_S = 45 * 86_400.0
"""A perpetual's delivery date lies in the year 2100 until it is moved to the day of its delisting."""


class _Listings(Struct):
    symbols: list[Raw]


class Listing(Struct, frozen=True):
    """One contract, under Binance's names; COIN-M says `contractStatus` where USD-M says `status`."""

    symbol: Symbol
    status: str = ""
    contractStatus: str = ""
    contractType: str = ""
    deliveryDate: Annotated[int, Meta(ge=0)] = 0


def read_listings(payload: bytes) -> Mapping[str, Listing]:
    """The contracts in the answer to exchangeInfo, by symbol; rows that cannot be read are left out."""
    return {listing.symbol: listing for listing in _rows(payload)}


def _rows(payload: bytes) -> Iterator[Listing]:
    rows: list[Raw] = []
    with suppress(*UNREADABLE):
        rows = msgspec.json.decode(payload, type=_Listings).symbols
    for row in rows:
        with suppress(*UNREADABLE):
            yield msgspec.json.decode(row, type=Listing, strict=False)


def ending(symbol: str, listing: Listing | None, now: UnixTime, *, meant: str | None = None) -> str | None:
    """Why no more is to come of `symbol`, in a sentence; None while it trades.

    `listing` None: it is not listed, and `meant` is one that is and has nearly its name.
    """
    if listing is None:
        why = f"is it {meant}?" if meant else "it was delisted, has another name, or never had this one."
        return f"Binance does not list {symbol}: {why} Rules for it can tell nothing (/unwatch)."
    status = listing.status or listing.contractStatus
    if status not in TRADING:
        status = status[:STATUS_LIMIT] if status.isprintable() else "that cannot be shown"
        return f"Binance says that {symbol} does not trade (status {status}): expect no marks and no liquidations."
    delivery_at = listing.deliveryDate / 1000.0
    if listing.contractType == PERPETUAL and 0.0 < delivery_at < now + SOON_S:
        day = datetime.fromtimestamp(delivery_at, UTC).strftime("%d %B %Y, %H:%M UTC")
        return f"Binance ends {symbol} on {day}: after that, rules for it can tell nothing any more."
    return None
