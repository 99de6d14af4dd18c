"""Names of exchanges and coins, ours and theirs."""

from __future__ import annotations

from liqalert.core.symbols import QUOTES

SPELLED = {"okx": "OKX"}
"""Exchanges whose name is not simply capitalised."""


def exchange_name(exchange: str) -> str:
    return SPELLED.get(exchange, exchange.capitalize())


def coin_of(symbol: str) -> str:
    """What `symbol` is a contract on: BTC of BTCUSDT, BTCUSD_PERP and BTCUSDT_261225.

    A multiplier stays: 1000PEPE is a coin of its own here, because its prices share no axis with those of PEPE.
    """
    pair = symbol.partition("_")[0]
    if pair == "BNBUSD":
        return "BNB"  # in dollars, although it ends in BUSD
    quote = next((quote for quote in QUOTES if pair.endswith(quote) and pair != quote), "")
    return pair.removesuffix(quote)
