"""The daily summary: when it is due, and what it says."""

from __future__ import annotations

from liqalert.app.summary import DailySummary, summary_text
from liqalert.core.gaps import Watch, watch_of
from liqalert.core.market import FeedStatus, Gap, Stream

MIDNIGHT = 1_795_392_000.0
"""2026-11-23 00:00 UTC."""
HOUR = 3600.0


def due_hours(summary: DailySummary, first: float, hours: int) -> list[float]:
    return [
        first + quarter / 4.0 for quarter in range(hours * 4) if summary.due(MIDNIGHT + (first + quarter / 4.0) * HOUR)
    ]


def test_it_is_due_once_a_day_at_its_hour_in_the_time_zone() -> None:
    assert due_hours(DailySummary("08:00", "Europe/Berlin"), 0, 72) == [7.0, 31.0, 55.0]


def test_a_start_after_the_hour_waits_for_the_next_day() -> None:
    assert due_hours(DailySummary("08:00", "UTC"), 12, 36) == [32.0]


def test_without_an_hour_there_is_none() -> None:
    assert due_hours(DailySummary(None, "UTC"), 0, 48) == []


def test_it_says_what_was_seen_told_and_is_wrong() -> None:
    gaps = (
        Gap("binance", MIDNIGHT - 30 * HOUR, MIDNIGHT - 29 * HOUR, "before"),
        Gap("binance", MIDNIGHT - 3 * HOUR, MIDNIGHT - 1.8 * HOUR, "closed"),
    )
    feed = FeedStatus("binance", True, MIDNIGHT)

    text = summary_text(
        [(feed, watch_of(MIDNIGHT - 50 * HOUR, gaps, feed))],
        MIDNIGHT,
        started_at=MIDNIGHT - 50 * HOUR,
        alerts=1,
        waiting=2,
        problems=["the disk is full."],
    )

    assert text == (
        "liqalert is up for 2 d; 1 alert in the last 24 h, 2 waiting to be sent. "
        "Binance is being watched: 95 % of the last 24 h seen, 1 gap, 72 min unseen. Problem: the disk is full."
    )


def said_of(feed: FeedStatus, watch: Watch | None) -> str:
    text = summary_text([(feed, watch)], MIDNIGHT, started_at=MIDNIGHT - HOUR, alerts=0, waiting=0, problems=[])
    return text.partition("sent. ")[2]


def test_before_a_day_is_over_the_share_is_of_the_time_since_watching_began() -> None:
    feed = FeedStatus("binance", True, MIDNIGHT - HOUR)
    gap = Gap("binance", MIDNIGHT - 0.5 * HOUR, MIDNIGHT - 0.25 * HOUR, "closed")

    assert said_of(feed, watch_of(MIDNIGHT - HOUR, (gap,), feed)) == (
        "Binance is being watched: 75 % of the last 60 min seen, 1 gap, 15 min unseen."
    )
    assert said_of(feed, watch_of(None, (), feed)) == "Binance is being watched: nothing has been seen yet."
    assert said_of(feed, None) == "Binance is being watched; how much of the last 24 h was seen is not known."


def test_almost_all_is_not_all() -> None:
    feed = FeedStatus("binance", True, MIDNIGHT)
    gap = Gap("binance", MIDNIGHT - 6 * HOUR, MIDNIGHT - 6 * HOUR + 4.0, "closed")

    assert said_of(feed, watch_of(MIDNIGHT - 99 * HOUR, (gap,), feed)) == (
        "Binance is being watched: 99.99 % of the last 24 h seen, 1 gap, 4 s unseen."
    )


def test_what_two_gaps_have_in_common_is_unseen_once() -> None:
    mute = Gap("binance", MIDNIGHT - 12 * HOUR, None, "none came", Stream.LIQUIDATIONS)
    lost = Gap("binance", MIDNIGHT - 6 * HOUR, MIDNIGHT - 5 * HOUR, "closed")
    feed = FeedStatus("binance", True, MIDNIGHT, gaps=(mute,))

    assert said_of(feed, watch_of(MIDNIGHT - 99 * HOUR, (lost,), feed)) == (
        "Binance is being watched: 50 % of the last 24 h seen, 1 gap, 12 h unseen."
    )
