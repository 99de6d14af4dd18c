from __future__ import annotations

import pytest

from liqalert.core.market import Gap, Instrument, Liquidation
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.web.coinglass.rig import DAY, LONG, NOW, Client


async def test_all_exchanges_stand_first_and_the_others_by_size(client: Client) -> None:
    rows = await client.data("exchange-list", symbol="BTC", range="24h")

    assert [(row["exchange"], row["liquidation_usd"]) for row in rows] == [
        ("All", 1_547_500.5),
        ("Binance", 1_487_500.5),
        ("Bybit", 60_000.0),
    ]


async def test_both_spellings_of_the_position_sides_are_there(client: Client) -> None:
    [everything, *_] = await client.data("exchange-list", symbol="BTC", range="24h")

    assert everything == {
        "exchange": "All",
        "liquidation_usd": 1_547_500.5,
        "long_liquidation_usd": 507_500.5,
        "short_liquidation_usd": 1_040_000.0,
        "longLiquidation_usd": 507_500.5,
        "shortLiquidation_usd": 1_040_000.0,
    }


@pytest.mark.parametrize(
    ("range_name", "usd"), [("1h", 1_122_500.5), ("4h", 1_147_500.5), ("12h", 1_447_500.5), ("24h", 1_487_500.5)]
)
async def test_totals_are_of_the_range_asked_for(range_name: str, usd: float, client: Client) -> None:
    rows = await client.data("exchange-list", symbol="BTC", range=range_name)

    assert {row["exchange"]: row["liquidation_usd"] for row in rows}["Binance"] == usd


async def test_without_a_symbol_every_coin_counts_and_without_a_range_a_day(client: Client) -> None:
    [everything, *_] = await client.data("exchange-list")

    assert everything["liquidation_usd"] == 1_555_590.75  # and 8,000 of ETH and 90.25 of 1000PEPE


async def test_an_exchange_without_liquidations_has_a_row_of_zeros(client: Client) -> None:
    rows = await client.data("exchange-list", symbol="ETH", range="4h")

    assert [(row["exchange"], row["liquidation_usd"]) for row in rows] == [
        ("All", 8_000.0),
        ("Binance", 8_000.0),
        ("Bybit", 0.0),
    ]


async def test_a_contract_that_is_not_listed_any_more_still_counts(client: Client, database: Database) -> None:
    journal = BatchJournal(database)
    delivered = Instrument("binance", "BTCUSDT_231114")
    journal.liquidated([Liquidation(delivered, LONG, 36_000.0, 1.0, 500.0, NOW - 60.0, NOW - 59.0)])
    await journal.flush()

    rows = await client.data("exchange-list", symbol="BTC", range="1h")

    assert {row["exchange"]: row["liquidation_usd"] for row in rows}["Binance"] == 1_123_000.5


async def test_coins_come_by_size_each_with_four_ranges(client: Client) -> None:
    rows = await client.data("coin-list", exchange="Binance")

    assert [row["symbol"] for row in rows] == ["BTC", "ETH", "1000PEPE"]
    assert rows[1] == {
        "symbol": "ETH",
        "liquidation_usd_24h": 8_000.0,
        "long_liquidation_usd_24h": 0.0,
        "short_liquidation_usd_24h": 8_000.0,
        "liquidation_usd_12h": 8_000.0,
        "long_liquidation_usd_12h": 0.0,
        "short_liquidation_usd_12h": 8_000.0,
        "liquidation_usd_4h": 8_000.0,
        "long_liquidation_usd_4h": 0.0,
        "short_liquidation_usd_4h": 8_000.0,
        "liquidation_usd_1h": 0.0,
        "long_liquidation_usd_1h": 0.0,
        "short_liquidation_usd_1h": 0.0,
    }


async def test_coins_are_of_the_exchange_asked_for(client: Client) -> None:
    rows = await client.data("coin-list", ex="bybit")

    assert [(row["symbol"], row["liquidation_usd_24h"]) for row in rows] == [("BTC", 60_000.0)]


async def test_the_header_is_of_the_exchange_watched_least(client: Client, database: Database) -> None:
    journal = BatchJournal(database)
    journal.alive("bybit", NOW - 9 * DAY, NOW)
    journal.gap(Gap("binance", NOW - 3600.0, NOW - 2700.0, "no marks for 5 s"))
    await journal.flush()

    exchanges = await client.headers("exchange-list", symbol="BTC", range="1h")
    coins = await client.headers("coin-list", exchange="Bybit")

    assert (exchanges["X-Liqalert-Watched"], coins["X-Liqalert-Watched"]) == ("0.7500", "1.0000")
