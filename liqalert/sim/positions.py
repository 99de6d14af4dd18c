"""Positions, the price at which each is closed by force, and the book that always holds as many long as short."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from liqalert.core.market import PositionSide
from liqalert.sim.listings import Listing


@dataclass(frozen=True, slots=True)
class Position:
    """What one trader holds: isolated margin, nothing added to it later."""

    id: int
    symbol: str
    held: PositionSide
    lots: int
    entry_price: float
    leverage: int
    liquidation_price: float

    def crossed(self, mark_price: float) -> bool:
        """Whether `mark_price` closes it by force."""
        if self.held is PositionSide.LONG:
            return mark_price <= self.liquidation_price
        return mark_price >= self.liquidation_price

    @property
    def bankruptcy_price(self) -> float:
        """Where a linear position's margin is gone: the limit of the forced order."""
        direction = 1.0 if self.held is PositionSide.SHORT else -1.0
        return self.entry_price * (1.0 + direction / self.leverage)


def opposite(side: PositionSide) -> PositionSide:
    return PositionSide.SHORT if side is PositionSide.LONG else PositionSide.LONG


def liquidation_price(listing: Listing, held: PositionSide, entry_price: float, leverage: int) -> float:
    """Where maintenance margin is no longer covered: Binance's formula for isolated margin, first tier.

    For COIN-M the margin is in the coin, so the same condition is solved in 1 / price. A short with leverage 1 in the
    coin can never be closed by force: infinity.
    """
    direction = 1.0 if held is PositionSide.SHORT else -1.0
    if not listing.coin_margined:
        return entry_price * (1.0 + direction / leverage) / (1.0 + direction * listing.maintenance)
    margin_left = 1.0 - direction / leverage
    return entry_price * (1.0 - direction * listing.maintenance) / margin_left if margin_left else float("inf")


class Book:
    """All open positions of one listing. Every trade has a buyer and a seller, so long and short stay equal in lots."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.open_lots = dict.fromkeys(PositionSide, 0)
        self._positions: dict[int, Position] = {}
        self._levels: dict[PositionSide, list[tuple[float, int]]] = {side: [] for side in PositionSide}
        """Heaps, the level that a move against the side reaches first on top; may hold positions long closed."""
        self._ids: dict[PositionSide, list[int]] = {side: [] for side in PositionSide}
        self._place: dict[int, int] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def positions(self) -> tuple[Position, ...]:
        """Oldest first."""
        return tuple(self._positions.values())

    def open(self, held: PositionSide, lots: int, *, price: float, leverage: int) -> Position:
        """One leg of a trade; the caller sees to the other."""
        self._last_id += 1
        level = liquidation_price(self.listing, held, price, leverage)
        position = Position(self._last_id, self.listing.symbol, held, lots, price, leverage, level)
        self._positions[position.id] = position
        self.open_lots[held] += lots
        heapq.heappush(self._levels[held], (-level if held is PositionSide.LONG else level, position.id))
        self._place[position.id] = len(self._ids[held])
        self._ids[held].append(position.id)
        return position

    def close(self, position: Position, lots: int | None = None) -> None:
        """One leg of a trade: all of `position`, or `lots` of it. Its level stays where it is."""
        closed = position.lots if lots is None else lots
        self.open_lots[position.held] -= closed
        if closed < position.lots:
            self._positions[position.id] = replace(position, lots=position.lots - closed)
            return
        del self._positions[position.id]
        ids, place = self._ids[position.held], self._place.pop(position.id)
        last = ids.pop()
        if last != position.id:
            ids[place], self._place[last] = last, place

    def any_of(self, side: PositionSide, random: Random) -> Position | None:
        ids = self._ids[side]
        return self._positions[ids[random.randrange(len(ids))]] if ids else None

    def crossed(self, mark_price: float) -> Iterator[Position]:
        """Positions whose level `mark_price` has reached, the nearest level first. Close each before the next."""
        for levels in self._levels.values():
            while levels:
                position = self._positions.get(levels[0][1])
                if position is not None and not position.crossed(mark_price):
                    break
                heapq.heappop(levels)
                if position is not None:
                    yield position
