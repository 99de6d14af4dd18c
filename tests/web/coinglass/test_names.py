from __future__ import annotations

import pytest

from liqalert.web.coinglass.names import coin_of, exchange_name


@pytest.mark.parametrize(
    ("symbol", "coin"),
    [
        ("BTCUSDT", "BTC"),
        ("BTCUSDC", "BTC"),
        ("BTCUSD_PERP", "BTC"),
        ("BTCUSDT_261225", "BTC"),
        ("BTCBUSD_210129", "BTC"),
        ("BTCFDUSD", "BTC"),
        ("BNBUSD_PERP", "BNB"),
        ("1000PEPEUSDT", "1000PEPE"),
        ("BTCDOMUSDT", "BTCDOM"),
        ("币安人生USDT", "币安人生"),
        ("ETHBTC", "ETHBTC"),
        ("USDT", "USDT"),
    ],
)
def test_the_coin_of_a_symbol(symbol: str, coin: str) -> None:
    assert coin_of(symbol) == coin


@pytest.mark.parametrize(("exchange", "name"), [("binance", "Binance"), ("okx", "OKX"), ("hyperliquid", "Hyperliquid")])
def test_the_name_of_an_exchange(exchange: str, name: str) -> None:
    assert exchange_name(exchange) == name
