from __future__ import annotations

import pytest

from liqalert.core.market import Liquidation, PositionSide
from liqalert.ports import StorageError
from tests.web.rig import BTC, ETH, NOW, Client, Rig, mark, snapshot

NEWEST = Liquidation(BTC, PositionSide.SHORT, 101.5, 1.5, 152.25, event_time=NOW - 1.0, received_time=NOW - 0.75)
OLDER = Liquidation(BTC, PositionSide.LONG, 100.0, 2.0, 200.0, event_time=NOW - 60.0, received_time=NOW - 59.5)


async def test_liquidations_are_listed_newest_first_with_both_times(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])
    rig.liquidations.rows = [NEWEST, OLDER]

    answer = await client.get("/api/v1/liquidations?symbol=BTCUSDT")

    assert answer == (
        200,
        {
            "liquidations": [
                {
                    "exchange": "binance",
                    "symbol": "BTCUSDT",
                    "liquidated": "short",
                    "price": 101.5,
                    "quantity": 1.5,
                    "notional_usd": 152.25,
                    "event_time": "2023-11-14T22:13:19.000Z",
                    "received_time": "2023-11-14T22:13:19.250Z",
                },
                {
                    "exchange": "binance",
                    "symbol": "BTCUSDT",
                    "liquidated": "long",
                    "price": 100.0,
                    "quantity": 2.0,
                    "notional_usd": 200.0,
                    "event_time": "2023-11-14T22:12:20.000Z",
                    "received_time": "2023-11-14T22:12:20.500Z",
                },
            ]
        },
    )


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("symbol=BTCUSDT", ("BTCUSDT", 100)),
        ("symbol=btc&limit=7", ("BTCUSDT", 7)),
        ("symbol=ETH/USDT", ("ETHUSDT", 100)),
    ],
)
async def test_symbol_and_limit_reach_the_reader(query: str, asked: tuple[str, int], rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC), mark(ETH)])

    status, _ = await client.get(f"/api/v1/liquidations?{query}")

    assert status == 200
    assert rig.liquidations.asked == [asked]


@pytest.mark.parametrize("query", ["", "?symbol="])
async def test_without_a_symbol_it_says_how_to_name_one(query: str, rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])

    answer = await client.get(f"/api/v1/liquidations{query}")

    assert answer == (400, {"error": "The query names no symbol.", "allowed": ["symbol=BTCUSDT"]})


async def test_a_database_that_refuses_is_503(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])
    rig.liquidations.broken = StorageError("reading liquidations: disk I/O error")

    answer = await client.get("/api/v1/liquidations?symbol=btc")

    assert answer == (503, {"error": "reading liquidations: disk I/O error", "allowed": []})


async def test_an_unknown_symbol_is_not_an_empty_list(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])

    answer = await client.get("/api/v1/liquidations?symbol=BTTC")

    assert answer == (404, {"error": "BTTC is not known here.", "allowed": ["BTCUSDT"]})


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "ten", "1e3", "1.0", "²", "9" * 5000, ""])
async def test_a_limit_that_is_no_sensible_number_is_refused(limit: str, client: Client) -> None:
    status, answer = await client.get("/api/v1/liquidations", params={"limit": limit})

    assert status == 400
    assert answer["allowed"] == ["1 to 1000"]


async def test_a_repeated_parameter_is_refused(client: Client) -> None:
    answer = await client.get("/api/v1/liquidations?limit=1&limit=2")

    assert answer == (400, {"error": "The query has limit more than once.", "allowed": ["symbol", "limit"]})
