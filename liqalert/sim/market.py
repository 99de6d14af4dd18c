"""The simulated market: traders open and close, prices move, and whoever's level is crossed is closed by force.

Pure and reproducible: the same random generator and start give the same seconds. More violent than real markets, so
that within minutes there is something to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from liqalert.core.market import PositionSide, UnixTime
from liqalert.sim.listings import ASSETS, LISTINGS, Asset, Listing
from liqalert.sim.positions import Book, Position, opposite
from liqalert.sim.prices import Price

# Leverage of new positions: 60 % at 20 times or more, as trades on Binance were reported to be.
LEVERAGES = (3, 5, 10, 20, 25, 50, 75, 100, 125)
LEVERAGE_SHARES = (6, 18, 40, 62, 74, 86, 90, 97, 100)
"""In per cent: how many use at most this much."""
LEVERAGE_LIMITS = ((5e6, 10), (1e6, 20), (250e3, 50))
"""Above so many US dollars, no more leverage than this."""
SPREAD = 1.9
"""Of the natural logarithm of a position's notional: the largest 1 % are 80 times the median."""
LARGEST_SHARE = 0.0015
"""No trader opens more than this of the open interest aimed at."""
STANDING_SHARE = 0.85
"""Of the open interest, how much stands at two and three times leverage, in large positions that hardly ever close."""
STANDING_POSITION_SHARE = 0.005
"""Of the open interest, in each of them."""
TURNOVER_S = 3 * 3600.0
"""In so many seconds as many positions are opened as the book holds."""
PULL = 6
"""How strongly the open interest is drawn to what is aimed at: as this power of the ratio."""
MOST_A_SECOND = 20.0
TAKEN_OVER = 0.4
"""Of what is closed, how much another trader takes over; the rest is met by closings on the other side."""
SLIPPAGE = 0.0004


@dataclass(frozen=True, slots=True)
class ForcedClosing:
    """A position that was closed by force, with the trade that closed it."""

    position: Position
    at: UnixTime
    fill_price: float
    limit_price: float


@dataclass(frozen=True, slots=True)
class Second:
    """What happened in the second that ended at `at`."""

    at: UnixTime
    marks: Mapping[str, float]
    forced: tuple[ForcedClosing, ...]


class Market:
    """Several instruments, second by second. Give it a `random.Random` of its own."""

    def __init__(
        self,
        random: Random,
        *,
        start: UnixTime,
        listings: Sequence[Listing] = LISTINGS,
        assets: Sequence[Asset] = ASSETS,
    ) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.start = start
        self.now = start
        self._random = random
        self._prices = {asset.name: Price(asset, start) for asset in assets}
        self._books = {listing.symbol: Book(listing) for listing in listings}
        for book in self._books.values():
            self._fill(book)

    # ------------------------------------------------------------ what it is asked

    def mark_price(self, symbol: str) -> float:
        return self._prices[self.listings[symbol].asset].value

    def positions(self, symbol: str) -> tuple[Position, ...]:
        """Every open position with its true liquidation price, oldest first."""
        return self._books[symbol].positions

    def open_lots(self, symbol: str, held: PositionSide = PositionSide.LONG) -> int:
        """Open interest in lots; the same for either side."""
        return self._books[symbol].open_lots[held]

    def open_interest(self, symbol: str) -> float:
        """Open interest in base units, or in contracts for COIN-M."""
        return self.listings[symbol].quantity(self.open_lots(symbol))

    # ------------------------------------------------------------ what happens

    def step(self) -> Second:
        """One second on: prices move, levels crossed by them are closed, then traders trade."""
        self.now += 1.0
        for price in self._prices.values():
            price.step(self._random, self.now)
        forced: list[ForcedClosing] = []
        for book in self._books.values():
            forced += self._close_crossed(book)
            self._trade(book)
        return Second(self.now, {symbol: self.mark_price(symbol) for symbol in self.listings}, tuple(forced))

    def _close_crossed(self, book: Book) -> Iterator[ForcedClosing]:
        price = self._prices[book.listing.asset]
        mark_price = price.value
        for position in book.crossed(mark_price):
            direction = 1.0 if position.held is PositionSide.SHORT else -1.0
            fill = mark_price * (1.0 + direction * abs(self._random.gauss(0.0, SLIPPAGE)))
            # The limit protects nobody here, but on the wire it is never better than the fill.
            limit = direction * max(direction * position.bankruptcy_price, direction * fill * (1 + direction * 0.004))
            price.push(direction * book.listing.notional_usd(position.lots, mark_price))
            self._leave(book, position, mark_price)
            yield ForcedClosing(position, self.now, fill, limit)

    def _trade(self, book: Book) -> None:
        """Openings and closings of one second; together they draw the open interest to what is aimed at."""
        listing = book.listing
        price = self.mark_price(listing.symbol)
        held = listing.notional_usd(book.open_lots[PositionSide.LONG], price)
        a_second = len(book) / 2.0 / TURNOVER_S
        lacking = (listing.open_interest_usd / max(held, 1.0)) ** PULL
        for _ in range(self._how_many(min(a_second * lacking, MOST_A_SECOND))):
            self._enter(book, price)
        for _ in range(self._how_many(min(a_second / lacking, MOST_A_SECOND))):
            side = self._random.choice(tuple(PositionSide))
            position = book.any_of(side, self._random)
            # The higher the leverage, the sooner a trader leaves.
            if position is not None and self._random.random() < position.leverage / 50.0:
                self._leave(book, position, price)

    def _enter(self, book: Book, price: float) -> None:
        """A new long meets a new short."""
        listing = book.listing
        leverage = self._leverage()
        usual = listing.typical_usd * (20.0 / leverage) ** 0.7
        notional = min(usual * self._random.lognormvariate(0.0, SPREAD), LARGEST_SHARE * listing.open_interest_usd)
        lots = listing.lots(notional, price)
        side = self._random.choice(tuple(PositionSide))
        self._open(book, side, lots, price, leverage)
        self._open(book, opposite(side), lots, price, self._leverage())

    def _leave(self, book: Book, position: Position, price: float) -> None:
        """`position` is closed; another trader takes it over, or traders on the other side close as much."""
        book.close(position)
        if self._random.random() < TAKEN_OVER:
            self._open(book, position.held, position.lots, price, self._leverage())
            return
        missing = position.lots
        while missing:
            other = book.any_of(opposite(position.held), self._random)
            assert other is not None, "as many short as long"
            met = min(missing, other.lots)
            book.close(other, met)
            missing -= met

    def _open(self, book: Book, held: PositionSide, lots: int, price: float, leverage: int) -> None:
        notional_usd = book.listing.notional_usd(lots, price)
        allowed = [most for above, most in LEVERAGE_LIMITS if notional_usd > above]
        leverage = min(leverage, book.listing.most_leverage, *allowed)
        book.open(held, lots, price=price, leverage=leverage)

    def _fill(self, book: Book) -> None:
        """Positions from before the start: the standing ones, and others opened at prices around the present one."""
        listing, mark_price = book.listing, self.mark_price(book.listing.symbol)
        liveliness = self._prices[listing.asset].asset.liveliness
        standing_lots = listing.lots(STANDING_POSITION_SHARE * listing.open_interest_usd, mark_price)
        for _ in range(round(STANDING_SHARE / STANDING_POSITION_SHARE)):
            for side in PositionSide:
                book.open(side, standing_lots, price=mark_price, leverage=self._random.choice((2, 3)))
        while listing.notional_usd(book.open_lots[PositionSide.LONG], mark_price) < listing.open_interest_usd:
            self._enter(book, mark_price * self._random.lognormvariate(0.0, 0.02 * liveliness))
            for position in book.crossed(mark_price):
                self._leave(book, position, mark_price)

    def _leverage(self) -> int:
        return self._random.choices(LEVERAGES, cum_weights=LEVERAGE_SHARES)[0]

    def _how_many(self, a_second: float) -> int:
        """How many events of a Poisson process fall into one second."""
        count = 0
        passed = self._random.expovariate(a_second) if a_second > 0.0 else 1.0
        while passed < 1.0:
            count += 1
            passed += self._random.expovariate(a_second)
        return count
