from __future__ import annotations

import pytest

from liqalert.core.market import Instrument, Liquidation
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.web.coinglass.rig import BTC, DAY, HOUR, LONG, NOW, Client, Rig, liquidated

OF_BTC = {"exchange": "Binance", "symbol": "BTC"}


async def stored(database: Database, *liquidations: Liquidation) -> None:
    journal = BatchJournal(database)
    for liquidation in liquidations:
        journal.liquidated([liquidation])
    await journal.flush()


async def test_side_is_of_the_order_and_the_position_is_said_beside_it(client: Client) -> None:
    """A long is closed by selling, 2; a short by buying, 1."""
    orders = await client.data("order", **OF_BTC)

    assert {(each["side"], each["position_side"]) for each in orders} == {(2, "long"), (1, "short")}


async def test_orders_come_newest_first_and_are_of_seven_days(client: Client) -> None:
    orders = await client.data("order", **OF_BTC)

    assert [each["time"] for each in orders] == [
        1_699_999_935_000,
        1_699_999_400_000,
        1_699_997_600_000,
        1_699_992_800_000,
        1_699_982_000_000,
        1_699_928_000_000,
    ]


async def test_an_order_has_all_fields_of_its_liquidation(client: Client) -> None:
    orders = await client.data("order", exchange="binance", symbol="ETH")

    assert orders == [
        {
            "exchange_name": "BINANCE",
            "symbol": "ETHUSDT",
            "base_asset": "ETH",
            "price": 2_020.0,
            "usd_value": 8_000.0,
            "side": 1,
            "time": 1_699_994_600_000,
            "position_side": "short",
        }
    ]


async def test_smaller_ones_are_left_out(client: Client) -> None:
    orders = await client.data("order", **OF_BTC, min_liquidation_amount="120000.5")

    assert [each["usd_value"] for each in orders] == [1_000_000.0, 120_000.5, 300_000.0]


async def test_both_ends_of_the_time_belong_to_it(client: Client) -> None:
    orders = await client.data("order", **OF_BTC, start_time="1699997600000", end_time="1699999400000")

    assert [each["time"] for each in orders] == [1_699_999_400_000, 1_699_997_600_000]


async def test_an_end_in_the_future_is_now(rig: Rig, client: Client) -> None:
    rig.clock.at = NOW - 100.0

    orders = await client.data("order", **OF_BTC, end_time="1800000000000")

    assert orders[0]["time"] == 1_699_999_400_000


async def test_at_most_200_are_given(client: Client, database: Database) -> None:
    await stored(database, *(liquidated(30.0 + number / 10, 5.0) for number in range(201)))

    orders = await client.data("order", **OF_BTC)

    assert len(orders) == 200
    assert orders[0]["time"] == 1_699_999_970_000


async def test_a_symbol_that_is_not_listed_any_more_is_not_taken_for_another(
    client: Client, database: Database
) -> None:
    gone = Instrument("binance", "BTCSTUSDT")
    await stored(database, Liquidation(gone, LONG, 1.0, 9.0, 9.0, NOW - 5.0, NOW - 4.0))

    orders = await client.data("order", **OF_BTC)

    assert "BTCSTUSDT" not in {each["symbol"] for each in orders}


async def test_the_header_says_which_share_of_the_time_was_watched(client: Client) -> None:
    """Of Bybit the first that was recorded is 33 minutes old."""
    headers = await client.headers("order", exchange="Bybit", symbol="BTC", start_time=str(int(NOW - HOUR) * 1000))

    assert headers["X-Liqalert-Watched"] == "0.5500"


async def test_seven_days_of_binance_were_watched(client: Client) -> None:
    headers = await client.headers("order", **OF_BTC, start_time=str(int(NOW - 30 * DAY) * 1000))

    assert headers["X-Liqalert-Watched"] == "1.0000"


@pytest.mark.parametrize("symbol", ["BTC", "btc", "BTCUSDT", "BTC/USDT:USDT"])
async def test_a_coin_may_be_spelled_like_an_instrument(symbol: str, client: Client) -> None:
    orders = await client.data("order", exchange="Binance", symbol=symbol)

    assert {each["symbol"] for each in orders} == {BTC.symbol, "BTCUSD_PERP"}
