"""/alerts, /why, /rules: golden texts and how each outcome reads."""

from __future__ import annotations

import pytest

from liqalert.core.alerts import Alert, FlowEvidence
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.outcomes import Members
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import NO_PREFERENCES, AlertRow, Attempt, DeliveryRow, DeliveryStatus, Mute, Subscription
from liqalert.render.alerts import alerts, outcome, rules
from liqalert.render.answers import View
from liqalert.render.numbers import NumberStyle
from liqalert.render.why import reason, why
from tests.changing import replace
from tests.golden_text import golden
from tests.round_market import ADDRESS, ALIVE, BTC, HOUR, MINUTE, NOW, PEPE, RULE, alert_row, evidence, market
from tests.telegram_rules import parse_html

VIEW = View(market(), (ALIVE,), NOW, "UTC")
HERE = str(ADDRESS)


def test_the_last_alerts_with_their_outcome() -> None:
    late = replace(alert_row(outcome=None), deliveries=(DeliveryRow("telegram", HERE, DeliveryStatus.LATE, 9, NOW),))

    text = alerts(VIEW, [alert_row(), late], address=HERE)

    assert text.plain == golden("answers/alerts.txt", text.plain)
    assert parse_html(text.html) == text.plain


def test_no_alert_yet() -> None:
    assert alerts(VIEW, [], address=HERE).plain == (
        "No alert has been decided for this chat yet. /rules shows what this chat is told about."
    )


def test_why_shows_thresholds_beside_observed_values_and_every_step() -> None:
    text = why(VIEW, alert_row(), address=HERE, addresses_shown=True)

    assert text.plain == golden("answers/why.txt", text.plain)
    assert parse_html(text.html) == text.plain


def test_why_asks_for_the_numbers_that_the_rule_has() -> None:
    rule = Rule(RuleKind.NEAR, BTC, 0.855, 0.655)
    seen = evidence(distance_pct=0.8541, rule_distance_pct=0.855, min_strength=0.655)
    row = replace(alert_row(), alert=replace(alert_row().alert, rule=rule, evidence=seen))

    text = why(VIEW, row, address=HERE, addresses_shown=True).plain

    assert "Rule: BTCUSDT within 0.855 %, strength at least 0.655\n" in text
    assert "0.85 % from the zone; the rule asks for at most 0.855 % (re-arms" in text
    assert "; the rule asks for at least 0.655 of the zone\n" in text


def test_why_keeps_other_chats_addresses_from_who_is_not_the_owner() -> None:
    text = why(VIEW, alert_row(), address=HERE, addresses_shown=False).plain

    assert "telegram, this chat: sent" in text
    assert "telegram, another chat: late" in text
    assert "42:" not in text


def test_why_of_ten_thousand_chats_names_the_asking_one_and_counts_the_most() -> None:
    row = alert_row()
    crowd = tuple(DeliveryRow("telegram", str(number), DeliveryStatus.SENT, 1, NOW) for number in range(10_000))

    text = why(VIEW, replace(row, deliveries=(*crowd, *row.deliveries)), address=HERE, addresses_shown=True).plain

    assert len(text) < 4096
    assert text.splitlines().index("Deliveries") + 1 == next(
        position for position, words in enumerate(text.splitlines()) if "telegram, this chat: sent" in words
    )
    assert text.splitlines()[-1] == "• 9,982 more chats: 9,981 sent, 1 late (not sent in time)"


def test_why_counts_those_that_were_not_read() -> None:
    row = replace(alert_row(), more={DeliveryStatus.SENT: 19_900})

    text = why(VIEW, row, address=HERE, addresses_shown=True).plain

    assert text.splitlines()[-1] == "• 19,900 more chats: 19,900 sent"


def test_why_shows_every_attempt_of_a_quarter_of_an_hour() -> None:
    """So long an alert is tried: after 1, 2, 4, 8, 15 and then every 30 s."""
    row, tries = alert_row(), tuple(Attempt(NOW + number, f"error {number}") for number in range(36))
    tried = replace(row.deliveries[0], attempts=36, history=tries)

    text = why(VIEW, replace(row, deliveries=(tried,)), address=HERE, addresses_shown=True).plain

    assert all(f": error {number}\n" in f"{text}\n" for number in range(36))


def test_why_of_a_kind_without_a_distance_invents_none() -> None:
    row = alert_row()
    formed = replace(row.alert, kind="formed", evidence=evidence(rule_distance_pct=0.0, rearm_pct=0.0))

    text = why(VIEW, replace(row, alert=formed), address=HERE, addresses_shown=False).plain

    assert "Distance" not in text
    assert "Strength: zone" in text


def test_why_says_what_happened_unwatched() -> None:
    row = alert_row()
    unwatched = replace(row, alert=replace(row.alert, evidence=evidence(unwatched_s=12 * MINUTE)))

    text = why(VIEW, unwatched, address=HERE, addresses_shown=False).plain

    assert "Feed: no mark of this instrument for 12 min before; it happened unwatched" in text


def test_why_of_a_cascade_shows_its_flow_and_the_liquidations_it_rests_on() -> None:
    flow = FlowEvidence(
        instrument=BTC,
        liquidated=PositionSide.LONG,
        window_s=60.0,
        notional_usd=4_200_000.0,
        count=31,
        strength=0.82,
        min_strength=0.6,
        calibrated=True,
        price_from=61_000.0,
        price_to=60_390.0,
        first_at=NOW - HOUR - 50.0,
        last_at=NOW - HOUR,
        largest_usd=1e6,
        saturated_s=12,
        at_least_usd=5_800_000.0,
    )
    first, last, largest = (
        Liquidation(BTC, PositionSide.LONG, price, usd / price, usd, at, at)
        for price, usd, at in (
            (61_000.0, 20_000.0, NOW - 3 * HOUR),
            (60_390.0, 30_000.0, NOW - HOUR),
            (60_500.0, 1e6, NOW - 2 * HOUR),
        )
    )
    members = Members(31, 4_300_000.0, first, last, largest)
    cascade = Alert("ab12cd34", "cascade", NOW - HOUR, "flow_unusual_for_this_side", rule=RULE, flow=flow)

    lines = why(VIEW, AlertRow(cascade, None, (), members=members), address=HERE, addresses_shown=True).plain.split(
        "\n"
    )

    start = next(number for number, line in enumerate(lines) if line.startswith("Flow: "))
    assert lines[start : start + 7] == [
        "Flow: 4.20M USD in 31 liquidations in 60 s, strength 0.82; the rule asks for at least 0.6",
        "  price 61,000 to 60,390 (-1 %), 12 of 60 s saturated (a report every second, which is all that is shown)",
        "  at least 5.80M USD, with what was left out in seconds with a report estimated; not in strength",
        "What it rests on: 31 liquidations in the journal, 4.30M USD unweighted, on binance",
        "• first: 11:05 UTC (3 h ago), 20.0k USD at 61,000",
        "• last: 13:05 UTC (60 min ago), 30.0k USD at 60,390",
        "• largest: 12:05 UTC (2 h ago), 1.00M USD at 60,500",
    ]


def test_why_of_a_notice_shows_its_sentence() -> None:
    notice = Alert("ab", "notice", NOW - HOUR, "feed_not_alive", text="binance refuses <this> address.")

    text = why(VIEW, AlertRow(notice, None, ()), address=HERE, addresses_shown=True)

    assert text.plain == golden("answers/why_notice.txt", text.plain)
    assert parse_html(text.html) == text.plain


@pytest.mark.parametrize(
    ("state", "touched", "furthest", "said"),
    [
        (EpisodeState.SWEPT, True, 59_500.0, "swept: the mark passed through"),
        (EpisodeState.HELD, True, 59_200.0, "held: the mark turned back after touching the zone"),
        (EpisodeState.HELD, False, 59_029.2, "held: the mark turned back before the zone, nearest 0.12 %"),
        (EpisodeState.FADED, False, 59_029.2, "faded: the zone ended first, nearest 0.12 %"),
        (EpisodeState.TOUCHED, True, 59_200.0, "touched: still open"),
        (EpisodeState.NEAR, False, 59_029.2, "still open, nearest 0.12 %"),
    ],
)
def test_each_outcome_in_words(state: EpisodeState, touched: bool, furthest: float, said: str) -> None:
    row = alert_row(outcome=None)
    assert row.episode is not None
    episode = replace(row.episode, state=state, touched=touched, furthest=furthest)

    assert outcome(episode, row.alert.zone, NumberStyle.POINT) == said


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (EpisodeState.SWEPT, "swept: the mark passed through a stronger zone in its place, nearest 0.12 %"),
        (EpisodeState.HELD, "held: the mark turned back after touching a stronger zone in its place, nearest 0.12 %"),
        (EpisodeState.TOUCHED, "touched: still open, in a stronger zone in its place, nearest 0.12 %"),
    ],
)
def test_what_befell_a_stronger_zone_is_not_said_of_one_that_was_never_reached(state: EpisodeState, said: str) -> None:
    row = alert_row(outcome=None)
    assert row.episode is not None

    assert outcome(replace(row.episode, state=state, touched=True), row.alert.zone, NumberStyle.POINT) == said


def test_the_outcome_outlives_the_cooling_that_follows() -> None:
    episode = alert_row(outcome=EpisodeState.HELD).episode
    assert episode is not None

    assert outcome(replace(episode, state=EpisodeState.COOLING), None, NumberStyle.POINT).startswith("held")


def test_a_reason_keeps_its_name() -> None:
    assert reason("mark_inside_band") == "the mark was inside the zone (mark_inside_band)"
    assert reason("of_a_later_version") == "of_a_later_version"


def test_rules_one_per_line_and_which_are_defaults() -> None:
    held = (
        Subscription(Rule(RuleKind.NEAR, None, 1.0, 0.9), from_default=False),
        Subscription(RULE, from_default=True),
        Subscription(Rule(RuleKind.NEAR, PEPE, 0.75, 0.65), from_default=False),
    )

    text = rules(VIEW, held, (Mute(PEPE, NOW + HOUR),), NO_PREFERENCES)

    assert text.plain == golden("answers/rules.txt", text.plain)


def test_without_a_rule_nothing_is_told_and_an_example_shown() -> None:
    assert "/watch BTC 1% 0.6" in rules(VIEW, (), (), NO_PREFERENCES).plain


def test_a_strength_that_is_a_guess_is_marked_in_why_too() -> None:
    row = alert_row()
    assert row.alert.zone is not None
    guessed = replace(row.alert.zone.baseline, calibrated=False)
    alert = replace(row.alert, zone=replace(row.alert.zone, baseline=guessed))

    text = why(VIEW, replace(row, alert=alert), address=HERE, addresses_shown=True).plain

    assert "Strength: zone 0.91?, live at that moment 0.10?;" in text


def test_an_episode_that_nobody_has_followed_is_said_to_be_unknown() -> None:
    assert outcome(None, None, NumberStyle.POINT) == "unknown: it was not watched to its end"
