from __future__ import annotations

from liqalert.core.market import FeedStatus, Gap
from tests.web.rig import NOW, Client, Rig


async def test_feeds_have_exactly_the_shape_of_the_contract(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(
        FeedStatus(
            "binance",
            alive=False,
            since=NOW - 6.5,
            mark_at=NOW - 11.5,
            latency_s=0.125,
            reconnects=3,
            connected=1,
            connections=2,
            rejected=(("malformed", 2), ("off_market", 1)),
            gaps=(
                Gap("binance", NOW - 7200.0, NOW - 7190.0, "connection closed"),
                Gap("binance", NOW - 11.5, None, "marks older than 5 s"),
            ),
            problem="No mark for 11 s.",
        )
    )

    answer = await client.get("/api/v1/feeds")

    assert answer == (
        200,
        {
            "feeds": [
                {
                    "exchange": "binance",
                    "alive": False,
                    "since": "2023-11-14T22:13:13.500Z",
                    "mark_age_s": 11.5,
                    "latency_s": 0.125,
                    "reconnects": 3,
                    "connected": 1,
                    "connections": 2,
                    "rejected": {"malformed": 2, "off_market": 1},
                    "gaps": [
                        {
                            "from": "2023-11-14T20:13:20.000Z",
                            "to": "2023-11-14T20:13:30.000Z",
                            "cause": "connection closed",
                            "stream": "all",
                        },
                        {
                            "from": "2023-11-14T22:13:08.500Z",
                            "to": None,
                            "cause": "marks older than 5 s",
                            "stream": "all",
                        },
                    ],
                    "problem": "No mark for 11 s.",
                    "mute_since": None,
                    "warning": None,
                }
            ]
        },
    )


async def test_a_feed_without_a_mark_has_no_age_rather_than_a_small_one(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(FeedStatus("binance", alive=False, since=NOW))

    _, answer = await client.get("/api/v1/feeds")

    assert answer["feeds"][0]["mark_age_s"] is None


async def test_a_mute_stream_is_named_beside_lively_marks(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 7200.0, mark_at=NOW, mute_since=NOW - 1500.0))

    _, answer = await client.get("/api/v1/feeds")

    assert answer["feeds"][0]["mute_since"] == "2023-11-14T21:48:20.000Z"


async def test_a_mark_newer_than_the_reading_of_the_clock_has_age_zero(rig: Rig, client: Client) -> None:
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW, mark_at=NOW + 0.5))

    _, answer = await client.get("/api/v1/feeds")

    assert answer["feeds"][0]["mark_age_s"] == 0.0
