"""/api/v1/feeds: is each exchange's feed proven alive, and when was it not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.market import FeedStatus, Gap, UnixTime
from liqalert.web.answers import iso, iso_or_none, json_response
from liqalert.web.queries import asked


class GapItem(msgspec.Struct, frozen=True):
    start: str = msgspec.field(name="from")
    end: str | None = msgspec.field(name="to")
    """Null while the gap lasts."""
    cause: str
    stream: str
    """`all`, or the only stream that was mute: `liquidations`."""


class FeedItem(msgspec.Struct, frozen=True):
    exchange: str
    alive: bool
    since: str
    mark_age_s: float | None
    latency_s: float | None
    reconnects: int
    connected: int
    """How many of `connections`, which carry the same stream, are open."""
    connections: int
    rejected: dict[str, int]
    gaps: tuple[GapItem, ...]
    problem: str | None
    """Why it is not proven alive; null while it is."""
    mute_since: str | None
    """When the last liquidation came before a silence that chance does not explain, beside lively marks; else null."""
    warning: str | None
    """Why what it brings cannot be relied upon although it is alive; else null."""


class FeedsAnswer(msgspec.Struct, frozen=True):
    feeds: tuple[FeedItem, ...]


class FeedPages:
    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock

    async def feeds(self, request: web.Request) -> web.Response:
        asked(request)
        return json_response(FeedsAnswer(feed_items(self._board.feeds, self._clock.now())))


def feed_items(feeds: Mapping[str, FeedStatus], now: UnixTime) -> tuple[FeedItem, ...]:
    """In order of exchange."""
    return tuple(_feed_item(feeds[exchange], now) for exchange in sorted(feeds))


def mark_age_s(status: FeedStatus, now: UnixTime) -> float | None:
    """A mark received after `now` was read has age 0."""
    return None if status.mark_at is None else max(0.0, round(now - status.mark_at, 3))


def _feed_item(status: FeedStatus, now: UnixTime) -> FeedItem:
    return FeedItem(
        exchange=status.exchange,
        alive=status.alive,
        since=iso(status.since),
        mark_age_s=mark_age_s(status, now),
        latency_s=status.latency_s,
        reconnects=status.reconnects,
        connected=status.connected,
        connections=status.connections,
        rejected=dict(status.rejected),
        gaps=tuple(gap_item(gap) for gap in status.gaps),
        problem=status.problem,
        mute_since=iso_or_none(status.mute_since),
        warning=status.refused or status.late,
    )


def gap_item(gap: Gap) -> GapItem:
    return GapItem(start=iso(gap.start), end=iso_or_none(gap.end), cause=gap.cause, stream=gap.stream)
