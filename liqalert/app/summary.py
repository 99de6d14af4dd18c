"""The daily summary: proof that liqalert is there, and what it could not see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from liqalert.core.gaps import Watch
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.render.numbers import NumberStyle, age, counted

DAY_S = 86_400.0
ALMOST_ALL_PCT = 99.99


class DailySummary:
    """When a summary is due: once a day at a minute of the day, and not for a day that had passed it at the start."""

    def __init__(self, at: str | None, zone_name: str) -> None:
        """`at`: HH:MM in the time zone; None: never."""
        self._at = at
        self._zone = ZoneInfo(zone_name)
        self._done: date | None = None
        self._began = False

    def due(self, now: UnixTime) -> bool:
        if self._at is None:
            return False
        local = datetime.fromtimestamp(now, self._zone)
        passed = local.strftime("%H:%M") >= self._at
        first, self._began = not self._began, True
        if not passed or self._done == local.date():
            return False
        self._done = local.date()
        return not first


def summary_text(
    feeds: Sequence[tuple[FeedStatus, Watch | None]],
    now: UnixTime,
    *,
    started_at: UnixTime,
    alerts: int | None,
    waiting: int,
    problems: Sequence[str],
) -> str:
    """One paragraph about the last day. Each feed with when it was watched; None there, or `alerts` None: the database
    did not say."""
    told = "the number of alerts is not known" if alerts is None else counted(alerts, "alert")
    parts = [f"liqalert is up for {age(now - started_at)}; {told} in the last 24 h, {waiting} waiting to be sent."]
    parts += [_feed(feed, watch, now) for feed, watch in feeds] or ["No feed has reported yet."]
    parts += [f"Problem: {problem}" for problem in problems]
    return " ".join(parts)


def _feed(feed: FeedStatus, watch: Watch | None, now: UnixTime) -> str:
    begins = f"{feed.exchange.capitalize()} {'is being watched' if feed.alive else 'is NOT being watched'}"
    if watch is None:
        return f"{begins}; how much of the last 24 h was seen is not known."
    since = max(now - DAY_S, watch.began)
    if since >= now:
        return f"{begins}: nothing has been seen yet."
    share = watch.share(since, now)
    # What is not whole must not look whole.
    seen = NumberStyle.POINT.percent(100.0 * share if share == 1.0 else min(100.0 * share, ALMOST_ALL_PCT))
    # The first stretch is that before it was ever watched.
    gaps = [(max(start, since), min(end, now)) for start, end in watch.blind[1:] if start < now and end > since]
    unseen_s = sum(end - start for start, end in gaps)
    missed = f"{counted(len(gaps), 'gap')}, {age(unseen_s)} unseen" if gaps else "no gap"
    return f"{begins}: {seen} of the last {age(now - since)} seen, {missed}."
