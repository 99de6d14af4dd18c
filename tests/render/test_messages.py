from __future__ import annotations

import pytest

from liqalert.core.alerts import Alert, FlowEvidence
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside
from liqalert.render.messages import alert_message, outcome_message, outcome_words, rule_words
from liqalert.render.numbers import NumberStyle
from liqalert.render.scene import Scene
from tests.changing import replace
from tests.fakes import near_alert
from tests.render.told import BTC, DECIDED, episode, near, plain, swept
from tests.telegram_rules import parse_html


def test_alert_says_what_happened_where_how_big_how_old_how_far_and_why() -> None:
    assert plain(near()).splitlines() == [
        "BTCUSDT: 0.93 % from a cluster of liquidated longs",
        "Mark: 61,234.5 at 14:05 UTC",
        "Cluster: 60,100 to 60,665, realised, 0.93 % below the mark",
        "Strength: 0.84 at 09:05 UTC (5 h ago), now 0.10",
        "Liquidated by then: 1.24M USD (time-weighted) in 47 liquidations",
        "Rule: BTCUSDT within 1 %, strength at least 0.6",
        "More: /why abcdefgh",
    ]


def test_html_says_the_same_with_the_headline_in_bold() -> None:
    text = alert_message(Told(near()), Scene("UTC", DECIDED))

    assert text.html.startswith("<b>BTCUSDT: 0.93 % from a cluster of liquidated longs</b>\n")
    assert parse_html(text.html) == text.plain


def test_shorts_are_called_shorts() -> None:
    alert = near()
    assert alert.zone is not None

    assert "liquidated shorts" in plain(replace(alert, zone=replace(alert.zone, liquidated=PositionSide.SHORT)))


@pytest.mark.parametrize(
    ("mark", "distance", "headline", "where"),
    [
        (60_300.0, 0.0, "BTCUSDT: inside a cluster of liquidated longs", "Cluster: 60,100 to 60,665, realised"),
        (
            59_500.0,
            1.01,
            "BTCUSDT: 1.01 % beyond a cluster of liquidated longs",
            "Cluster: 60,100 to 60,665, realised, 1.01 % above the mark",
        ),
    ],
)
def test_mark_that_jumped_into_or_past_the_band(mark: float, distance: float, headline: str, where: str) -> None:
    lines = plain(near(mark_price=mark, distance_pct=distance)).splitlines()

    assert (lines[0], lines[2]) == (headline, where)


def test_mark_seen_from_below_is_not_called_beyond() -> None:
    alert = near(mark_price=59_500.0, distance_pct=1.01)
    assert alert.zone is not None

    assert plain(replace(alert, zone=replace(alert.zone, outside=Outside.BELOW))).startswith("BTCUSDT: 1.01 % from ")


def test_blindness_before_the_mark_is_stated_when_longer_than_15_seconds() -> None:
    assert "Happened while liqalert was not watching (down 12 min)" in plain(near(unwatched_s=720.0)).splitlines()
    assert "not watching" not in plain(near(unwatched_s=15.0))


def test_unrecorded_alert_says_so() -> None:
    assert "not recorded: database unwritable" in plain(near(), recorded=False).splitlines()
    assert "not recorded" not in plain(near())


def test_message_that_leaves_late_says_how_late() -> None:
    assert "Decided at 14:05 UTC, sent 10 min later" in plain(near(), DECIDED + 600.0).splitlines()
    assert "Decided at" not in plain(near(), DECIDED + 59.0)


def test_mark_that_came_late_says_how_late() -> None:
    assert "Mark: 61,234.5 at 14:02 UTC, 3 min late" in plain(near(mark_at=DECIDED - 180.0)).splitlines()
    assert "Mark: 61,234.5 at 14:04 UTC" in plain(near(mark_at=DECIDED - 59.0)).splitlines()


def test_uncalibrated_strength_is_marked_in_both_places() -> None:
    alert = near()
    assert alert.zone is not None
    uncalibrated = replace(alert.zone, baseline=Baseline(11.0, 1.2, False, "2026-11-23"))

    assert "Strength: 0.84? at 09:05 UTC (5 h ago), now 0.10?" in plain(replace(alert, zone=uncalibrated))
    grown = replace(alert, zone=uncalibrated, kind="grown", step=0.75, strength_before=0.71)
    assert "Grown: from 0.71? to 0.84?" in plain(grown).splitlines()


def test_a_range_that_is_one_price_is_named_once() -> None:
    alert = near()
    assert alert.zone is not None

    text = plain(replace(alert, zone=replace(alert.zone, low=60_665.0, high=60_665.0)))

    assert "Cluster: 60,665, realised, " in text


def test_one_liquidation_is_singular() -> None:
    """Where `clusters.min_events` is 1."""
    alert = near()
    assert alert.zone is not None
    cascade = Alert("abcdefgh", "cascade", DECIDED, "flow", flow=replace(FLOW, count=1))

    assert "(time-weighted) in 1 liquidation\n" in plain(replace(alert, zone=replace(alert.zone, count=1)))
    assert "4.20M USD in 1 liquidation, the largest" in plain(cascade)


def test_notice_is_its_sentence_and_its_id() -> None:
    notice = near_alert("abcdefgh", DECIDED, text="the clock is off by 12 s")

    assert plain(notice).splitlines() == [
        "liqalert notice",
        "the clock is off by 12 s",
        "At 14:05 UTC",
        "More: /why abcdefgh",
    ]


def test_test_alert_cannot_be_taken_for_a_real_one() -> None:
    test = Alert("abcdefgh", "test", DECIDED, "test", text="asked for on the command line")

    assert plain(test).splitlines()[0] == "Test alert: this is only a test, nothing has happened in the market"


@pytest.mark.parametrize(
    ("became", "words"),
    [
        (
            episode(EpisodeState.TOUCHED, touched=True, furthest=60_600.0),
            "Touched: price came into the range, 5 min after the alert (14:10 UTC); "
            "furthest 60,600 (-1.04 % since the alert)",
        ),
        (
            # A stronger zone that reaches further towards the mark has taken the episode over.
            episode(EpisodeState.TOUCHED, touched=True),
            "Touched: price came into the range of a stronger cluster in its place, 5 min after the alert (14:10 UTC); "
            "furthest 60,853.6 (-0.62 % since the alert, 0.31 % short of the range told of)",
        ),
        (
            replace(swept(), furthest=60_000.0),
            "Swept: price went through the range and out, 5 min after the alert (14:10 UTC); "
            "furthest 60,000 (-2.02 % since the alert)",
        ),
        (
            episode(EpisodeState.COOLING, outcome=EpisodeState.HELD),
            "Held: price turned back to where it came from, 5 min after the alert (14:10 UTC); "
            "furthest 60,853.6 (-0.62 % since the alert, 0.31 % short of it)",
        ),
        (
            # Since when it is idle again is not when price turned back.
            episode(EpisodeState.IDLE, outcome=EpisodeState.HELD, since=DECIDED + 2400.0),
            "Held: price turned back to where it came from; "
            "furthest 60,853.6 (-0.62 % since the alert, 0.31 % short of it)",
        ),
        (
            episode(EpisodeState.FADED, outcome=EpisodeState.FADED, touched=True, furthest=60_600.0),
            "Faded: the range ended before price decided, 5 min after the alert (14:10 UTC); "
            "furthest 60,600 (-1.04 % since the alert)",
        ),
    ],
)
def test_message_tells_how_its_alert_turned_out(became: Episode, words: str) -> None:
    told = Told(near(), became)

    assert alert_message(told, Scene("UTC", DECIDED + 300.0)).plain.splitlines()[-2] == words
    assert outcome_message(told, Scene("UTC", DECIDED + 300.0)).plain.splitlines() == [
        "abcdefgh BTCUSDT: 0.93 % from a cluster of liquidated longs",
        words,
    ]


def test_an_episode_that_is_as_it_was_told_adds_nothing() -> None:
    told = Told(near(), episode(EpisodeState.NEAR))

    assert alert_message(told, Scene("UTC", DECIDED)) == alert_message(Told(near()), Scene("UTC", DECIDED))


def test_how_a_rules_alerts_ended_is_told_from_five_on() -> None:
    scene = Scene("UTC", DECIDED)

    five = alert_message(Told(near()), scene, record=TrackRecord(swept=2, held=2, faded=1))
    four = alert_message(Told(near()), scene, record=TrackRecord(swept=2, held=2))

    assert "How this rule's last 5 alerts ended: 2 held, 2 swept, 1 faded" in five.plain.splitlines()
    assert "alerts ended" not in four.plain


FLOW = FlowEvidence(
    BTC, PositionSide.LONG, 60.0, 4_200_000.0, 31, 0.82, 0.6, True, 61_000.0, 60_390.0, DECIDED - 50.0, DECIDED, 1e6, 12
)


def test_a_cascade_says_how_much_how_fast_how_far_and_what_the_feed_hides() -> None:
    rule = Rule(RuleKind.CASCADE, BTC, 0.0, 0.6)
    flow = replace(FLOW, at_least_usd=5_800_000.0)
    alert = Alert("abcdefgh", "cascade", DECIDED, "flow", rule=rule, flow=flow)

    assert plain(alert).splitlines() == [
        "BTCUSDT: 4.20M USD of longs liquidated in 60 s, price -1 %",
        "Liquidated: 4.20M USD in 31 liquidations, the largest 1.00M USD, last at 14:05 UTC",
        "Price: 61,000 to 60,390 (-1 %)",
        "Strength: 0.82, how unusual such a minute is for longs of BTCUSDT",
        "At least: in 12 of 60 s each second had a liquidation, and Binance shows at most one a second: "
        "an estimate is 5.80M USD or more",
        "Rule: BTCUSDT, cascade, strength at least 0.6",
        "More: /why abcdefgh",
    ]


def test_a_cascade_that_the_feed_shows_whole_says_so() -> None:
    alert = Alert("abcdefgh", "cascade", DECIDED, "flow", flow=replace(FLOW, saturated_s=0))

    assert "Binance shows at most one a second: that limit was not reached for long" in plain(alert).splitlines()


def test_numbers_with_a_decimal_comma() -> None:
    alert = Alert("abcdefgh", "cascade", DECIDED, "flow", flow=FLOW)

    text = alert_message(Told(alert), Scene("UTC", DECIDED, NumberStyle.COMMA)).plain

    assert text.splitlines()[1:3] == [
        "Liquidated: 4,20M USD in 31 liquidations, the largest 1,00M USD, last at 14:05 UTC",
        "Price: 61.000 to 60.390 (-1 %)",
    ]


def test_a_rule_is_told_with_the_numbers_it_has() -> None:
    near_one, grown = (Rule(kind, BTC, 0.855, 0.6555) for kind in (RuleKind.NEAR, RuleKind.GROWN))

    assert rule_words(near_one, NumberStyle.POINT) == "BTCUSDT within 0.855 %, strength at least 0.6555"
    assert rule_words(grown, NumberStyle.COMMA) == "BTCUSDT, a cluster within 0,855 % grows, strength at least 0,6555"


@pytest.mark.parametrize(
    ("min_usd", "words"), [(1e6, "1.00M USD"), (1_250_000.0, "1.25M USD"), (1_004_900.0, "1,004,900 USD")]
)
def test_the_amount_of_a_rule_is_not_rounded(min_usd: float, words: str) -> None:
    rule = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, min_usd)

    assert rule_words(rule, NumberStyle.POINT) == f"BTCUSDT, one liquidation of at least {words}"


def test_a_large_liquidation_says_where_and_when() -> None:
    one = Liquidation(BTC, PositionSide.SHORT, 61_234.5, 20.0, 1_224_690.0, DECIDED - 3.0, DECIDED)
    rule = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6)
    alert = Alert("abcdefgh", "large", DECIDED, "large", rule=rule, liquidation=one)

    assert plain(alert).splitlines() == [
        "BTCUSDT: a short of 1.22M USD liquidated",
        "Filled at 61,234.5, 14:04 UTC, on binance",
        "Amount: 1.22M USD, quantity 20",
        "Rule: BTCUSDT, one liquidation of at least 1.00M USD",
        "More: /why abcdefgh",
    ]


def test_growth_names_the_step_and_where_it_came_from() -> None:
    alert = replace(near(), kind="grown", step=0.75, strength_before=0.71)

    lines = plain(alert).splitlines()

    assert lines[0] == "BTCUSDT: the cluster of liquidated longs has grown past 0.75"
    assert "Grown: from 0.71 to 0.84" in lines


def test_how_another_alerts_episode_turned_out_is_not_said_of_this_one() -> None:
    scene = Scene("UTC", DECIDED + 600.0)
    another = replace(swept(), alert_id="another1")

    assert outcome_words(near(), swept(), scene) is not None
    assert outcome_words(near(), another, scene) is None
