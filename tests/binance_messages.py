"""Messages in Binance's shapes, for the server on loopback."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

LIQUIDATIONS = "!forceOrder@arr"
MARKS = ("!markPrice@arr@1s", "!markPrice@arr")
USD_M_INFO = {
    "symbols": [
        {"symbol": "BTCUSDT", "pair": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING"},
        {"symbol": "ETHUSDT", "pair": "ETHUSDT", "baseAsset": "ETH", "quoteAsset": "USDT", "status": "TRADING"},
        {"symbol": "ETHBTC", "pair": "ETHBTC", "baseAsset": "ETH", "quoteAsset": "BTC", "status": "TRADING"},
    ]
}
COIN_M_INFO = {
    "symbols": [
        {
            "symbol": "BTCUSD_PERP",
            "pair": "BTCUSD",
            "quoteAsset": "USD",
            "contractStatus": "TRADING",
            "contractSize": 100,
        },
        {
            "symbol": "ETHUSD_PERP",
            "pair": "ETHUSD",
            "quoteAsset": "USD",
            "contractStatus": "TRADING",
            "contractSize": 10,
        },
    ]
}


def milliseconds() -> int:
    return int(time.time() * 1000)  # noqa: TID251 - a server outside the program has its own clock


def force_order(
    symbol: str,
    side: str,
    *,
    price: float | str,
    quantity: float | str,
    at_ms: int | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """One forceOrder in the shape of 2026. `side` is the order's: SELL closes a long. `fields` go into `o`."""
    traded = milliseconds() if at_ms is None else at_ms
    order: dict[str, Any] = {
        "s": symbol,
        "S": side,
        "o": "LIMIT",
        "f": "IOC",
        "q": str(quantity),
        "p": str(price),
        "ap": str(price),
    }
    order |= {
        "X": "FILLED",
        "l": str(quantity),
        "z": str(quantity),
        "T": traded,
        "ps": symbol.partition("_")[0],
        "st": 1,
    }
    return {"e": "forceOrder", "E": traded + 5, "o": order | fields}


def mark_rows(prices: Mapping[str, float | str], at_ms: int | None = None) -> list[dict[str, Any]]:
    sent = milliseconds() if at_ms is None else at_ms
    rest = {"P": "0", "r": "0.00010000", "T": 0, "st": 1}
    return [
        {"e": "markPriceUpdate", "E": sent, "s": symbol, "p": str(price), "ap": str(price), "i": str(price)} | rest
        for symbol, price in prices.items()
    ]
