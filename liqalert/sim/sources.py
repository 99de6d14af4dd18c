"""Where the server's frames and REST answers come from: a simulated market (here) or a recording (playback.py)."""

from __future__ import annotations

import math
from random import Random
from typing import Protocol

from liqalert.core.market import UnixTime
from liqalert.sim.frames import Frame, force_order, mark_frames
from liqalert.sim.history import History
from liqalert.sim.market import ForcedClosing, Market
from liqalert.sim.rest import MarketRest, Query

SENT_AFTER_S = 1.005
"""Binance sends a liquidation 0.94 to 1.01 s after the trade."""


class Source(Protocol):
    @property
    def next_at(self) -> UnixTime | None:
        """When the next frames are due; None when there will be no more."""
        ...

    def take(self) -> tuple[Frame, ...]:
        """The frames due at `next_at`, in the order of sending."""
        ...

    def answer(self, path: str, query: Query) -> bytes:
        """The REST answer. Raises rest.Refused, or KeyError where there is no such path."""
        ...


def seeded_source(seed: int, start: UnixTime) -> MarketSource:
    """A market that begins in the whole second of `start`. Building it takes about half a second."""
    return MarketSource(Market(Random(seed), start=math.floor(start)))


class MarketSource:
    """Frames of a simulated market, second by second. They depend on the market alone, not on when they are taken."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._histories = {
            symbol: History(listing, market.mark_price(symbol), market.open_interest(symbol), market.start)
            for symbol, listing in market.listings.items()
        }
        self._rest = MarketRest(market, self._histories)
        self._moments = {
            symbol: (place + 1) / (len(market.listings) + 1) for place, symbol in enumerate(market.listings)
        }
        """Into each second, when a symbol's liquidation is said to have traded: so two are never closer than 1 s."""
        self._unsent: tuple[ForcedClosing, ...] = ()

    @property
    def next_at(self) -> UnixTime:
        return self.market.now + 1.0

    def take(self) -> tuple[Frame, ...]:
        second = self.market.step()
        frames = [self._liquidation(closing) for closing in self._unsent]
        self._unsent = self._sampled(second.forced)
        for symbol, price in second.marks.items():
            self._histories[symbol].add(price, self.market.open_interest(symbol), second.at)
        marks = ((self.market.listings[symbol], price) for symbol, price in second.marks.items())
        return (*frames, *mark_frames(marks, second.at))

    def answer(self, path: str, query: Query) -> bytes:
        return self._rest.answer(path, query)

    def _sampled(self, forced: tuple[ForcedClosing, ...]) -> tuple[ForcedClosing, ...]:
        """The largest of each symbol: Binance reports at most one a second, and says of late that it is this one."""
        largest: dict[str, ForcedClosing] = {}
        for closing in forced:
            known = largest.get(closing.position.symbol)
            if known is None or closing.position.lots > known.position.lots:
                largest[closing.position.symbol] = closing
        return tuple(sorted(largest.values(), key=lambda closing: self._moments[closing.position.symbol]))

    def _liquidation(self, closing: ForcedClosing) -> Frame:
        symbol = closing.position.symbol
        traded_at = closing.at - 1.0 + self._moments[symbol]
        return force_order(closing, self.market.listings[symbol], traded_at=traded_at, sent_at=traded_at + SENT_AFTER_S)
