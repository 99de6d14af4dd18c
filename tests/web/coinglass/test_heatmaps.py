from __future__ import annotations

import math
from typing import Any

import pytest

from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument, Liquidation
from tests.web.coinglass.rig import (
    BTC,
    BTC_BYBIT,
    BTC_COIN,
    ETH,
    HOUR,
    LIQUIDATIONS,
    NOW,
    SHORT,
    Client,
    FakeGrids,
    Rig,
    liquidated,
    serving,
)

OF_BTC = {"exchange": "Binance", "symbol": "BTCUSDT", "range": "12h"}


async def test_the_last_column_is_what_stands_now(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = [liquidated(HOUR / 2, 100_000.0)]

    data = await client.data("heatmap/model1", **OF_BTC)

    assert data["liquidation_leverage_data"][-1] == [11, 55, 60_653]  # 100,000 x exp(-1/2)


async def test_a_level_stands_in_every_later_column(rig: Rig, client: Client) -> None:
    """Whoever adds up the columns counts it as often."""
    rig.grids.liquidations = [liquidated(620.0, 100_000.0)]

    data = await client.data("heatmap/model1", **OF_BTC)

    assert [[x, y] for x, y, _ in data["liquidation_leverage_data"]] == [[9, 55], [10, 55], [11, 55]]


async def test_cells_lie_on_the_axes(client: Client) -> None:
    data = await client.data("heatmap/model1", **OF_BTC)

    prices, cells = data["y_axis"], data["liquidation_leverage_data"]
    assert prices == sorted(set(prices))
    assert all(0 <= x < len(data["price_candlesticks"]) and 0 <= y < len(prices) and usd > 0 for x, y, usd in cells)


async def test_a_cell_lies_at_the_price_of_its_liquidation(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = [liquidated(60.0, 100_000.0)]  # at 35,640

    data = await client.data("heatmap/model1", **OF_BTC)

    [[_, y, _]] = data["liquidation_leverage_data"][-1:]
    assert abs(math.log(data["y_axis"][y] / 35_640.0)) < 0.000375  # half a row


async def test_both_position_sides_are_one_number(rig: Rig, client: Client) -> None:
    long = liquidated(0.5, 1_000.0)
    rig.grids.liquidations = [long, Liquidation(BTC, SHORT, long.price, 1.0, 30_000.0, NOW - 0.5, NOW)]

    data = await client.data("heatmap/model1", **OF_BTC)

    assert data["liquidation_leverage_data"] == [[11, 55, 30_996]]  # 31,000 half a second old


async def test_candles_are_seconds_and_text_and_the_update_is_milliseconds(client: Client) -> None:
    data = await client.data("heatmap/model1", **OF_BTC)

    assert data["price_candlesticks"][-1] == [1_699_999_800, "36000", "36036", "35964", "36000", "0"]
    assert data["update_time"] == 1_700_000_000_000


async def test_columns_before_the_first_known_price_are_left_out(rig: Rig, client: Client) -> None:
    rig.grids.priced_s = 900.0

    data = await client.data("heatmap/model1", **OF_BTC)

    assert [candle[0] for candle in data["price_candlesticks"]] == [1_699_999_200, 1_699_999_500, 1_699_999_800]
    assert {x for x, _, _ in data["liquidation_leverage_data"]} == {0, 1, 2}


async def test_where_no_price_is_known_it_stays_where_it_was(rig: Rig, client: Client) -> None:
    rig.grids.unpriced, rig.grids.rise = frozenset({1}), 5.5

    data = await client.data("heatmap/model1", **OF_BTC)

    assert data["price_candlesticks"][-2] == [1_699_999_500, "36005.5", "36005.5", "36005.5", "36005.5", "0"]


async def test_without_any_price_there_is_no_picture(rig: Rig, client: Client) -> None:
    rig.grids.priced_s = -1.0

    body = await client.get("heatmap/model1", **OF_BTC)

    assert body == {"code": "500", "msg": "No price of this range is known yet: see /api/v1/feeds."}


@pytest.mark.parametrize(("asked", "used"), [("12h", "12h"), ("24h", "24h"), ("3d", "3d"), ("7d", "7d"), (None, "3d")])
async def test_ranges_and_what_a_missing_one_means(asked: str | None, used: str, rig: Rig, client: Client) -> None:
    query = {"ex": "Binance", "symbol": "BTCUSDT"} | ({"range": asked} if asked else {})

    await client.data("heatmap/model1", **query)

    assert rig.grids.asked == [(BTC, used)]


@pytest.mark.parametrize("asked", ["30d", "90d", "180d", "1y", "1h", "", "24H", "3"])
async def test_other_ranges_are_told_what_is_served(asked: str, client: Client) -> None:
    body = await client.get("heatmap/model1", exchange="Binance", symbol="BTCUSDT", range=asked)

    assert body == {"code": "400", "msg": f"range is {asked!r}. Allowed: 12h, 24h, 3d, 7d."}


async def test_the_share_that_was_watched_is_in_the_header(rig: Rig, client: Client) -> None:
    rig.grids.watched = 0.99999

    headers = await client.headers("heatmap/model1", **OF_BTC)

    assert headers["X-Liqalert-Watched"] == "0.9999"


async def test_all_instruments_on_a_coin_are_added_up(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = [
        liquidated(1.0, 1_000_000.0),
        liquidated(1.0, 200_000.0, instrument=BTC_COIN),
        liquidated(1.0, 30_000.0, instrument=BTC_BYBIT),
        liquidated(1.0, 4_000.0, instrument=ETH),
    ]

    data = await client.data("aggregated-heatmap/model1", symbol="BTC", range="12h")

    assert [instrument for instrument, _ in rig.grids.asked] == [BTC, BTC_COIN, BTC_BYBIT]
    assert data["liquidation_leverage_data"] == [[11, 55, 1_229_658]]  # 1,230,000 a second old


async def test_the_map_is_what_stands_now_by_price(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = [liquidated(HOUR, 100_000.0), liquidated(11 * HOUR + 1800.0, 100_000.0)]

    data = await client.data("map", exchange="Binance", symbol="BTCUSDT", range="1d")

    assert data == {"data": {"35647.88": [[35_647.88, 36_789, None, None]]}}  # 100,000 x (exp(-1) + exp(-11.5))


@pytest.mark.parametrize(("asked", "used"), [("1d", "24h"), ("7d", "7d"), (None, "24h")])
async def test_ranges_of_the_map(asked: str | None, used: str, rig: Rig, client: Client) -> None:
    query = {"exchange": "Binance", "symbol": "BTCUSDT"} | ({"range": asked} if asked else {})

    await client.data("map", **query)

    assert rig.grids.asked == [(BTC, used)]


async def test_a_longer_range_of_the_map_is_told_what_is_served(client: Client) -> None:
    body = await client.get("aggregated-map", symbol="BTC", range="30d")

    assert body == {"code": "400", "msg": "range is '30d'. Allowed: 1d, 7d."}


async def test_the_map_as_a_list_has_each_instrument_by_itself(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = [liquidated(0.5, 1_000.0), liquidated(0.5, 2_000.0, instrument=BTC_BYBIT)]

    data = await client.data("aggregated-map", symbol="BTC", range="1d", shape="list")

    assert data["last_price"] == 36_000.0
    assert [(each["instrument"]["exName"], each["liqMapV2"]) for each in data["data"]] == [
        ("Binance", {"35647.88": [[35_647.88, 1_000, None, None]]}),
        ("Binance", {}),
        ("Bybit", {"35647.88": [[35_647.88, 2_000, None, None]]}),
    ]


async def test_each_position_side_is_told_apart_where_that_is_asked_for(rig: Rig, client: Client) -> None:
    long = liquidated(1.0, 100_000.0)
    rig.grids.liquidations = [long, Liquidation(BTC, SHORT, long.price, 1.0, 30_000.0, NOW - 0.5, NOW)]

    shown = {
        (name, side): str(await client.data(name, exchange="Binance", symbol="BTCUSDT", liquidated=side))
        for name in ("heatmap/model1", "map", "aggregated-heatmap/model1", "aggregated-map")
        for side in ("long", "short", "both")
    }

    amounts = {"long": "99972", "short": "29996", "both": "129968"}
    assert {key: [side for side, usd in amounts.items() if usd in text] for key, text in shown.items()} == {
        key: [key[1]] for key in shown
    }


async def test_an_unknown_position_side_is_refused(client: Client) -> None:
    body = await client.get("map", exchange="Binance", symbol="BTCUSDT", liquidated="buy")

    assert body == {"code": "400", "msg": "liquidated is 'buy'. Allowed: both, long, short."}


async def test_an_unknown_shape_is_refused(client: Client) -> None:
    body = await client.get("map", exchange="Binance", symbol="BTCUSDT", shape="table")

    assert body == {"code": "400", "msg": "shape is 'table'. Allowed: object, list."}


@pytest.mark.parametrize(
    "name",
    [
        "heatmap/model2",
        "heatmap/model3",
        "aggregated-heatmap/model2",
        "aggregated-heatmap/model3",
        "max-pain",
        "aggregated-max-pain",
    ],
)
async def test_what_needs_projected_levels_says_so(name: str, client: Client) -> None:
    body = await client.get(name, exchange="Binance", symbol="BTCUSDT", range="24h")

    assert body["code"] == "404"
    assert body["msg"].startswith(f"{name} needs projected levels, which liqalert does not have")


async def test_nothing_stands_and_the_answer_is_empty_but_whole(rig: Rig, client: Client) -> None:
    rig.grids.liquidations = []

    heatmap = await client.data("heatmap/model1", **OF_BTC)
    level_map = await client.data("map", exchange="Binance", symbol="BTCUSDT")

    assert heatmap["liquidation_leverage_data"] == []
    assert len(heatmap["price_candlesticks"]) == 12
    assert level_map == {"data": {}}


class BuiltGrids:
    """Grids by the code that the daemon uses, over the liquidations and candles of the fake."""

    async def grid(self, instrument: Instrument, range_name: str) -> HeatmapGrid:
        fake = await FakeGrids().grid(instrument, range_name)
        return build(
            [each for each in LIQUIDATIONS if each.instrument == instrument],
            RANGES[range_name],
            Surroundings(fake.candles),
            instrument=instrument,
            as_of=NOW,
            decay_s=HOUR,
        )


@pytest.mark.parametrize("query", [{"exchange": "Binance"}, {}])
async def test_grids_of_the_daemon_are_shown_as_they_are(query: dict[str, str], rig: Rig) -> None:
    name = "heatmap/model1" if query else "aggregated-heatmap/model1"
    question = {"symbol": "BTCUSDT", "range": "12h"} | query
    async with serving(rig) as client:
        expected = await client.data(name, **question)
    rig.grids = BuiltGrids()
    async with serving(rig) as client:
        built = await client.data(name, **question)

    assert by_price(built) == by_price(expected)
    assert built["price_candlesticks"] == expected["price_candlesticks"]


def by_price(data: Any) -> dict[tuple[int, float], int]:
    """Where the axis begins and ends is the grid's own affair."""
    return {(x, data["y_axis"][y]): usd for x, y, usd in data["liquidation_leverage_data"]}
