"""What Binance's REST answers teach the parser: contract sizes and quote assets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from liqalert.feeds.binance_wire import UNREADABLE, Symbol

EXCHANGE_INFO = "exchangeInfo"
"""The kind under which a USD-M instrument list is learned and recorded."""
COIN_EXCHANGE_INFO = "coin_exchangeInfo"
"""The same for COIN-M."""

USD_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USDE", "USDP", "RLUSD", "BFUSD", "USD1", "USDS", "USD")
"""Assets counted as one US dollar. No name is the ending of one that stands after it, except USD: it stands last."""
OTHER_QUOTES = ("BTC", "ETH", "BNB")
"""Quote assets that Binance futures have had and that are no dollars."""


_T = TypeVar("_T")


class UnexpectedAnswer(ValueError):
    """A REST answer that is not what its kind promises."""


class _Listing(Struct):
    symbols: list[Raw]


class _LinearRow(Struct):
    symbol: Symbol
    quoteAsset: str


class _CoinRow(Struct):
    symbol: Symbol
    contractSize: Annotated[float, Meta(gt=0, le=1e9)]
    quoteAsset: str = "USD"


class BinanceTables:
    """Contract sizes of COIN-M (US dollars per contract) and quote assets of USD-M, by symbol."""

    def __init__(
        self, *, contracts: Mapping[str, float] | None = None, quotes: Mapping[str, str] | None = None
    ) -> None:
        self.contracts = dict(contracts or {})
        self.quotes = dict(quotes or {})

    def learn(self, kind: str, payload: bytes) -> None:
        """Takes in a REST answer. Raises UnexpectedAnswer, and then has learned nothing."""
        rows = _rows(kind, payload)
        if kind == COIN_EXCHANGE_INFO:
            self.contracts |= {
                row.symbol: row.contractSize for row in _usable(rows, _CoinRow) if row.quoteAsset == "USD"
            }
        elif kind == EXCHANGE_INFO:
            self.quotes |= {row.symbol: row.quoteAsset for row in _usable(rows, _LinearRow)}
        else:
            raise UnexpectedAnswer(f"{kind!r} is not a kind of answer that Binance's parser can learn from")

    def quote(self, symbol: str) -> str | None:
        """The asset in which `symbol` is priced; None when it is neither listed nor readable from the symbol."""
        return self.quotes.get(symbol) or quote_by_suffix(symbol)

    def coin_margined(self, symbol: str, market: int) -> bool:
        """Whether quantities of `symbol` are contracts. `market` is the frame's `st`: 2 yes, 1 no, 0 not given."""
        if market:
            return market == 2
        return symbol in self.contracts or ("_" in symbol and self.quote(symbol) == "USD")


def quote_by_suffix(symbol: str) -> str | None:
    """The quote asset that the symbol ends in; dated and perpetual suffixes (`_210129`, `_PERP`) do not count."""
    pair = symbol.partition("_")[0]
    if pair == "BNBUSD":
        return "USD"  # BNB in dollars, although it ends in BUSD
    return next((quote for quote in USD_QUOTES + OTHER_QUOTES if pair.endswith(quote) and pair != quote), None)


def _rows(kind: str, payload: bytes) -> list[Raw]:
    try:
        return msgspec.json.decode(payload, type=_Listing).symbols
    except UNREADABLE as exc:
        raise UnexpectedAnswer(f"{kind}: no list of symbols in Binance's answer ({exc})") from exc


def _usable(rows: Iterable[Raw], kind: type[_T]) -> Iterator[_T]:
    """The rows that can be read; one broken row must not cost the others."""
    for row in rows:
        with suppress(*UNREADABLE):
            yield msgspec.json.decode(row, type=kind, strict=False)
