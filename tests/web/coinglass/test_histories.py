from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from liqalert.core.market import FeedStatus, Gap, Instrument, Mark
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.web.coinglass.rig import DAY, HOUR, NOW, Client, Rig, liquidated

OF_BTC = {"exchange": "Binance", "symbol": "BTCUSDT"}
TEN = 1_699_956_000.0
"""2023-11-14 10:00 UTC, twelve hours before the hour that is still open."""


def ms(at: float) -> str:
    return str(int(at * 1000.0))


def times(rows: Any) -> list[int]:
    return [row["time"] for row in rows]


async def gap(database: Database, start: float, end: float) -> None:
    journal = BatchJournal(database)
    journal.gap(Gap("binance", start, end, "no marks for 5 s"))
    await journal.flush()


async def test_sums_are_text_and_by_position_side(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1h", limit="2")

    assert rows == [
        {"time": 1_699_995_600_000, "long_liquidation_usd": "120000.5", "short_liquidation_usd": "0"},
        {"time": 1_699_999_200_000, "long_liquidation_usd": "2500", "short_liquidation_usd": "1000000"},
    ]


async def test_aggregated_sums_are_numbers_of_every_instrument_on_the_coin(client: Client) -> None:
    rows = await client.data(
        "aggregated-history", exchange_list="Binance,Bybit", symbol="BTC", interval="4h", limit="1"
    )

    assert rows == [
        {
            "time": 1_699_992_000_000,
            "aggregated_long_liquidation_usd": 207_500.5,  # 120,000.5 + 2,500, COIN-M 25,000, Bybit 60,000
            "aggregated_short_liquidation_usd": 1_000_000.0,
        }
    ]


@pytest.mark.parametrize(
    ("exchange_list", "long_usd"), [("Binance", 147_500.5), ("bybit", 60_000.0), (" OKX , BYBIT ", 60_000.0)]
)
async def test_only_exchanges_asked_for_are_added_and_unknown_ones_ignored(
    exchange_list: str, long_usd: float, client: Client
) -> None:
    rows = await client.data("aggregated-history", exchange_list=exchange_list, symbol="BTC", interval="4h", limit="1")

    assert rows[0]["aggregated_long_liquidation_usd"] == long_usd


async def test_an_interval_without_liquidations_is_a_row_of_zeros(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="1")

    assert rows == [{"time": 1_699_956_000_000, "long_liquidation_usd": "0", "short_liquidation_usd": "0"}]


async def test_an_interval_that_nobody_watched_has_no_row(client: Client, database: Database) -> None:
    await gap(database, TEN + HOUR - 60.0, TEN + 3 * HOUR + 60.0)

    rows = await client.data("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="3")

    assert times(rows) == [1_699_956_000_000, 1_699_966_800_000, 1_699_970_400_000]  # 10, 13 and 14 h


async def test_gaps_that_meet_leave_nothing_between_them(client: Client, database: Database) -> None:
    await gap(database, TEN, TEN + 1800.0)
    await gap(database, TEN + 1800.0, TEN + HOUR)

    rows = await client.data("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="1")

    assert times(rows) == [1_699_959_600_000]


async def test_the_header_says_which_share_was_watched(client: Client, database: Database) -> None:
    await gap(database, TEN, TEN + 900.0)

    headers = await client.headers("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="2")

    assert headers["X-Liqalert-Watched"] == "0.8750"


async def test_of_the_interval_that_is_still_open_only_what_has_passed_counts(
    client: Client, database: Database
) -> None:
    await gap(database, NOW - 200.0, NOW)  # 800 seconds into the hour

    headers = await client.headers("history", **OF_BTC, interval="1h", limit="1")

    assert headers["X-Liqalert-Watched"] == "0.7500"


async def test_while_the_feed_is_down_there_is_no_new_row(rig: Rig, client: Client) -> None:
    running = Gap("binance", NOW - 1000.0, None, "no marks for 5 s")
    rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW - 995.0, gaps=(running,)))

    rows = await client.data("history", **OF_BTC, interval="5m", limit="1")

    assert times(rows) == [1_699_998_900_000]  # the gap began 100 seconds into it


async def test_before_recording_began_there_are_no_rows(client: Client) -> None:
    rows = await client.data("history", exchange="Bybit", symbol="BTCUSDT", interval="15m")

    assert times(rows) == [1_699_997_400_000, 1_699_998_300_000, 1_699_999_200_000]


async def test_of_a_time_before_recording_began_there_is_nothing(client: Client) -> None:
    query = {"exchange": "Bybit", "symbol": "BTCUSDT", "interval": "15m"}

    assert await client.data("history", **query, end_time=ms(NOW - DAY)) == []
    assert (await client.headers("history", **query, end_time=ms(NOW - DAY)))["X-Liqalert-Watched"] == "0.0000"


async def test_of_an_exchange_of_which_nothing_is_recorded_there_are_no_rows(rig: Rig, client: Client) -> None:
    instrument = Instrument("okx", "BTC-USDT-SWAP")
    snapshot = rig.board.snapshot
    rig.board.snapshot = replace(snapshot, marks={instrument: Mark(instrument, 36_000.0, NOW, NOW)})

    assert await client.data("history", exchange="OKX", symbol="BTC-USDT-SWAP", interval="1h") == []


async def test_of_a_time_to_come_there_is_nothing(client: Client) -> None:
    assert await client.data("history", **OF_BTC, interval="1m", start_time=ms(NOW + DAY)) == []


async def test_asking_on_from_the_last_row_gives_each_row_once(client: Client) -> None:
    """A client adds a millisecond to the time of the last row it has."""
    first = await client.data("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="3")
    on = str(first[-1]["time"] + 1)

    then = await client.data("history", **OF_BTC, interval="1h", start_time=on, limit="2")

    assert times(first + then) == [1_699_956_000_000 + hour * 3_600_000 for hour in range(5)]


async def test_without_a_start_the_last_rows_before_the_end_are_given(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1h", end_time=ms(TEN), limit="2")

    assert times(rows) == [1_699_952_400_000, 1_699_956_000_000]


async def test_the_interval_that_is_still_open_is_the_last(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1m", limit="1")

    assert times(rows) == [1_699_999_980_000]


async def test_a_week_begins_on_monday(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1w", limit="5")

    assert rows == [
        {"time": 1_699_228_800_000, "long_liquidation_usd": "7000", "short_liquidation_usd": "0"},
        {"time": 1_699_833_600_000, "long_liquidation_usd": "422500.5", "short_liquidation_usd": "1040000"},
    ]


@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "15m", "30m", "1h", "4h", "6h", "8h", "12h", "1d", "1w"])
async def test_every_documented_interval_is_served(interval: str, client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval=interval)

    assert 1 < len(rows) <= 1000
    assert rows == sorted(rows, key=lambda row: row["time"])


async def test_at_most_1000_rows_are_given_unless_more_are_asked_for(client: Client) -> None:
    rows = await client.data("history", **OF_BTC, interval="1m")
    more = await client.data("history", **OF_BTC, interval="1m", limit="4500")

    assert (len(rows), len(more)) == (1000, 4500)


async def test_sums_have_no_digits_that_floating_point_adds(client: Client, database: Database) -> None:
    journal = BatchJournal(database)
    for seconds in (0.0, 1.0, 2.0):
        journal.liquidated([liquidated(12 * HOUR + seconds, 0.1)])
    await journal.flush()

    rows = await client.data("history", **OF_BTC, interval="1h", start_time=ms(TEN), limit="1")

    assert rows[0]["long_liquidation_usd"] == "0.3"
