from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from liqalert.core.alerts import Alert, FlowEvidence
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside
from liqalert.render.buttons import alert_buttons
from liqalert.render.callbacks import Press, callback_data, press_of
from liqalert.render.lists import digest_message, held_message, late_message
from liqalert.render.messages import alert_message, outcome_message
from liqalert.render.numbers import NumberStyle
from liqalert.render.scene import Scene
from liqalert.render.text import Text, split
from tests.changing import replace
from tests.fakes import near_alert
from tests.telegram_rules import parse_html

BTC = Instrument("binance", "BTCUSDT")
DECIDED = 1_795_442_700.0
"""2026-11-23 14:05 UTC."""


def near(**changes: object) -> Alert:
    """An alert whose evidence has `changes`."""
    alert = near_alert("abcdefgh", DECIDED)
    assert alert.evidence is not None
    return replace(alert, evidence=structs.replace(alert.evidence, **changes))


def episode(state: EpisodeState, **changes: object) -> Episode:
    """The episode of `near_alert("abcdefgh")`, five minutes after it."""
    alert = near()
    assert alert.rule is not None
    entered = Episode("e", alert.rule, "z", state, DECIDED + 300.0, "abcdefgh", furthest=60_853.6)
    return replace(entered, **changes)


def swept() -> Episode:
    return episode(EpisodeState.SWEPT, outcome=EpisodeState.SWEPT)


def plain(alert: Alert, now: float = DECIDED, *, recorded: bool = True) -> str:
    return alert_message(Told(alert), Scene("UTC", now), recorded=recorded).plain


def test_alert_says_what_happened_where_how_big_how_old_how_far_and_why() -> None:
    assert plain(near()).splitlines() == [
        "BTCUSDT: 0.93 % from a cluster of liquidated longs",
        "Mark: 61,234.5 at 14:05 UTC",
        "Cluster: 60,100 to 60,665, realised, 0.93 % below the mark",
        "Strength: 0.84 at 09:05 UTC (5 h ago), now 0.10",
        "Liquidated: 1.24M USD (time-weighted) in 47 liquidations",
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


def test_list_of_missed_alerts_is_oldest_first_with_time_level_and_outcome() -> None:
    missed = [
        Told(near_alert("later", DECIDED + 60.0)),
        Told(near_alert("first", DECIDED), swept()),
        Told(near_alert("note", DECIDED - 60.0, text="the clock is off")),
    ]

    [listing] = late_message(missed, Scene("UTC", DECIDED + 86_400.0))

    assert listing.plain.splitlines() == [
        "Missed while this chat could not be reached: 3 alerts",
        "23 Nov 14:04 UTC, the clock is off (/why note)",
        "23 Nov 14:05 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: swept"
        " (/why first)",
        "23 Nov 14:06 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: still open"
        " (/why later)",
    ]


def test_a_zone_made_anew_is_not_called_open_in_a_list() -> None:
    [listing] = held_message([Told(near(), episode(EpisodeState.IDLE))], Scene("UTC", DECIDED))

    assert listing.plain.endswith(", outcome: grown (/why abcdefgh)")


def test_long_list_is_split_at_line_ends_and_loses_nothing() -> None:
    missed = [Told(near_alert(f"alert{n:03}", DECIDED + n)) for n in range(100)]

    parts = late_message(missed, Scene("UTC", DECIDED))

    assert len(parts) > 1
    assert all(len(part.html) <= 4096 for part in parts)
    lines = "\n".join(part.plain for part in parts).splitlines()
    assert [line[-9:-1] for line in lines[1:]] == [f"alert{n:03}" for n in range(100)]


def test_split_fills_parts_to_the_last_character() -> None:
    text = Text("aaaa\nbbbb\ncccc", "aaaa\nbbbb\ncccc")

    assert [part.plain for part in split(text, 9)] == ["aaaa\nbbbb", "cccc"]
    assert [part.plain for part in split(text, 8)] == ["aaaa", "bbbb", "cccc"]


def test_line_that_is_too_long_is_cut_without_tearing_an_entity_or_a_tag() -> None:
    text = Text("<b>1234567&amp;9</b>", "1234567&9")

    assert [part.html for part in split(text, 10)] == ["1234567…"]


@given(st.text(max_size=3000), st.text(max_size=3000), st.booleans())
def test_telegram_takes_any_symbol_and_any_sentence(symbol: str, sentence: str, recorded: bool) -> None:
    alerts = [
        near_alert(symbol[:20] or "x", DECIDED, symbol=symbol),
        near_alert("abcdefgh", DECIDED, text=sentence or "x"),
        Alert("abcdefgh", "test", DECIDED, "test", text=sentence),
    ]

    texts = [alert_message(Told(alert), Scene("UTC", DECIDED), recorded=recorded) for alert in alerts]
    texts += late_message([Told(alert) for alert in alerts], Scene("UTC", DECIDED))

    for text in texts:
        assert parse_html(text.html) == text.plain
        assert len(text.html.encode("utf-16-le")) // 2 <= 4096


@given(st.lists(st.text(alphabet="ab<>&;\U0001f600", max_size=30), max_size=8), st.integers(8, 60))
def test_split_never_makes_what_telegram_refuses(lines: list[str], limit: int) -> None:
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]
    text = Text("\n".join(f"<b>{line}</b>" for line in escaped), "\n".join(lines))

    for part in split(text, limit):
        parse_html(part.html)
        assert len(part.html.encode("utf-16-le")) // 2 <= limit


# ---------------------------------------------------------------- outcomes and track record


@pytest.mark.parametrize(
    ("became", "words"),
    [
        (
            episode(EpisodeState.TOUCHED, touched=True, furthest=60_600.0),
            "Touched: price came into the range, 5 min after the alert (14:10 UTC); "
            "furthest 60,600 (-1.04 % since the alert)",
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


# ---------------------------------------------------------------- other kinds


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


# ---------------------------------------------------------------- digests


def storm(count: int) -> list[Told]:
    """Alerts of as many instruments, each a little weaker than the one before."""
    found = []
    for number in range(count):
        alert = near_alert(f"alert{number:03}", DECIDED + number / 100)
        assert alert.zone is not None
        zone = replace(alert.zone, instrument=Instrument("binance", f"COIN{number}USDT"), strength=0.99 - number / 1e4)
        found.append(Told(replace(alert, zone=zone)))
    return found


def test_a_small_digest_says_of_each_what_an_alert_says() -> None:
    [text] = digest_message(storm(2), Scene("UTC", DECIDED))

    assert text.plain.splitlines() == [
        "2 alerts at once, strongest first (14:05 UTC)",
        "• COIN0USDT: 0.93 % from a cluster of liquidated longs, strength 0.99 (/why alert000)",
        "• COIN1USDT: 0.93 % from a cluster of liquidated longs, strength 0.99 (/why alert001)",
    ]


def test_of_single_liquidations_the_largest_comes_first() -> None:
    rule = Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6)
    ones = [Liquidation(BTC, PositionSide.SHORT, 1.0, usd, usd, DECIDED, DECIDED) for usd in (1e6, 3e6, 2e6)]
    large = [Alert(f"large{one.quantity:.0f}", "large", DECIDED, "large", rule=rule, liquidation=one) for one in ones]

    [text] = digest_message([*map(Told, large), *storm(1)], Scene("UTC", DECIDED))

    assert re.findall(r"/why (\w+)", text.plain) == ["alert000", "large3000000", "large2000000", "large1000000"]


def test_a_single_liquidation_has_no_strength_and_comes_last_in_a_digest() -> None:
    one = Liquidation(BTC, PositionSide.SHORT, 61_234.5, 20.0, 1_224_690.0, DECIDED, DECIDED)
    large = Told(Alert("large", "large", DECIDED, "large", liquidation=one))

    [digest] = digest_message([large, Told(near())], Scene("UTC", DECIDED))

    assert digest.plain.splitlines()[-1] == "• BTCUSDT: a short of 1.22M USD liquidated (/why large)"


def test_one_alert_alone_did_not_come_at_once_with_others() -> None:
    [text] = digest_message(storm(1), Scene("UTC", DECIDED))

    assert text.plain.splitlines()[0] == "1 alert (14:05 UTC)"


def test_a_storm_of_minutes_says_when_it_began_and_when_it_ended() -> None:
    first, last = storm(2)
    [text] = digest_message(
        [first, replace(last, alert=replace(last.alert, decided_at=DECIDED + 60.0))], Scene("UTC", DECIDED + 61.0)
    )

    assert text.plain.splitlines()[0] == "2 alerts at once, strongest first (14:05 UTC to 14:06 UTC)"


@pytest.mark.parametrize("count", [5, 60, 150, 300])
def test_a_digest_names_every_alert_in_at_most_two_messages(count: int) -> None:
    parts = digest_message(list(reversed(storm(count))), Scene("UTC", DECIDED))

    assert len(parts) <= 2
    assert all(len(part.html) <= 4096 for part in parts)
    whole = "\n".join(part.plain for part in parts)
    places = [whole.find(f"COIN{number}USDT ") + whole.find(f"COIN{number}USDT:") for number in range(count)]
    assert min(places) > -2
    assert whole.startswith(f"{count} alerts at once")


def test_a_digest_of_two_kinds_on_every_symbol_names_each_symbol_once_with_both() -> None:
    near_ones = storm(300)
    cascades = [replace(told, alert=replace(told.alert, kind="cascade")) for told in near_ones]

    parts = digest_message([*near_ones, *cascades], Scene("UTC", DECIDED))

    assert len(parts) <= 2
    whole = "\n".join(part.plain for part in parts)
    assert whole.startswith("600 alerts at once")
    assert "\nlong cascade and near: COIN" in whole
    assert sorted(re.findall(r"COIN\d+USDT", whole)) == sorted(f"COIN{number}USDT" for number in range(300))


def test_a_digest_that_cannot_hold_all_says_how_many_are_left() -> None:
    parts = digest_message(storm(2000), Scene("UTC", DECIDED))

    named = sum(part.plain.count("COIN") for part in parts)
    assert len(parts) <= 2
    assert f"and {2000 - named} more, weaker than these: /alerts 200 lists the last 200" in parts[-1].plain


def test_what_waited_for_the_end_of_quiet_hours_is_listed() -> None:
    [text] = held_message([Told(near_alert("first", DECIDED), swept())], Scene("UTC", DECIDED + 3600.0))

    assert text.plain.splitlines()[0] == "While it was quiet here: 1 alert"


def test_buttons_are_for_what_happened_in_the_market() -> None:
    rows = alert_buttons(near())

    assert [[label for label, _ in row] for row in rows] == [["Mute 1 h", "Ack"], ["Chart", "Why"]]
    assert next(press_of(data) for row in rows for _, data in row) == Press("mute", ("abcdefgh",))
    assert alert_buttons(Alert("n", "notice", DECIDED, "r", text="x")) == ()


@pytest.mark.parametrize("data", ["", "2:mute:a", "mute", "1:", "1", "x" * 70, "1:" + "é" * 40])
def test_callback_data_of_others_means_nothing(data: str) -> None:
    assert press_of(data) is None


def test_callback_data_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 bytes"):
        callback_data("mute", "x" * 60)
