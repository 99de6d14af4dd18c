"""/api/v1/clusters: what is on the Board, nearest to the mark first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.clusters import Cluster
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument, Mark, UnixTime
from liqalert.core.views import ZoneView
from liqalert.web.answers import iso, iso_or_none, json_response
from liqalert.web.feeds import FeedItem, feed_items
from liqalert.web.instruments import instrument_asked
from liqalert.web.queries import asked


class ClusterItem(msgspec.Struct, frozen=True):
    id: str
    exchange: str
    symbol: str
    liquidated: str
    basis: str
    price: float
    price_low: float
    price_high: float
    strength: float
    notional_usd: float
    count: int
    oldest_at: str
    newest_at: str
    distance_pct: float | None
    """From the mark to the nearest of `price_low` and `price_high`, in per cent of the mark; 0 between them."""
    calibrated: bool


class ZoneItem(msgspec.Struct, frozen=True):
    id: str
    symbol: str
    liquidated: str
    low: float
    high: float
    strength: float
    peak_at: str
    notional_usd: float
    count: int
    state: str
    calibrated: bool
    """False: not even the open interest of the contract is known, so the strength is a guess."""


class MarkItem(msgspec.Struct, frozen=True):
    price: float
    at: str


class ClustersAnswer(msgspec.Struct, frozen=True):
    as_of: str
    """When the clusters were last cut; their values are decayed to the moment of the answer."""
    watching_since: str | None
    clusters: tuple[ClusterItem, ...]
    zones: tuple[ZoneItem, ...]
    marks: dict[str, MarkItem]
    feeds: tuple[FeedItem, ...]
    decay_minutes: float
    """Until so long after `watching_since`, clusters look weaker than they are."""


@dataclass(frozen=True, slots=True)
class BoardAt:
    """What the Board held at `now`: it does not change while another thread reads it."""

    snapshot: Snapshot
    feeds: Mapping[str, FeedStatus]
    now: UnixTime


class ClusterPages:
    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock

    async def all(self, request: web.Request) -> web.Response:
        asked(request)
        return await self._answer(None)

    async def of_symbol(self, request: web.Request) -> web.Response:
        asked(request)
        instrument = instrument_asked(request.match_info["symbol"], self._board)
        return await self._answer(instrument)

    async def _answer(self, instrument: Instrument | None) -> web.Response:
        """Made in a thread: thousands of clusters take 0.1 s, and an alert must not wait for them."""
        board, now = self._board, self._clock.now()
        shown = BoardAt(board.snapshot, board.feeds, now)
        return await asyncio.to_thread(lambda: json_response(clusters_answer(shown, instrument)))


def clusters_answer(board: BoardAt, instrument: Instrument | None) -> ClustersAnswer:
    """Everything that was on the Board (of `instrument`). O(n log n) in the clusters."""
    snapshot = board.snapshot
    views = tuple(snapshot.zones) if instrument is None else snapshot.zones.of(instrument)
    marks = tuple(mark for mark in snapshot.marks.values() if instrument is None or mark.instrument == instrument)
    return ClustersAnswer(
        as_of=iso(snapshot.as_of),
        watching_since=iso_or_none(snapshot.watching_since),
        clusters=_cluster_items(snapshot.clusters(board.now, instrument), snapshot.marks),
        zones=_zone_items(views, snapshot.marks),
        marks={mark.instrument.symbol: MarkItem(mark.price, iso(mark.received_time)) for mark in _by_symbol(marks)},
        feeds=feed_items(board.feeds, board.now),
        decay_minutes=snapshot.decay_s / 60.0,
    )


def distance_pct(mark: Mark | None, *, low: float, high: float) -> float | None:
    """From `mark` to the nearest edge of the range, in per cent of the mark; 0 inside; None without a mark."""
    if mark is None:
        return None
    return max(0.0, low - mark.price, mark.price - high) / mark.price * 100.0


def _cluster_items(clusters: tuple[Cluster, ...], marks: Mapping[Instrument, Mark]) -> tuple[ClusterItem, ...]:
    items = [_cluster_item(cluster, marks.get(cluster.instrument)) for cluster in clusters]
    return tuple(sorted(items, key=lambda item: (_nearest(item.distance_pct), -item.strength, item.id)))


def _zone_items(views: tuple[ZoneView, ...], marks: Mapping[Instrument, Mark]) -> tuple[ZoneItem, ...]:
    def rank(view: ZoneView) -> tuple[float, float, str]:
        zone = view.zone
        distance = distance_pct(marks.get(zone.instrument), low=zone.low, high=zone.high)
        return _nearest(distance), -zone.strength, zone.id

    return tuple(_zone_item(view) for view in sorted(views, key=rank))


def _nearest(distance: float | None) -> float:
    return float("inf") if distance is None else distance


def _by_symbol(marks: tuple[Mark, ...]) -> list[Mark]:
    """In order of symbol; where two exchanges share one, the newest last, so that it is the one kept."""
    return sorted(marks, key=lambda mark: (mark.instrument.symbol, mark.received_time))


def _cluster_item(cluster: Cluster, mark: Mark | None) -> ClusterItem:
    return ClusterItem(
        id=cluster.id,
        exchange=cluster.instrument.exchange,
        symbol=cluster.instrument.symbol,
        liquidated=cluster.liquidated,
        basis=cluster.basis,
        price=cluster.price,
        price_low=cluster.price_low,
        price_high=cluster.price_high,
        strength=cluster.strength,
        notional_usd=cluster.notional_usd,
        count=cluster.count,
        oldest_at=iso(cluster.oldest_at),
        newest_at=iso(cluster.newest_at),
        distance_pct=distance_pct(mark, low=cluster.price_low, high=cluster.price_high),
        calibrated=cluster.baseline.calibrated,
    )


def _zone_item(view: ZoneView) -> ZoneItem:
    zone = view.zone
    return ZoneItem(
        id=zone.id,
        symbol=zone.instrument.symbol,
        liquidated=zone.liquidated,
        low=zone.low,
        high=zone.high,
        strength=zone.strength,
        peak_at=iso(zone.peak_at),
        notional_usd=zone.notional_usd,
        count=zone.count,
        state=view.state,
        calibrated=zone.baseline.calibrated,
    )
