"""What the owner must be told about liqalert itself: each once per occurrence, in a sentence with the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from liqalert.core.alerts import Alert
from liqalert.core.identity import short_id
from liqalert.core.market import FeedStatus, Stream, UnixTime
from liqalert.render.numbers import age

PATIENCE_S = 15.0
"""A feed that is back within this is not worth a message."""
CLOCK_BEHIND_S = -2.0
CLOCK_AHEAD_S = 10.0
CLOCK_RIGHT_S = (-1.0, 8.0)
"""Once told, the clock counts as right again only inside this, so that wobbling around a limit is told once."""
FRAMES_TO_JUDGE = 60


@dataclass(frozen=True, slots=True)
class Notice:
    reason: str
    sentence: str


@dataclass(slots=True)
class _Known:
    lost_since: UnixTime | None = None
    problem: str | None = None
    clock_off: bool = False
    mute_since: UnixTime | None = None


class Watchman:
    """Compares what is with what has been told. Pure but for its memory; `look` is called every second or so."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def look(self, feeds: Iterable[FeedStatus], now: UnixTime, *, clock_off_s: float = 0.0) -> tuple[Alert, ...]:
        """The notices that are due. `clock_off_s`: how far the machine's clock is ahead of the one `now` is from."""
        return tuple(
            notice_of(notice.reason, notice.sentence, now)
            for feed in feeds
            for notice in self._about(feed, now, clock_off_s)
        )

    def _about(self, feed: FeedStatus, now: UnixTime, clock_off_s: float) -> Iterable[Notice]:
        known = self._known.setdefault(feed.exchange, _Known())
        yield from _lost_or_back(feed, known, now)
        yield from _clock(feed, known, clock_off_s)
        yield from _mute_or_not(feed, known, now)


def notice_of(reason: str, sentence: str, now: UnixTime) -> Alert:
    """A sentence to the owner, by the way of every alert."""
    return Alert(id=short_id("notice", sentence, now), kind="notice", decided_at=now, reason=reason, text=sentence)


def _lost_or_back(feed: FeedStatus, known: _Known, now: UnixTime) -> Iterable[Notice]:
    name = feed.exchange.capitalize()
    if feed.alive:
        if known.lost_since is not None:
            lasted = age(now - known.lost_since)
            yield Notice("feed_back", f"{name} is being watched again, after {lasted} in which nothing was seen.")
        known.lost_since = known.problem = None
        return
    refused = feed.problem is not None and ("451" in feed.problem or "403" in feed.problem)
    told = known.lost_since is not None
    if (told and not (refused and feed.problem != known.problem)) or now - feed.since < PATIENCE_S:
        return
    known.lost_since = known.lost_since or (feed.mark_at or feed.since)
    known.problem = feed.problem
    why = feed.problem or "no marks are coming in."
    yield Notice("feed_lost", f"{name} is not being watched: {why} No alert can come until it is back.")


def _mute_or_not(feed: FeedStatus, known: _Known, now: UnixTime) -> Iterable[Notice]:
    name = feed.exchange.capitalize()
    if feed.mute_since is not None and known.mute_since is None:
        cause = next((gap.cause for gap in feed.gaps[::-1] if gap.stream is Stream.LIQUIDATIONS), "none came")
        yield Notice(
            "liquidations_mute",
            f"{name} sends marks, but has sent no liquidation for {age(now - feed.mute_since)}: {cause}. The stream "
            "may be mute: what was there before stays and is alerted on, but nothing new is seen.",
        )
    if feed.mute_since is None and known.mute_since is not None and feed.alive:
        yield Notice(
            "liquidations_back",
            f"{name} sends liquidations again, after {age(now - known.mute_since)} in which none was seen.",
        )
    if feed.mute_since is not None or feed.alive:
        known.mute_since = feed.mute_since


def _clock(feed: FeedStatus, known: _Known, clock_off_s: float) -> Iterable[Notice]:
    if feed.latency_s is None or feed.latency_frames < FRAMES_TO_JUDGE:
        return
    least, most = CLOCK_RIGHT_S if known.clock_off else (CLOCK_BEHIND_S, CLOCK_AHEAD_S)
    skew_s = feed.latency_s + clock_off_s
    off = not least <= skew_s <= most
    if off and not known.clock_off:
        where = "behind" if skew_s < 0 else "ahead of"
        yield Notice(
            "clock_off",
            f"This machine's clock is {abs(skew_s):.0f} s {where} {feed.exchange.capitalize()}'s, or the "
            "connection is that slow: ages are wrong by as much. Switch on time synchronisation (timedatectl).",
        )
    known.clock_off = off
