"""/clusters: golden texts, and what may never be missing from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from msgspec import structs

from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Gap, Instrument, Stream
from liqalert.render.answers import View, clusters_of, clusters_overview
from liqalert.render.numbers import NumberStyle
from tests.golden_text import golden
from tests.round_market import (
    ALIVE,
    BTC,
    CHINESE,
    DEAD,
    EMPTY,
    ETH,
    GUESSED,
    HOUR,
    MINUTE,
    NOW,
    PEPE,
    SOL,
    cluster,
    mark,
    market,
    snapshot,
    zone,
)
from tests.telegram_rules import parse_html


def view(seen: Snapshot, feeds: Sequence[FeedStatus] = (ALIVE,), zone_name: str = "UTC") -> View:
    return View(seen, tuple(feeds), NOW, zone_name)


def btc(seen: Snapshot, feeds: Sequence[FeedStatus] = (ALIVE,)) -> str:
    return clusters_of(view(seen, feeds), BTC).plain


@pytest.mark.parametrize(
    ("name", "seen", "feeds", "instrument"),
    [
        ("clusters_btc", market(), (ALIVE,), BTC),
        ("clusters_btc_feed_dead", market(), (DEAD,), BTC),
        ("clusters_quiet", market(), (ALIVE,), SOL),
        ("clusters_quiet_feed_dead", market(), (DEAD,), SOL),
        ("clusters_nothing_yet", EMPTY, (), BTC),
        ("clusters_non_ascii", market(), (ALIVE,), CHINESE),
    ],
)
def test_answer_for_one_symbol(name: str, seen: Snapshot, feeds: Sequence[FeedStatus], instrument: Instrument) -> None:
    text = clusters_of(view(seen, feeds), instrument)

    assert text.plain == golden(f"answers/{name}.txt", text.plain)
    assert text.html == golden(f"answers/{name}.html", text.html)


def test_answer_without_symbol_names_the_watched_first_then_counts_the_others() -> None:
    text = clusters_overview(view(market()), (BTC, ETH), strong=0.6)

    assert text.plain == golden("answers/clusters_overview.txt", text.plain)


def test_times_are_in_the_reader_s_zone_and_name_it() -> None:
    text = clusters_of(view(market(), zone_name="Europe/Berlin"), BTC)

    assert "0.91 at its peak 10:05 CET (5 h ago)" in text.plain


def test_nearest_comes_first_on_either_side_of_the_mark() -> None:
    text = btc(
        snapshot(
            cluster(50_000.0, 51_000.0),
            cluster(63_000.0, 63_100.0),
            cluster(59_000.0, 59_900.0),
            marks=[mark(BTC, 6e4)],
        )
    )

    assert text.index("59,000") < text.index("63,000") < text.index("50,000")


def test_at_most_eight_and_how_many_more() -> None:
    clusters = [cluster(60_000.0 + 1000.0 * step, 60_100.0 + 1000.0 * step) for step in range(11)]

    text = btc(snapshot(*clusters, marks=[mark(BTC, 60_000.0)]))

    assert text.count("•") == 8
    assert "and 3 more of strength 0.2 or more, further away." in text


def test_weak_clusters_are_left_out() -> None:
    text = btc(snapshot(cluster(59_000.0, 59_500.0, usd=50_000.0), marks=[mark(BTC, 60_000.0)]))

    assert "•" not in text
    assert "No cluster of strength 0.2 or more." in text


def test_the_peak_of_another_position_side_is_not_borrowed() -> None:
    """The zone is one of longs; the cluster at the same prices is one of shorts."""
    shorts = structs.replace(cluster(59_000.0, 59_500.0), liquidated="short")

    text = btc(snapshot(shorts, zones=[zone(59_100.0, 59_400.0)], marks=[mark(BTC, 60_000.0)]))

    assert "strength 0.76 now\n" in text
    assert "Also 1 remembered zone whose liquidations have decayed" in text


def test_values_are_those_of_now_and_not_of_the_last_change() -> None:
    old = structs.replace(cluster(59_000.0, 59_500.0), as_of=NOW - HOUR)

    text = btc(snapshot(old, marks=[mark(BTC, 60_000.0)]))

    assert "1.84M USD in 42 liquidations" in text


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (NOW - 12 * MINUTE, "watching since 12 min"),
        (NOW - 59 * MINUTE, "watching since 59 min"),
        (None, "nothing has been watched yet"),
    ],
)
def test_a_window_not_yet_full_is_said(since: float | None, said: str) -> None:
    assert said in btc(replace(market(), watching_since=since))


def test_a_full_window_needs_no_word() -> None:
    assert "watching" not in btc(replace(market(), watching_since=NOW - 60 * MINUTE))


def test_an_old_snapshot_is_called_late() -> None:
    assert "as of 2 min ago; liqalert is late" in btc(replace(market(), as_of=NOW - 2 * MINUTE))


@pytest.mark.parametrize("seen", [market(), EMPTY])
@pytest.mark.parametrize("feeds", [(DEAD,), ()])
def test_no_answer_looks_like_a_quiet_market_when_the_feed_is_not_alive(
    seen: Snapshot, feeds: tuple[FeedStatus, ...]
) -> None:
    for text in (btc(seen, feeds), clusters_overview(view(seen, feeds), (BTC, ETH), strong=0.6).plain):
        assert "alive" in text.splitlines()[0]
        assert "No cluster of strength" not in text


def test_hostile_symbols_and_sentences_stay_text() -> None:
    evil = Instrument("binance", '<b>"&EVIL')
    dead = replace(DEAD, problem="<a href='x'>tap</a> & go")
    seen = snapshot(cluster(1.0, 2.0, instrument=evil), marks=[mark(evil, 3.0)])

    text = clusters_of(view(seen, (dead,)), evil)

    assert parse_html(text.html) == text.plain
    assert '<b>"&EVIL: mark 3' in text.plain


def test_a_question_mark_is_explained_where_it_stands_and_nowhere_else() -> None:
    assert "?: open interest unknown" in btc(market())
    assert "open interest" not in clusters_of(view(market()), SOL).plain


def test_a_guess_is_marked_as_one_where_others_are_named_too() -> None:
    guessed = cluster(0.011, 0.0112, instrument=PEPE, usd=9_000_000.0, baseline=GUESSED)

    text = clusters_overview(view(snapshot(guessed)), (BTC,), strong=0.6).plain

    assert "a cluster of strength 0.6 or more: 1000PEPEUSDT 0.82?\n" in text
    assert "?: open interest unknown" in text


def test_a_guess_of_a_zone_alone_is_explained() -> None:
    guessed = structs.replace(zone(57_000.0, 57_500.0), baseline=GUESSED)

    text = btc(snapshot(zones=[guessed]))

    assert "strength 0.91? at its peak" in text
    assert "?: open interest unknown" in text


def test_the_nearest_is_the_one_with_the_nearest_edge() -> None:
    """The narrow one reaches less far, and begins further away."""
    wide, narrow = cluster(60_300.0, 61_400.0), cluster(60_500.0, 60_600.0)

    text = btc(snapshot(narrow, wide, marks=[mark(BTC, 60_000.0)]))

    assert text.index("60,300 to 61,400: 0.5 % above") < text.index("60,500 to 60,600: 0.83 % above")


def test_a_decimal_comma_is_one_in_every_strength() -> None:
    text = clusters_overview(replace(view(snapshot()), numbers=NumberStyle.COMMA), (BTC,), strong=0.6).plain

    assert "No cluster of strength 0,2 or more." in text
    assert "No other instrument has a cluster of strength 0,6 or more." in text


def test_nothing_promises_a_direction() -> None:
    text = clusters_overview(view(market(), (DEAD,)), (BTC, ETH), strong=0.6).plain.lower()

    assert not {"support", "resistance", "magnet", "reversal", "bounce", "buy", "sell", "should"} & set(text.split())


def test_gaps_of_the_last_hours_stand_above_the_clusters() -> None:
    gaps = (
        Gap("binance", NOW - 4 * HOUR, NOW - 3.5 * HOUR, "too old to matter"),
        Gap("binance", NOW - 2 * HOUR, NOW - 1.9 * HOUR, "the connection broke"),
        Gap("binance", NOW - HOUR, NOW - HOUR + 60.0, "no mark for 5 s"),
    )

    text = btc(market(), (replace(ALIVE, gaps=gaps),))

    assert (
        "Not seen on binance in the last 3 h: 7 min in 2 gaps, the newest until 13:06 UTC (59 min ago) "
        "(no mark for 5 s)."
    ) in text.splitlines()


def test_what_two_gaps_have_in_common_is_not_seen_once() -> None:
    mute = Gap("binance", NOW - 4 * HOUR, NOW - HOUR, "none came", Stream.LIQUIDATIONS)
    lost = Gap("binance", NOW - 2 * HOUR, NOW - 1.5 * HOUR, "the connection broke")

    text = btc(market(), (replace(ALIVE, gaps=(lost, mute)),))

    assert "in the last 3 h: 2 h in 1 gap until 13:05 UTC (60 min ago) (none came)." in text


def test_of_more_gaps_than_are_kept_the_least_is_said() -> None:
    gaps = tuple(Gap("binance", NOW - at, NOW - at + 6.0, "no mark for 5 s") for at in range(400, 0, -20))

    assert "in the last 3 h: at least 2 min in 20 gaps" in btc(market(), (replace(ALIVE, gaps=gaps),))
    assert "in the last 3 h: 2 min in 19 gaps" in btc(market(), (replace(ALIVE, gaps=gaps[1:]),))


def test_a_gap_of_a_moment_is_not_worth_a_line() -> None:
    gap = Gap("binance", NOW - HOUR, NOW - HOUR + 3.0, "the connection broke")

    assert "Not seen" not in btc(market(), (replace(ALIVE, gaps=(gap,)),))


def test_a_mute_stream_is_said_above_the_clusters() -> None:
    text = btc(market(), (replace(ALIVE, mute_since=NOW - HOUR),))

    assert "No liquidation of any instrument since 13:05 UTC (60 min ago): the stream may be mute." in text
