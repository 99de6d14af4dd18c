"""A web server on a free port of loopback, over a Board whose numbers are round."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from liqalert.board import Board
from liqalert.core.candles import Candle
from liqalert.core.clusters import Cluster
from liqalert.core.engine import Snapshot
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument, Liquidation, Mark, PositionSide
from liqalert.core.strength import Baseline
from liqalert.core.zones import Zone
from liqalert.ports import AlertRow, Role, StorageError
from liqalert.web.access import Access
from liqalert.web.alerts import UnknownChat
from liqalert.web.application import WebSources
from liqalert.web.events import Events
from liqalert.web.health import Health, Readiness
from liqalert.web.metrics import Metrics
from liqalert.web.metrics_state import MetricsSources, OutboxFigures
from liqalert.web.metrics_storage import StorageFigures
from liqalert.web.pairing import CannotPair, Offer
from liqalert.web.server import WebServer
from tests.round_market import armed, sides_of

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
BTC = Instrument("binance", "BTCUSDT")
ETH = Instrument("binance", "ETHUSDT")
BASELINE = Baseline(ln_r=10.361632918473205, gamma=1.0, calibrated=True, version="2023-11-14")
"""Strength one half at 1,000,000 USD in 10 liquidations."""


@dataclass
class FixedClock:
    at: float = NOW

    def now(self) -> float:
        return self.at


@dataclass
class StoredAlerts:
    """AlertReader and AlertOutcomes over a list. `broken` is raised by every call."""

    rows: Sequence[AlertRow] = ()
    broken: Exception | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def recent(
        self,
        limit: int,
        *,
        chat_id: int | None = None,
        kind: str | None = None,
        instrument: Instrument | None = None,
    ) -> tuple[AlertRow, ...]:
        self.asked.append((limit, chat_id, kind))
        if self.broken:
            raise self.broken
        return tuple(row for row in self.rows if instrument in (None, row.alert.instrument))[:limit]

    async def recent_outcomes(self, limit: int, *, instrument: Instrument | None = None) -> tuple[AlertRow, ...]:
        return tuple(replace(row, deliveries=()) for row in await self.recent(limit, instrument=instrument))

    async def why(self, alert_id: str, *, asking: int | None = None) -> AlertRow | None:
        self.asked.append((alert_id,))
        if self.broken:
            raise self.broken
        return next((row for row in self.rows if row.alert.id == alert_id), None)


@dataclass
class StoredLiquidations:
    rows: Sequence[Liquidation] = ()
    asked: list[tuple[str, int]] = field(default_factory=list)
    broken: Exception | None = None

    async def liquidations(self, symbol: str, limit: int) -> tuple[Liquidation, ...]:
        self.asked.append((symbol, limit))
        if self.broken:
            raise self.broken
        return tuple(row for row in self.rows if row.instrument.symbol == symbol)[:limit]


@dataclass
class Grids:
    """Grids of one liquidation each."""

    asked: list[tuple[Instrument, str, float | None]] = field(default_factory=list)
    broken: Exception | None = None
    as_of: float = NOW

    async def grid(self, instrument: Instrument, range_name: str, at: float | None = None) -> HeatmapGrid:
        self.asked.append((instrument, range_name, at))
        if self.broken:
            raise self.broken
        shown = RANGES[range_name]
        as_of = self.as_of if at is None else at
        one = Liquidation(instrument, PositionSide.LONG, 100.0, 10.0, 1000.0, as_of - 1.0, as_of - 1.0)
        candles = (*(None,) * (shown.columns - 1), Candle(as_of - 10.0, 99.0, 101.0, 98.0, 100.0))
        return build([one], shown, Surroundings(candles), instrument=instrument, as_of=as_of, decay_s=3600.0)

    async def draw(self, instrument: Instrument, range_name: str, at: float | None) -> bytes:
        self.asked.append((instrument, range_name, at))
        return b"\x89PNG"


@dataclass
class Rig:
    """Everything a test may change, before or after the server started."""

    board: Board = field(default_factory=lambda: Board(Snapshot(as_of=NOW, decay_s=3600.0)))
    clock: FixedClock = field(default_factory=FixedClock)
    alerts: StoredAlerts = field(default_factory=StoredAlerts)
    liquidations: StoredLiquidations = field(default_factory=StoredLiquidations)
    health: Health = field(default_factory=lambda: Health(on_time=True))
    readiness: Readiness = field(default_factory=Readiness)
    outbox: OutboxFigures = field(default_factory=OutboxFigures)
    storage: StorageFigures = field(default_factory=StorageFigures)
    grids: Grids = field(default_factory=lambda: Grids())
    tested_chats: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events = Events(self.board, self.clock)
        self.metrics = Metrics(
            MetricsSources(
                board=self.board,
                clock=self.clock,
                outbox=lambda: self.outbox,
                health=lambda: self.health,
                readiness=lambda: self.readiness,
                storage=lambda: self.storage,
            )
        )

    async def send_test(self, chat: str | None) -> str:
        if chat == "404":
            raise UnknownChat("404 is not in telegram.allowed_chats.", allowed=["7"])
        if chat == "503":
            raise StorageError("record test: database locked")
        self.tested_chats.append(chat)
        return "t-1"

    async def offer_code(self, role: Role) -> Offer:
        raise CannotPair(f"there is no bot for a {role}")

    def sources(self) -> WebSources:
        return WebSources(
            board=self.board,
            clock=self.clock,
            alerts=self.alerts,
            liquidations=self.liquidations,
            health=lambda: self.health,
            readiness=lambda: self.readiness,
            metrics=self.metrics,
            send_test=self.send_test,
            offer_code=self.offer_code,
            grids=self.grids,
            draw=self.grids.draw,
            events=self.events,
        )


@dataclass
class Client:
    """A real HTTP client of the rig's server."""

    session: aiohttp.ClientSession
    port: int

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.get(path, **options) as response:
            return response.status, await response.json()

    async def post(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.post(path, **options) as response:
            return response.status, await response.json()


@asynccontextmanager
async def serving(rig: Rig, access: Access | None = None) -> AsyncIterator[Client]:
    server = WebServer(rig.sources(), access or Access("127.0.0.1"), port=0)
    await server.start()
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}", timeout=timeout) as session:
            yield Client(session, server.port)
    finally:
        await server.stop()


def cluster(
    name: str = "c-1", *, instrument: Instrument = BTC, low: float = 98.0, high: float = 99.0, **other: Any
) -> Cluster:
    shape: dict[str, Any] = {
        "liquidated": PositionSide.LONG,
        "price": (low + high) / 2.0,
        "band_low": low,
        "band_high": high,
        "notional_usd": 1_000_000.0,
        "weighted_count": 10.0,
        "count": 12,
        "oldest_at": NOW - 600.0,
        "newest_at": NOW - 0.25,
        "as_of": NOW,
        "baseline": BASELINE,
    }
    return Cluster(id=name, instrument=instrument, price_low=low, price_high=high, **(shape | other))


def zone(name: str = "z-1", *, low: float = 98.0, high: float = 99.0, instrument: Instrument = BTC) -> Zone:
    return Zone(
        id=name,
        cluster_id="c-1",
        instrument=instrument,
        liquidated=PositionSide.LONG,
        low=low,
        high=high,
        strength=0.84,
        notional_usd=2_000_000.0,
        count=20,
        opened_at=NOW - 3600.0,
        peak_at=NOW - 1800.0,
        baseline=BASELINE,
    )


def mark(instrument: Instrument = BTC, price: float = 100.0) -> Mark:
    return Mark(instrument, price, event_time=NOW - 1.5, received_time=NOW - 1.0)


def snapshot(*clusters: Cluster, zones: Sequence[Zone] = (), marks: Sequence[Mark] = (), **other: Any) -> Snapshot:
    sides = sides_of(clusters)
    return Snapshot(
        as_of=NOW,
        decay_s=3600.0,
        sides=sides,
        zones=armed(zones, NOW, sides),
        marks={found.instrument: found for found in marks},
        **other,
    )
