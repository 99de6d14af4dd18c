"""What is missing or cannot be used is told in the body; what is merely loose is understood."""

from __future__ import annotations

import pytest

from tests.web.coinglass.rig import BTC, ETH, PEPE, Client, Rig

PAIR = {"exchange": "Binance", "symbol": "BTCUSDT"}
COIN = {"exchange": "Binance", "symbol": "BTC"}


@pytest.mark.parametrize(
    ("name", "query", "missing"),
    [
        ("heatmap/model1", {"symbol": "BTCUSDT"}, "exchange"),
        ("heatmap/model1", {"exchange": "Binance"}, "symbol"),
        ("heatmap/model1", {"exchange": "", "symbol": "BTCUSDT"}, "exchange"),
        ("aggregated-heatmap/model1", {}, "symbol"),
        ("map", {"exchange": "Binance"}, "symbol"),
        ("aggregated-map", {}, "symbol"),
        ("order", {"symbol": "BTC"}, "exchange"),
        ("order", {"exchange": "Binance"}, "symbol"),
        ("history", PAIR, "interval"),
        ("aggregated-history", {"symbol": "BTC", "interval": "1h"}, "exchange_list"),
        ("coin-list", {}, "exchange"),
    ],
)
async def test_a_missing_parameter_is_named_in_the_words_of_the_original(
    name: str, query: dict[str, str], missing: str, client: Client
) -> None:
    body = await client.get(name, **query)

    assert body == {"code": "400", "msg": f"Required String parameter '{missing}' is not present"}


@pytest.mark.parametrize(
    ("name", "query", "error", "allowed"),
    [
        ("coin-list", {"exchange": "OKX"}, "exchange is 'OKX', which is not watched", "Binance, Bybit"),
        ("map", PAIR | {"symbol": "BTCX"}, "symbol is 'BTCX', which is not known here", "BTCUSDT"),
        (
            "map",
            {"exchange": "Bybit", "symbol": "ETH"},
            "symbol is 'ETH', which is not known here",
            "the exchange's symbol, like BTCUSDT",
        ),
        (
            "aggregated-history",
            {"exchange_list": "OKX,Gate.io", "symbol": "BTC"},
            "exchange_list is 'OKX,Gate.io': none is watched",
            "Binance, Bybit",
        ),
        (
            "history",
            PAIR | {"interval": "2h"},
            "interval is '2h'",
            "1m, 3m, 5m, 15m, 30m, 1h, 4h, 6h, 8h, 12h, 1d, 1w",
        ),
        ("exchange-list", {"range": "7d"}, "range is '7d'", "1h, 4h, 12h, 24h"),
        (
            "order",
            COIN | {"start_time": "1700000000"},
            "start_time is '1700000000': give milliseconds since 1970",
            "1795003200000",
        ),
        ("order", COIN | {"end_time": "now"}, "end_time is 'now': give milliseconds since 1970", "1795003200000"),
        (
            "order",
            COIN | {"start_time": "1700000000001", "end_time": "1700000000000"},
            "end_time lies before start_time",
            "start_time <= end_time",
        ),
    ],
)
async def test_what_cannot_be_used_is_told_what_can(
    name: str, query: dict[str, str], error: str, allowed: str, client: Client
) -> None:
    body = await client.get(name, **query)

    assert body == {"code": "400", "msg": f"{error}. Allowed: {allowed}."}


@pytest.mark.parametrize("limit", ["0", "-1", "4501", "ten", "1e3", "1.0", "²", "9" * 5000, ""])
async def test_a_limit_that_is_no_sensible_number_is_refused(limit: str, client: Client) -> None:
    body = await client.get("history", **PAIR, interval="1h", limit=limit)

    assert body["code"] == "400"
    assert body["msg"].endswith("give a whole number. Allowed: 1 to 4500.")


@pytest.mark.parametrize("amount", ["-1", "nan", "inf", "1e400", "many", "", "9" * 5000 + "x"])
async def test_an_amount_that_is_no_amount_is_refused(amount: str, client: Client) -> None:
    body = await client.get("order", **COIN, min_liquidation_amount=amount)

    assert body["code"] == "400"
    assert body["msg"].endswith("give US dollars. Allowed: 0 or more.")


@pytest.mark.parametrize("at", ["-1", "1.5", "²", "9" * 15, "9" * 5000, "", "0x10"])
async def test_a_time_that_is_no_time_is_refused(at: str, client: Client) -> None:
    body = await client.get("history", **PAIR, interval="1h", start_time=at)

    assert body["code"] == "400"
    assert "give milliseconds since 1970" in body["msg"]


async def test_from_the_very_beginning_is_a_time(client: Client) -> None:
    assert len(await client.data("order", **COIN, start_time="0")) == 6


@pytest.mark.parametrize(
    ("query", "instrument"),
    [
        ({"exchange": "Binance", "symbol": "BTCUSDT"}, BTC),
        ({"ex": "Binance", "symbol": "BTCUSDT"}, BTC),
        ({"exchange": "BINANCE", "symbol": "btcusdt"}, BTC),
        ({"exchange": "binance", "symbol": "ETH"}, ETH),
        ({"exchange": "Binance", "symbol": "PEPEUSDT"}, PEPE),
        ({"exchange": "Binance", "symbol": "ETH/USDT:USDT"}, ETH),
        ({"exchange": "Binance", "symbol": "ETHUSDT", "interval": "1h", "unknown": "x"}, ETH),
    ],
)
async def test_what_is_merely_loose_is_understood(
    query: dict[str, str], instrument: object, rig: Rig, client: Client
) -> None:
    await client.data("heatmap/model1", **query)

    assert rig.grids.asked == [(instrument, "3d")]


async def test_half_characters_are_answered(client: Client) -> None:
    path = "/api/futures/liquidation/heatmap/model1?exchange=Binance&symbol=%FF%ED%A0%80"
    async with client.session.get(path, headers={"CG-API-KEY": "x"}) as response:
        body = await response.json()

    assert (response.status, body["code"]) == (200, "400")
