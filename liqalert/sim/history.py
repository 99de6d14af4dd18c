"""Minute candles of a simulated instrument, and an invented day before its start."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from liqalert.core.market import UnixTime
from liqalert.sim.listings import Listing

MINUTE_S = 60
MINUTES_KEPT = 3_000
MINUTES_BEFORE = 1_500
MINUTE_VOLATILITY = 0.0012


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices over `opened_at` <= time < `opened_at` + its length. Open interest as of its end."""

    opened_at: int
    open: float
    high: float
    low: float
    close: float
    volume_usd: float
    open_interest: float
    """Base units, or contracts for COIN-M."""

    def joined(self, later: Candle) -> Candle:
        """This candle and the one after it as one."""
        return replace(
            later,
            opened_at=self.opened_at,
            open=self.open,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            volume_usd=self.volume_usd + later.volume_usd,
        )


class History:
    """One listing's minutes, oldest first. The day before the start is the same in every simulation but for scale."""

    def __init__(self, listing: Listing, price: float, open_interest: float, start: UnixTime) -> None:
        self._listing = listing
        self._minutes: deque[Candle] = deque(maxlen=MINUTES_KEPT)
        self._minutes.extend(_before(listing, price, open_interest, start))

    def add(self, price: float, open_interest: float, now: UnixTime) -> None:
        """The price and open interest at `now`."""
        opened_at = int(now) // MINUTE_S * MINUTE_S
        last = self._minutes[-1]
        moved = abs(price / last.close - 1.0)
        # Invented: a sixtieth of a usual minute, and more when the price moves.
        volume_usd = self._listing.open_interest_usd / 36_000.0 * (1.0 + 1_000.0 * moved)
        if last.opened_at < opened_at:
            self._minutes.append(Candle(opened_at, price, price, price, price, volume_usd, open_interest))
            return
        high, low, volume_usd = max(last.high, price), min(last.low, price), last.volume_usd + volume_usd
        self._minutes[-1] = Candle(last.opened_at, last.open, high, low, price, volume_usd, open_interest)

    def candles(self, minutes: int) -> Sequence[Candle]:
        """All that is kept, in candles of `minutes`; the last one may still be growing, the first may be cut."""
        length_s = minutes * MINUTE_S
        found: list[Candle] = []
        for minute in self._minutes:
            opened_at = minute.opened_at // length_s * length_s
            if found and found[-1].opened_at == opened_at:
                found[-1] = found[-1].joined(minute)
            else:
                found.append(replace(minute, opened_at=opened_at))
        return found


def _before(listing: Listing, price: float, open_interest: float, start: UnixTime) -> list[Candle]:
    """A random walk backwards from `price`, seeded by the symbol."""
    random = Random(listing.symbol)
    opened_at = int(start) // MINUTE_S * MINUTE_S
    candles = []
    close = price
    for _ in range(MINUTES_BEFORE):
        opened_at -= MINUTE_S
        open_price = close * random.lognormvariate(0.0, MINUTE_VOLATILITY)
        high = max(open_price, close) * (1.0 + random.uniform(0.0, MINUTE_VOLATILITY))
        low = min(open_price, close) * (1.0 - random.uniform(0.0, MINUTE_VOLATILITY))
        volume_usd = listing.open_interest_usd / 600.0 * random.lognormvariate(0.0, 0.5)
        held = open_interest * random.uniform(0.995, 1.005)
        candles.append(Candle(opened_at, open_price, high, low, close, volume_usd, held))
        close = open_price
    return candles[::-1]
