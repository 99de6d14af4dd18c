"""From what a script calls an instrument to the instrument: BTCUSDT, btc, BTC/USDT, BTC/USDT:USDT."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from liqalert.core.exchanges import BINANCE
from liqalert.library.errors import UnknownSymbolError

if TYPE_CHECKING:
    from liqalert.core.market import Instrument


@lru_cache(maxsize=4096)
def instrument_of(text: str, known: frozenset[Instrument]) -> Instrument:
    """The one of `known` that `text` means; while none is known, the one that it most likely means.

    Raises UnknownSymbolError: an empty answer for a symbol that does not exist would look like a quiet market.
    """
    from liqalert.core.market import Instrument
    from liqalert.core.symbols import canonical, find, nearest

    if known:
        if (found := find(text, known)) is not None:
            return found
        like = ", ".join(instrument.symbol for instrument in nearest(text, known))
        raise UnknownSymbolError(f"{text!r} is not known here: {f'is it {like}?' if like else 'give one like BTCUSDT'}")
    symbol = canonical(text)
    if symbol is None:
        raise UnknownSymbolError(f"{text!r} is no symbol: give one like BTCUSDT, btc, BTC/USDT or BTC/USDT:USDT")
    return Instrument(BINANCE, symbol)


def refuse_price_of_one_coin(symbol: str, price: float, known: float | None) -> None:
    """Raises ValueError where `price` is that of one coin, and `symbol`, known to be at `known`, is priced by the
    thousand. Elsewhere a price may be as far from what is known as a script likes.
    """
    from liqalert.core.symbols import coins_priced

    count = coins_priced(symbol)
    # Told from a fall of the price by which of the two is nearer to what is known, in ratio.
    if known is not None and price * price * count < known * known and count > 1:
        scaled = f"{price * count:.10g}"
        raise ValueError(
            f"price is {price:.10g}, but {symbol} is priced per {count:,} and is at {known:.10g}: give {scaled}"
        )


class Selection:
    """The instruments that a script wants of all that the exchange sends. Used by one thread; `chosen` may be read."""

    def __init__(self, texts: Iterable[str] | None) -> None:
        """None: all of them. Raises UnknownSymbolError for what can be no symbol."""
        self._texts = None if texts is None else tuple(texts)
        self.known: frozenset[Instrument] = frozenset()
        """All that have been seen."""
        self.chosen: frozenset[Instrument] = frozenset(instrument_of(text, frozenset()) for text in self._texts or ())
        """Those named, in the exchange's spelling as far as that is known; empty where all are wanted."""

    def see(self, instruments: Iterable[Instrument]) -> None:
        """Learns which there are; what was named by its coin may turn out to be another one."""
        seen = self.known.union(instruments)
        if len(seen) == len(self.known):
            return
        self.known = seen
        if self._texts is not None:
            self.chosen = frozenset(_likeliest(text, seen) for text in self._texts)

    def covers(self, other: Selection) -> bool:
        """Whether all that `other` wants is wanted here, as far as is known here."""
        if self._texts is None or other._texts is None:
            return self._texts is None
        return all(_likeliest(text, self.known) in self.chosen for text in other._texts)

    def wants(self, instrument: Instrument) -> bool:
        return self._texts is None or instrument in self.chosen


def _likeliest(text: str, known: frozenset[Instrument]) -> Instrument:
    try:
        return instrument_of(text, known)
    except UnknownSymbolError:
        return instrument_of(text, frozenset())  # it may be in the next frame
