"""Binance frames with single fields changed."""

from __future__ import annotations

from typing import Any

import msgspec

from liqalert.feeds.binance import BinanceParser
from liqalert.ports import ParsedFrame

NOW = 1_790_000_000.0
ORDER: dict[str, Any] = {
    "s": "BTCUSDT",
    "S": "SELL",
    "o": "LIMIT",
    "f": "IOC",
    "q": "2",
    "p": "90",
    "ap": "100",
    "X": "FILLED",
    "l": "1",
    "z": "2",
    "T": 1_789_999_999_000,
    "ps": "BTCUSDT",
    "st": 1,
}
MARK: dict[str, Any] = {"e": "markPriceUpdate", "E": 1_789_999_999_500, "s": "BTCUSDT", "p": "60000", "st": 1}


def liquidation_frame(*, without: tuple[str, ...] = (), top: dict[str, Any] | None = None, **order: Any) -> bytes:
    fields = {key: value for key, value in (ORDER | order).items() if key not in without}
    return msgspec.json.encode({"e": "forceOrder", "E": 1_790_000_000_000, **(top or {}), "o": fields})


def mark_frame(*rows: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"stream": "!markPrice@arr@1s", "data": [MARK | row for row in rows]})


def parse(frame: bytes, parser: BinanceParser | None = None) -> ParsedFrame:
    return (parser or BinanceParser()).parse(frame, NOW)


def coin_info(**sizes: Any) -> bytes:
    rows = [{"symbol": symbol, "contractSize": size, "quoteAsset": "USD"} for symbol, size in sizes.items()]
    return msgspec.json.encode({"symbols": rows})
