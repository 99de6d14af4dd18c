from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import PositionSide
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside
from liqalert.render.text import Missed, Text, alert_message, late_message, split
from tests.fakes import near_alert
from tests.telegram_rules import parse_html

DECIDED = 1_795_442_700.0
"""2026-11-23 14:05 UTC."""


def near(**changes: object) -> Alert:
    """An alert whose evidence has `changes`."""
    alert = near_alert("abcdefgh", DECIDED)
    assert alert.evidence is not None
    return replace(alert, evidence=replace(alert.evidence, **changes))


def plain(alert: Alert, now: float = DECIDED, *, recorded: bool = True) -> str:
    return alert_message(alert, zone_name="UTC", now=now, recorded=recorded).plain


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
    text = alert_message(near(), zone_name="UTC", now=DECIDED)

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


def test_uncalibrated_strength_is_marked_in_both_places() -> None:
    alert = near()
    assert alert.zone is not None
    uncalibrated = replace(alert.zone, baseline=Baseline(11.0, 1.2, False, "2026-11-23"))

    assert "Strength: 0.84? at 09:05 UTC (5 h ago), now 0.10?" in plain(replace(alert, zone=uncalibrated))


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
        Missed(near_alert("later", DECIDED + 60.0), None),
        Missed(near_alert("first", DECIDED), EpisodeState.SWEPT),
        Missed(near_alert("note", DECIDED - 60.0, text="the clock is off"), None),
    ]

    [listing] = late_message(missed, zone_name="UTC", now=DECIDED + 86_400.0)

    assert listing.plain.splitlines() == [
        "Missed while this chat could not be reached: 3 alerts",
        "23 Nov 14:04 UTC, the clock is off (/why note)",
        "23 Nov 14:05 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: swept"
        " (/why first)",
        "23 Nov 14:06 UTC, BTCUSDT: 0.93 % from a cluster of liquidated longs, 60,100 to 60,665, outcome: still open"
        " (/why later)",
    ]


def test_long_list_is_split_at_line_ends_and_loses_nothing() -> None:
    missed = [Missed(near_alert(f"alert{n:03}", DECIDED + n), None) for n in range(100)]

    parts = late_message(missed, zone_name="UTC", now=DECIDED)

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

    texts = [alert_message(alert, zone_name="UTC", now=DECIDED, recorded=recorded) for alert in alerts]
    texts += late_message([Missed(alert, None) for alert in alerts], zone_name="UTC", now=DECIDED)

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
