"""/status: golden texts."""

from __future__ import annotations

from dataclasses import replace

from liqalert.core.market import FeedStatus
from liqalert.render.answers import View
from liqalert.render.numbers import NumberStyle
from liqalert.render.status import StatusFacts, status
from tests.bot_fakes import FACTS
from tests.golden_text import golden
from tests.round_market import ALIVE, BTC, DEAD, EMPTY, GAPS, NOW, cluster, mark, market, snapshot, zone
from tests.telegram_rules import parse_html


def test_everything_works() -> None:
    text = status(View(market(), (ALIVE,), NOW, "UTC"), replace(FACTS, outbox_waiting=0, outbox_oldest_at=None))

    assert text.plain == golden("answers/status.txt", text.plain)


def test_a_dead_feed_with_gaps_and_rejected_events() -> None:
    dead = replace(DEAD, reconnects=4, rejected=(("malformed", 3), ("off_market", 1)), gaps=GAPS)

    text = status(View(market(), (dead,), NOW, "UTC"), FACTS)

    assert text.plain == golden("answers/status_feed_dead.txt", text.plain)
    assert parse_html(text.html) == text.plain


def test_only_the_newest_gaps_are_listed() -> None:
    many = replace(ALIVE, gaps=(GAPS[0],) * 5)

    text = status(View(market(), (many,), NOW, "UTC"), FACTS).plain

    assert text.count("gap from") == 3
    assert "  and 2 earlier gaps\n" in text


def test_of_more_gaps_than_are_kept_the_least_is_said() -> None:
    many = replace(ALIVE, gaps=(GAPS[0],) * 20)

    assert "  and at least 17 earlier gaps\n" in status(View(market(), (many,), NOW, "UTC"), FACTS).plain


def test_one_of_each_is_singular_and_a_median_names_what_it_is_of() -> None:
    seen = snapshot(cluster(59_000.0, 59_500.0), zones=[zone(59_100.0, 59_400.0)], marks=[mark(BTC, 60_000.0)])

    text = status(View(seen, (replace(ALIVE, latency_frames=1, gaps=(GAPS[0],) * 4),), NOW, "UTC"), FACTS).plain

    assert "latency 0.12 s (median of 1 frame)" in text
    assert "  and 1 earlier gap\n" in text
    assert "1 instrument has a mark\n1 cluster of 1 instrument, 1 zone, as of" in text


def test_numbers_with_a_decimal_comma() -> None:
    feed = replace(ALIVE, latency_frames=1200, rejected=(("off_market", 12_345),))

    text = status(View(market(), (feed,), NOW, "UTC", NumberStyle.COMMA), replace(FACTS, outbox_waiting=1_234)).plain

    assert "latency 0,12 s (median of 1.200 frames)" in text
    assert "rejected since start: off_market 12.345" in text
    assert "Outbox: 1.234 waiting" in text


def test_a_latency_that_rounds_to_nothing_has_no_sign() -> None:
    feed = replace(ALIVE, latency_s=-0.003)

    assert "latency 0.00 s" in status(View(market(), (feed,), NOW, "UTC"), FACTS).plain


def test_before_anything_has_arrived() -> None:
    facts = StatusFacts("0.1.0", NOW, "unwritable: disk full", 0, problems=("Telegram refuses the bot token.",))

    text = status(View(EMPTY, (FeedStatus("binance", False, NOW),), NOW, "UTC"), facts)

    assert text.plain == golden("answers/status_start.txt", text.plain)
