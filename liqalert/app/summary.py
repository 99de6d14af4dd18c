"""The daily summary: proof that liqalert is there, and what it could not see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from liqalert.core.market import FeedStatus, UnixTime
from liqalert.render.numbers import NumberStyle, age, counted

DAY_S = 86_400.0


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
    feeds: Sequence[FeedStatus],
    now: UnixTime,
    *,
    started_at: UnixTime,
    alerts: int | None,
    waiting: int,
    problems: Sequence[str],
) -> str:
    """One paragraph about the last day. `alerts` None: the database did not say."""
    told = "the number of alerts is not known" if alerts is None else counted(alerts, "alert")
    parts = [f"liqalert is up for {age(now - started_at)}; {told} in the last 24 h, {waiting} waiting to be sent."]
    parts += [_feed(feed, now) for feed in feeds] or ["No feed has reported yet."]
    parts += [f"Problem: {problem}" for problem in problems]
    return " ".join(parts)


def _feed(feed: FeedStatus, now: UnixTime) -> str:
    since = now - DAY_S
    gaps = [gap for gap in feed.gaps if gap.end is None or gap.end > since]
    unseen_s = sum((now if gap.end is None else gap.end) - max(gap.start, since) for gap in gaps)
    share = NumberStyle.POINT.percent(100.0 * (1.0 - min(1.0, max(0.0, unseen_s) / DAY_S)))
    name, state = feed.exchange.capitalize(), "is being watched" if feed.alive else "is NOT being watched"
    missed = f"{counted(len(gaps), 'gap')}, {age(unseen_s)} unseen" if gaps else "no gap"
    return f"{name} {state}: {share} of the last 24 h seen, {missed}."
