from __future__ import annotations

import pytest

from liqalert.core.market import FeedStatus, Instrument, PositionSide
from tests.web.rig import BTC, ETH, NOW, Client, Rig, cluster, mark, snapshot, zone


async def test_clusters_have_exactly_the_shape_of_the_contract(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(cluster(), zones=[zone()], marks=[mark()], watching_since=NOW - 720.0)
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 720.0, mark_at=NOW - 1.0))

    status, answer = await client.get("/api/v1/clusters")

    assert status == 200
    assert answer == {
        "as_of": "2023-11-14T22:13:20.000Z",
        "watching_since": "2023-11-14T22:01:20.000Z",
        "clusters": [
            {
                "id": "c-1",
                "exchange": "binance",
                "symbol": "BTCUSDT",
                "liquidated": "long",
                "basis": "realised",
                "price": 98.5,
                "price_low": 98.0,
                "price_high": 99.0,
                "strength": pytest.approx(0.5),
                "notional_usd": 1000000.0,
                "count": 12,
                "oldest_at": "2023-11-14T22:03:20.000Z",
                "newest_at": "2023-11-14T22:13:19.750Z",
                "distance_pct": 1.0,
                "calibrated": True,
            }
        ],
        "zones": [
            {
                "id": "z-1",
                "symbol": "BTCUSDT",
                "liquidated": "long",
                "low": 98.0,
                "high": 99.0,
                "strength": 0.84,
                "peak_at": "2023-11-14T21:43:20.000Z",
                "notional_usd": 2000000.0,
                "count": 20,
                "state": "armed",
                "calibrated": True,
            }
        ],
        "marks": {"BTCUSDT": {"price": 100.0, "at": "2023-11-14T22:13:19.000Z"}},
        "feeds": [
            {
                "exchange": "binance",
                "alive": True,
                "since": "2023-11-14T22:01:20.000Z",
                "mark_age_s": 1.0,
                "latency_s": None,
                "reconnects": 0,
                "connected": 0,
                "connections": 1,
                "rejected": {},
                "gaps": [],
                "problem": None,
                "mute_since": None,
                "warning": None,
            }
        ],
        "decay_minutes": 60.0,
    }


async def test_before_the_first_tick_the_answer_is_empty_and_says_nothing_is_watched(client: Client) -> None:
    status, answer = await client.get("/api/v1/clusters")

    assert status == 200
    assert answer == {
        "as_of": "2023-11-14T22:13:20.000Z",
        "watching_since": None,
        "clusters": [],
        "zones": [],
        "marks": {},
        "feeds": [],
        "decay_minutes": 60.0,
    }


async def test_values_are_decayed_to_the_moment_of_the_answer_and_as_of_stays(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(cluster())
    rig.clock.at = NOW + 3600.0

    _, answer = await client.get("/api/v1/clusters")

    assert answer["as_of"] == "2023-11-14T22:13:20.000Z"
    assert answer["clusters"][0]["notional_usd"] == pytest.approx(367879.44117)
    assert answer["clusters"][0]["strength"] == pytest.approx(0.26894142)
    assert answer["clusters"][0]["count"] == 12


async def test_a_clock_set_back_does_not_make_clusters_stronger(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(cluster())
    rig.clock.at = NOW - 3600.0

    _, answer = await client.get("/api/v1/clusters")

    assert answer["clusters"][0]["notional_usd"] == 1000000.0


async def test_nearest_comes_first_and_what_has_no_mark_comes_last(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(
        cluster("no-mark", instrument=ETH),
        cluster("far", low=90.0, high=91.0),
        cluster("above", low=102.0, high=103.0, liquidated=PositionSide.SHORT),
        cluster("around", low=99.5, high=100.5),
        zones=[zone("far", low=90.0, high=91.0), zone("eth", instrument=ETH), zone("close", low=99.0, high=99.5)],
        marks=[mark()],
    )

    _, answer = await client.get("/api/v1/clusters")

    assert [(found["id"], found["distance_pct"]) for found in answer["clusters"]] == [
        ("around", 0.0),
        ("above", 2.0),
        ("far", 9.0),
        ("no-mark", None),
    ]
    assert [found["id"] for found in answer["zones"]] == ["close", "far", "eth"]


async def test_distance_is_in_per_cent_of_the_mark_not_of_the_edge(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(cluster(low=80.0, high=100.0), marks=[mark(price=125.0)])

    _, answer = await client.get("/api/v1/clusters")

    assert answer["clusters"][0]["distance_pct"] == 20.0


async def test_one_symbol_shows_only_what_belongs_to_it(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(
        cluster("btc"),
        cluster("eth", instrument=ETH),
        zones=[zone("btc"), zone("eth", instrument=ETH)],
        marks=[mark(), mark(ETH, 98.5)],
    )

    status, answer = await client.get("/api/v1/clusters/ETHUSDT")

    assert status == 200
    assert [found["id"] for found in answer["clusters"]] == ["eth"]
    assert [found["id"] for found in answer["zones"]] == ["eth"]
    assert list(answer["marks"]) == ["ETHUSDT"]


@pytest.mark.parametrize(
    "spelling", ["BTCUSDT", "btcusdt", "btc", "BTC/USDT", "btc%2Fusdt", "BTC/USDT:USDT", "BTC%2FUSDT%3AUSDT"]
)
async def test_a_symbol_may_be_spelled_in_four_ways(spelling: str, rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(cluster(), marks=[mark(), mark(ETH)])

    status, answer = await client.get(f"/api/v1/clusters/{spelling}")

    assert status == 200
    assert list(answer["marks"]) == ["BTCUSDT"]


async def test_a_symbol_in_another_script_is_found(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(Instrument("binance", "币安人生USDT"))])

    status, answer = await client.get("/api/v1/clusters/币安人生USDT")

    assert status == 200
    assert list(answer["marks"]) == ["币安人生USDT"]


async def test_an_unknown_symbol_is_answered_with_the_nearest_known(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC), mark(ETH)])

    answer = await client.get("/api/v1/clusters/BTTCUSDT")

    assert answer == (404, {"error": "BTTCUSDT is not known here.", "allowed": ["BTCUSDT"]})


async def test_a_symbol_unlike_any_other_gets_an_example(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])

    status, answer = await client.get("/api/v1/clusters/!!!")

    assert status == 404
    assert answer == {"error": "!!! is not known here.", "allowed": ["the exchange's symbol, like BTCUSDT"]}


async def test_without_any_mark_a_symbol_is_not_called_unknown(client: Client) -> None:
    status, answer = await client.get("/api/v1/clusters/BTCUSDT")

    assert status == 404
    assert answer == {
        "error": "BTCUSDT cannot be looked up: no feed has delivered a mark yet, see /api/v1/feeds.",
        "allowed": [],
    }


async def test_without_any_mark_it_is_said_why_there_is_none(rig: Rig, client: Client) -> None:
    """On a new installation where Binance refuses, the page shows nothing but this."""
    why = "Binance does not serve this country (HTTP 451): run liqalert elsewhere."
    rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW, problem=why))

    _, answer = await client.get("/api/v1/clusters/BTCUSDT")

    assert answer["error"] == f"BTCUSDT cannot be looked up: no feed has delivered a mark yet, see /api/v1/feeds. {why}"


async def test_a_query_that_means_nothing_is_refused(client: Client) -> None:
    answer = await client.get("/api/v1/clusters?symbol=BTC")

    assert answer == (400, {"error": "The query has 'symbol', which means nothing here.", "allowed": []})
