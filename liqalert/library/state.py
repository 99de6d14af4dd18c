"""What a heatmap says of itself: is it proven alive, how old is what it knows, when did it not watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from liqalert.library.clusters import moment

if TYPE_CHECKING:
    from liqalert.core.engine import Snapshot
    from liqalert.core.market import FeedStatus, Gap

PROVEN_FOR_S = 6.0
"""Marks come every second, and five without one mean that the feed is not alive; one more for this to be noticed."""


@dataclass(frozen=True, slots=True)
class LiveGap:
    """A stretch in which the feed was not proven alive: what happened in it is not known. Times in UTC."""

    start: datetime
    end: datetime | None
    """None while it lasts."""
    cause: str
    stream: Literal["all", "liquidations"] = "all"
    """"liquidations": prices came in, and so few liquidations that the stream is taken for mute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """How far a heatmap can be trusted now. Times in UTC."""

    alive: bool
    """Proven by mark prices of the last seconds, whatever the socket says."""
    age: timedelta | None = None
    """Since the newest mark price was received; None before the first."""
    problem: str | None = None
    """Why it is not alive, and what can be done, in a sentence; None while it is alive."""
    running: bool = False
    """Whether a stream is running at all."""
    as_of: datetime | None = None
    """When clusters were last built; None: never yet."""
    watching_since: datetime | None = None
    """Gaps of up to a minute not counted. A young window holds little, however lively the market was before."""
    gaps: tuple[LiveGap, ...] = ()
    """Since the start, oldest first, at most 100; the one that lasts is the last."""
    connected: int = 0
    connections: int = 0
    """How many sockets are open, and how many there are to be: each carries the same stream."""
    latency: timedelta | None = None
    """From Binance's clock to this one: far from zero, one of the clocks is off."""
    notes: tuple[str, ...] = ()
    """What else is missing or went wrong, in sentences."""


def is_alive(status: FeedStatus | None, now: float) -> bool:
    """By its own word and by the clock: a loop that is stuck says nothing new."""
    return status is not None and status.alive and status.mark_at is not None and now - status.mark_at <= PROVEN_FOR_S


def why_not(status: FeedStatus | None, now: float) -> str:
    """Why a feed that runs is not alive, in sentences."""
    if status is None or (status.mark_at is None and not status.problem):
        return "Binance has sent no mark price yet."
    if not status.alive and status.problem:
        return f"{status.problem[:1].upper()}{status.problem[1:]} Not alive since {moment(status.since):%H:%M:%S} UTC."
    age_s = now - (status.mark_at or now)
    return f"No mark price has been taken in for {age_s:.0f} s: this program is too busy, or was asleep."


def why_late(picture: Snapshot | None, now: float, every_s: float) -> str | None:
    """Why clusters are older than they should be, of a feed that is alive; None while they are not."""
    if picture is None:
        return f"Clusters are built for the first time within {every_s:g} s."
    if now - picture.as_of > 2.0 * every_s + PROVEN_FOR_S:
        return (
            f"Clusters were last built at {moment(picture.as_of):%H:%M:%S} UTC, though that is due every {every_s:g} s."
        )
    return None


def why_mute(status: FeedStatus | None) -> str | None:
    """Why a feed that is alive may all the same show no liquidations; None while it shows them."""
    if status is None or status.mute_since is None:
        return None
    causes = [gap.cause for gap in status.gaps if gap.stream == "liquidations" and gap.end is None]
    since = f"{moment(status.mute_since):%Y-%m-%d %H:%M} UTC"
    return f"Binance sends prices, but since {since} {'; '.join(causes) or 'no liquidations'}."


def gaps_of(ended: tuple[Gap, ...], status: FeedStatus | None) -> tuple[LiveGap, ...]:
    running = [gap for gap in (status.gaps if status else ()) if gap.end is None]
    return tuple(
        LiveGap(
            moment(gap.start),
            None if gap.end is None else moment(gap.end),
            gap.cause,
            "liquidations" if gap.stream == "liquidations" else "all",
        )
        for gap in (*ended, *running)
    )
