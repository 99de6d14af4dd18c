"""What /metrics reads at the moment of a scrape: feeds, clusters, zones, outbox, readiness."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from liqalert import __version__
from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.engine import Snapshot
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import FeedStatus, Gap, PositionSide, Stream, UnixTime
from liqalert.web.feeds import mark_age_s
from liqalert.web.health import Health, Readiness
from liqalert.web.metrics_families import counter, gauge, plain
from liqalert.web.metrics_figures import Figures, figure_metrics
from liqalert.web.metrics_storage import StorageFigures, storage_metrics


@dataclass(frozen=True, slots=True)
class OutboxFigures:
    """How the outbox stands, from memory: a scrape must not wait for the database."""

    depth: int = 0
    """Deliveries not settled yet, but for what is held until quiet hours end."""
    oldest_at: UnixTime | None = None
    """When the oldest of them was created."""
    settled: tuple[tuple[str, str, int], ...] = ()
    """Since the start: channel, what has become of deliveries, messages and attempts (`Sender.counts`), how many."""


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """Where the figures come from. All of it answers from memory, at once."""

    board: Board
    clock: Clock
    outbox: Callable[[], OutboxFigures]
    health: Callable[[], Health]
    readiness: Callable[[], Readiness]
    storage: Callable[[], StorageFigures] = StorageFigures
    figures: Callable[[], Figures] = Figures


class StateCollector(Collector):
    def __init__(self, sources: MetricsSources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        now = self._sources.clock.now()
        board = self._sources.board
        yield from _process_metrics(self._sources.health(), self._sources.readiness())
        yield from _feed_metrics(tuple(board.feeds.values()), now)
        yield from _gap_metrics(tuple(board.feeds.values()), now)
        yield from _snapshot_metrics(board.snapshot, now)
        yield from figure_metrics(self._sources.figures())
        yield from _outbox_metrics(self._sources.outbox(), now)
        yield from storage_metrics(self._sources.storage())


def _process_metrics(health: Health, readiness: Readiness) -> Iterator[Metric]:
    build = (__version__, platform.python_version())
    yield gauge("liqalert_build_info", "What runs here.", by=("version", "python"), samples=[(build, 1)])
    yield plain("liqalert_ready", "1 while nothing blocks /readyz.", not readiness.blocking)
    yield plain("liqalert_healthy", "1 while ticks run on time.", health.on_time)
    yield counter(
        "liqalert_caught_exceptions",
        "Exceptions nobody expected, by the place that caught them.",
        by=("place",),
        samples=[((place,), count) for place, count in health.caught],
    )


def _feed_metrics(feeds: tuple[FeedStatus, ...], now: UnixTime) -> Iterator[Metric]:
    by = ("exchange",)
    alive = [((feed.exchange,), feed.alive) for feed in feeds]
    yield gauge("liqalert_feed_alive", "1 while fresh marks prove it.", by=by, samples=alive)
    ages = [((feed.exchange,), age) for feed in feeds if (age := mark_age_s(feed, now)) is not None]
    yield gauge("liqalert_feed_mark_age_seconds", "Age of the newest mark.", by=by, samples=ages)
    yield gauge(
        "liqalert_feed_latency_seconds",
        "Median of receive time minus the exchange's send time.",
        by=by,
        samples=[((feed.exchange,), feed.latency_s) for feed in feeds if feed.latency_s is not None],
    )
    reconnects = [((feed.exchange,), feed.reconnects) for feed in feeds]
    connected = [((feed.exchange,), float(feed.connected)) for feed in feeds]
    yield gauge("liqalert_feed_connections", "Connections that are open now.", by=by, samples=connected)
    yield counter("liqalert_feed_reconnects", "Connections made again since the start.", by=by, samples=reconnects)
    yield counter(
        "liqalert_feed_rejected",
        "Events refused since the start.",
        by=("exchange", "kind"),
        samples=[((feed.exchange, kind), count) for feed in feeds for kind, count in feed.rejected],
    )


def _gap_metrics(feeds: tuple[FeedStatus, ...], now: UnixTime) -> Iterator[Metric]:
    """The recent ones are gauges, because a feed's status holds its newest 20 gaps only."""
    yield counter(
        "liqalert_feed_gap_seconds",
        "How long a stream was not watched: gaps that have ended since the start, that before it included, and now.",
        by=("exchange", "stream"),
        samples=[((feed.exchange, stream), _unseen_s(feed, stream, now)) for feed in feeds for stream in Stream],
    )
    by = ("exchange",)
    known = [((feed.exchange,), len(feed.gaps)) for feed in feeds]
    yield gauge("liqalert_feed_recent_gaps", "How many gaps are remembered, at most 20.", by=by, samples=known)
    yield gauge(
        "liqalert_feed_recent_gaps_duration_seconds",
        "How long the remembered gaps lasted together.",
        by=by,
        samples=[((feed.exchange,), sum(_length_s(gap, now) for gap in feed.gaps)) for feed in feeds],
    )


def _unseen_s(feed: FeedStatus, stream: Stream, now: UnixTime) -> float:
    running = (gap for gap in feed.gaps if gap.end is None and gap.stream is stream)
    return dict(feed.unseen_s).get(stream, 0.0) + sum(_length_s(gap, now) for gap in running)


def _length_s(gap: Gap, now: UnixTime) -> float:
    return max(0.0, (now if gap.end is None else gap.end) - gap.start)


def _snapshot_metrics(snapshot: Snapshot, now: UnixTime) -> Iterator[Metric]:
    clusters = dict.fromkeys(PositionSide, 0)
    for (_, liquidated), of_side in snapshot.sides.items():
        clusters[liquidated] += len(of_side)
    zones = Counter(snapshot.zones.states())
    yield gauge(
        "liqalert_clusters",
        "Live clusters, by whose positions were liquidated.",
        by=("liquidated",),
        samples=[((side,), count) for side, count in clusters.items()],
    )
    yield gauge(
        "liqalert_zones",
        "Remembered zones, by the most advanced state of an episode on them.",
        by=("state",),
        samples=[((state,), zones[state]) for state in EpisodeState],
    )
    yield plain("liqalert_instruments", "Instruments with a mark.", len(snapshot.marks))
    yield plain("liqalert_snapshot_age_seconds", "Age of the newest tick's result.", max(0.0, now - snapshot.as_of))


def _outbox_metrics(outbox: OutboxFigures, now: UnixTime) -> Iterator[Metric]:
    oldest_s = 0.0 if outbox.oldest_at is None else max(0.0, now - outbox.oldest_at)
    meaning = "Deliveries not settled yet, those left out that are held until quiet hours end."
    yield plain("liqalert_outbox_depth", meaning, outbox.depth)
    yield plain("liqalert_outbox_oldest_age_seconds", "Age of the oldest of them, 0 when empty.", oldest_s)
    yield counter(
        "liqalert_deliveries",
        "Deliveries sent, late or dead since the start; attempts that failed, messages amended.",
        by=("channel", "status"),
        samples=[((channel, status), count) for channel, status, count in outbox.settled],
    )
