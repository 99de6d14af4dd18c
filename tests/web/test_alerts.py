from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.market import FeedStatus, Gap, Liquidation, PositionSide, Stream
from liqalert.core.outcomes import Members
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import AlertRow, Attempt, DeliveryRow, DeliveryStatus, StorageError
from tests.web.rig import BTC, ETH, NOW, Client, Rig, mark, snapshot, zone

RULE = Rule(RuleKind.NEAR, BTC, distance_pct=1.0, min_strength=0.6)
EVIDENCE = Evidence(
    mark_price=99.75,
    mark_at=NOW - 1.0,
    distance_pct=0.75,
    rule_distance_pct=1.0,
    rearm_pct=1.4,
    zone_strength=0.84,
    strength_now=0.1,
    min_strength=0.6,
)
EPISODE = Episode("e-1", RULE, "z-1", EpisodeState.COOLING, NOW, "a-1", EpisodeState.HELD, touched=True, furthest=98.5)
NEAR = Alert("a-1", "near", NOW - 0.5, Reason.WITHIN_DISTANCE, RULE, zone(), "e-1", EVIDENCE)
TRANSITION = Transition(EPISODE, EpisodeState.HELD, NOW, Reason.COOLDOWN_BEGINS, EVIDENCE)
DELIVERY = DeliveryRow(
    "telegram",
    "-100200",
    DeliveryStatus.SENT,
    2,
    NOW,
    error="timed out once",
    history=(Attempt(NOW - 5.0, "timed out"), Attempt(NOW, None)),
)
ONE = Liquidation(
    BTC,
    PositionSide.LONG,
    price=98.5,
    quantity=2.0,
    notional_usd=197.0,
    event_time=NOW - 60.0,
    received_time=NOW - 60.0,
)
MEMBERS = Members(3, 591.0, ONE, ONE, ONE)
ROW = AlertRow(NEAR, EPISODE, (DELIVERY,), (TRANSITION,), MEMBERS, (Gap("binance", NOW - 90.0, NOW - 80.0, "closed"),))
NOTICE = AlertRow(Alert("n-1", "notice", NOW, "clock_off", text="The clock is 12 s off."), None, ())

ONE_JSON = {"at": "2023-11-14T22:12:20.000Z", "price": 98.5, "quantity": 2.0, "notional_usd": 197.0}

EXPLAINED = [
    "Alert a-1: BTCUSDT: 0.75 % from a cluster of liquidated longs",
    "near, decided 22:13 UTC (1 s ago): the mark came within the rule's distance (mark_within_distance)",
    "Rule: BTCUSDT within 1 %, strength at least 0.6",
    "Mark: 99.75 at 22:13 UTC (1 s ago)",
    "Distance: 0.75 % from the zone; the rule asks for at most 1 % (re-arms beyond 1.4 %)",
    "Strength: zone 0.84, live at that moment 0.10; the rule asks for at least 0.6 of the zone",
    "Feed: watched up to the decision",
    "Zone z-1: liquidated long positions at 98 to 99, realised",
    "  strength 0.84, 2.00M USD (time-weighted) in 20 liquidations at its peak 21:43 UTC (30 min ago), "
    "opened 21:13 UTC (60 min ago)",
    "What it rests on: 3 liquidations in the journal, 591 USD unweighted, on binance",
    "• first: 22:12 UTC (1 min ago), 197 USD at 98.5",
    "• last: 22:12 UTC (1 min ago), 197 USD at 98.5",
    "• largest: 22:12 UTC (1 min ago), 197 USD at 98.5",
    "Gap: not watched from 22:11 UTC (2 min ago), for 10 s: closed",
    "Outcome: held: the mark turned back after touching the zone",
    "What happened",
    "• 22:13 UTC held → cooling: the cooldown began (cooldown_begins), mark 99.75",
    "Deliveries",
    "• telegram, -100200: sent 22:13 UTC (0 s ago), 2 attempts: timed out once",
    "  22:13 UTC: timed out",
    "  22:13 UTC: delivered",
]

EVIDENCE_JSON: dict[str, Any] = {
    "mark_price": 99.75,
    "mark_at": "2023-11-14T22:13:19.000Z",
    "distance_pct": 0.75,
    "rule_distance_pct": 1.0,
    "rearm_pct": 1.4,
    "zone_strength": 0.84,
    "strength_now": 0.1,
    "min_strength": 0.6,
    "unwatched_s": 0.0,
}


async def test_alerts_have_exactly_the_shape_of_the_contract(rig: Rig, client: Client) -> None:
    rig.alerts.rows = [ROW]

    answer = await client.get("/api/v1/alerts")

    assert answer == (
        200,
        {
            "alerts": [
                {
                    "id": "a-1",
                    "kind": "near",
                    "symbol": "BTCUSDT",
                    "liquidated": "long",
                    "cluster_id": "c-1",
                    "reason": "mark_within_distance",
                    "evidence": EVIDENCE_JSON,
                    "flow": None,
                    "liquidation": None,
                    "step": None,
                    "decided_at": "2023-11-14T22:13:19.500Z",
                    "episode": {"state": "cooling", "outcome": "held"},
                    "deliveries": [{"channel": "telegram", "status": "sent", "attempts": 2}],
                    "more_deliveries": {},
                }
            ]
        },
    )
    assert rig.alerts.asked == [(50, None, None)]


async def test_deliveries_that_are_not_listed_are_counted(rig: Rig, client: Client) -> None:
    rig.alerts.rows = [replace(ROW, more={DeliveryStatus.SENT: 19_900})]

    _, answer = await client.get("/api/v1/alerts")

    assert answer["alerts"][0]["more_deliveries"] == {"sent": 19_900}


async def test_the_alerts_of_one_instrument_are_asked_for_in_any_spelling(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC), mark(ETH)])
    rig.alerts.rows = [ROW]

    _, of_btc = await client.get("/api/v1/alerts?symbol=btc")
    _, of_eth = await client.get("/api/v1/alerts?symbol=ETH/USDT")
    unknown = await client.get("/api/v1/alerts?symbol=BTTC")

    assert [each["id"] for each in of_btc["alerts"]] == ["a-1"]
    assert of_eth == {"alerts": []}
    assert unknown == (404, {"error": "BTTC is not known here.", "allowed": ["BTCUSDT"]})


async def test_one_alert_is_shown_with_everything_that_led_to_it(rig: Rig, client: Client) -> None:
    rig.alerts.rows = [ROW]

    answer = await client.get("/api/v1/alerts/a-1")

    assert answer == (
        200,
        {
            "id": "a-1",
            "kind": "near",
            "symbol": "BTCUSDT",
            "liquidated": "long",
            "cluster_id": "c-1",
            "reason": "mark_within_distance",
            "evidence": EVIDENCE_JSON,
            "flow": None,
            "liquidation": None,
            "step": None,
            "decided_at": "2023-11-14T22:13:19.500Z",
            "episode": {
                "id": "e-1",
                "state": "cooling",
                "outcome": "held",
                "since": "2023-11-14T22:13:20.000Z",
                "touched": True,
                "closest_pct": 0.0,
                "furthest": 98.5,
            },
            "deliveries": [
                {
                    "channel": "telegram",
                    "status": "sent",
                    "attempts": 2,
                    "address": "-100200",
                    "at": "2023-11-14T22:13:20.000Z",
                    "error": "timed out once",
                    "history": [
                        {"at": "2023-11-14T22:13:15.000Z", "error": "timed out"},
                        {"at": "2023-11-14T22:13:20.000Z", "error": None},
                    ],
                }
            ],
            "more_deliveries": {},
            "text": None,
            "rule": {
                "id": "near:binance:BTCUSDT:1:0.6",
                "kind": "near",
                "exchange": "binance",
                "symbol": "BTCUSDT",
                "distance_pct": 1.0,
                "min_strength": 0.6,
                "min_usd": None,
            },
            "zone": {
                "id": "z-1",
                "exchange": "binance",
                "symbol": "BTCUSDT",
                "liquidated": "long",
                "basis": "realised",
                "low": 98.0,
                "high": 99.0,
                "strength": 0.84,
                "notional_usd": 2000000.0,
                "count": 20,
                "opened_at": "2023-11-14T21:13:20.000Z",
                "peak_at": "2023-11-14T21:43:20.000Z",
                "calibrated": True,
            },
            "transitions": [
                {
                    "at": "2023-11-14T22:13:20.000Z",
                    "previous": "held",
                    "state": "cooling",
                    "reason": "cooldown_begins",
                    "evidence": EVIDENCE_JSON,
                }
            ],
            "members": {
                "exchange": "binance",
                "count": 3,
                "notional_usd": 591.0,
                "first": ONE_JSON,
                "last": ONE_JSON,
                "largest": ONE_JSON,
            },
            "gaps": [
                {
                    "start": "2023-11-14T22:11:50.000Z",
                    "end": "2023-11-14T22:12:00.000Z",
                    "cause": "closed",
                    "stream": "all",
                }
            ],
            "explained": EXPLAINED,
        },
    )


async def test_a_notice_has_no_instrument_and_its_sentence_is_in_the_detail(rig: Rig, client: Client) -> None:
    rig.alerts.rows = [NOTICE]

    _, listed = await client.get("/api/v1/alerts?kind=notice")
    _, detail = await client.get("/api/v1/alerts/n-1")

    assert listed["alerts"] == [
        {
            "id": "n-1",
            "kind": "notice",
            "symbol": None,
            "liquidated": None,
            "cluster_id": None,
            "reason": "clock_off",
            "evidence": None,
            "flow": None,
            "liquidation": None,
            "step": None,
            "decided_at": "2023-11-14T22:13:20.000Z",
            "episode": None,
            "deliveries": [],
            "more_deliveries": {},
        }
    ]
    assert detail["text"] == "The clock is 12 s off."
    assert (detail["rule"], detail["zone"], detail["transitions"]) == (None, None, [])


async def test_limit_and_kind_reach_the_reader(rig: Rig, client: Client) -> None:
    await client.get("/api/v1/alerts?limit=3&kind=near")

    assert rig.alerts.asked == [(3, None, "near")]


async def test_an_unknown_kind_is_refused_with_those_that_exist(client: Client) -> None:
    answer = await client.get("/api/v1/alerts?kind=far")

    assert answer == (
        400,
        {
            "error": "kind is 'far'.",
            "allowed": ["near", "formed", "grown", "cascade", "large", "notice", "test", "watching"],
        },
    )


async def test_an_unknown_alert_is_404(client: Client) -> None:
    answer = await client.get("/api/v1/alerts/a-2")

    assert answer == (404, {"error": "There is no alert a-2.", "allowed": ["an id from /api/v1/alerts"]})


async def test_a_gap_that_lasts_still_is_shown_with_the_alert_that_came_in_it(rig: Rig, client: Client) -> None:
    began_before, began_after = (Gap("binance", at, None, "none came", Stream.LIQUIDATIONS) for at in (NOW - 60.0, NOW))
    rig.alerts.rows = [replace(ROW, gaps=())]
    rig.board.feed_changed(FeedStatus("binance", True, NOW, gaps=(ROW.gaps[0], began_before, began_after)))

    _, detail = await client.get("/api/v1/alerts/a-1")

    assert [(gap["start"], gap["end"]) for gap in detail["gaps"]] == [("2023-11-14T22:12:20.000Z", None)]
    assert "Gap: no liquidations seen from 22:12 UTC (1 min ago), still open then: none came" in detail["explained"]


@pytest.mark.parametrize("alert_id", ["%00", "%C3%A4", "a" * 65])
async def test_what_cannot_be_an_id_does_not_reach_the_database(alert_id: str, rig: Rig, client: Client) -> None:
    status, _ = await client.get(f"/api/v1/alerts/{alert_id}")

    assert status == 404
    assert rig.alerts.asked == []


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/alerts/a-1"])
async def test_a_database_that_refuses_is_503_in_its_own_words(path: str, rig: Rig, client: Client) -> None:
    rig.alerts.broken = StorageError("read alerts from liqalert.db: disk I/O error")

    answer = await client.get(path)

    assert answer == (503, {"error": "read alerts from liqalert.db: disk I/O error", "allowed": []})
