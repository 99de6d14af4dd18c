"""The table of routes, and the parts the handlers read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.ports import AlertReader
from liqalert.web.access import Access, guards
from liqalert.web.alerts import AlertPages, SendTest
from liqalert.web.clusters import ClusterPages
from liqalert.web.coinglass.endpoints import routes as coinglass_routes
from liqalert.web.coinglass.envelope import speaking_coinglass
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.errors import errors_as_json, harden
from liqalert.web.events import PATH as EVENTS_PATH
from liqalert.web.events import Events
from liqalert.web.feeds import FeedPages
from liqalert.web.health import Health, HealthPages, Readiness
from liqalert.web.heatmaps import Draw, Grids, HeatmapPages
from liqalert.web.liquidations import LiquidationPages, LiquidationReader
from liqalert.web.metrics import Metrics, MetricsPages
from liqalert.web.openapi import OpenApiPage
from liqalert.web.page import static_files
from liqalert.web.pairing import OfferCode, PairingPages

LARGEST_REQUEST_BYTES = 64 * 1024
NOTICE_HEADER = "X-Liqalert-Notice"
PAGE_HEADER = "X-Liqalert-Page"


@dataclass(frozen=True, slots=True)
class WebSources:
    """What the pages read, and the one thing they may cause."""

    board: Board
    clock: Clock
    alerts: AlertReader
    liquidations: LiquidationReader
    health: Callable[[], Health]
    readiness: Callable[[], Readiness]
    metrics: Metrics
    send_test: SendTest
    offer_code: OfferCode
    grids: Grids
    draw: Draw
    events: Events
    coinglass: CoinglassSources | None = None
    """None where nothing draws heatmaps; then nothing is served in the shape of Coinglass."""


def build_app(sources: WebSources, access: Access) -> web.Application:
    app = web.Application(
        middlewares=(errors_as_json, *_guards(sources, access)),
        client_max_size=LARGEST_REQUEST_BYTES,
    )
    files, page = static_files(sources.board.banner)
    app.add_routes(web.get(path, file.show) for path, file in files.items())
    app.add_routes(_routes(sources, token=access.token is not None))
    app.on_shutdown.append(sources.events.close)
    if sources.coinglass is not None:
        app.add_routes(coinglass_routes(sources.coinglass))
    app.on_response_prepare.append(harden)
    app.on_response_prepare.append(_page_teller(page))
    if sources.board.banner:
        app.on_response_prepare.append(_announcer(sources.board.banner))
    return app


def _guards(sources: WebSources, access: Access) -> tuple[Middleware, ...]:
    """Outermost first. What speaks Coinglass stands before the others, because it puts their refusals in its form."""
    if sources.coinglass is None:
        return guards(access)
    form, door = speaking_coinglass(sources.clock, access.token)
    outermost, *inner = guards(access)
    return (form, outermost, door, *inner)


def _announcer(banner: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Every answer, JSON too, says what the banner says."""

    async def announce(request: web.Request, response: web.StreamResponse) -> None:
        response.headers[NOTICE_HEADER] = banner

    return announce


def _page_teller(page: str) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Whoever is let in to the events learns which page there is: a tab may have been loaded before an upgrade."""

    async def tell(request: web.Request, response: web.StreamResponse) -> None:
        if request.path == EVENTS_PATH and response.status == 200:
            response.headers[PAGE_HEADER] = page

    return tell


def _routes(sources: WebSources, *, token: bool) -> list[web.RouteDef]:
    clusters = ClusterPages(sources.board, sources.clock)
    alerts = AlertPages(sources.board, sources.alerts, sources.send_test, sources.clock)
    heatmaps = HeatmapPages(sources.board, sources.clock, sources.grids, sources.draw)
    health = HealthPages(sources.health, sources.readiness)
    return [
        web.get("/api/v1/clusters", clusters.all),
        # A symbol may be spelled BTC/USDT:USDT, slash included.
        web.get("/api/v1/clusters/{symbol:.+}", clusters.of_symbol),
        web.get("/api/v1/alerts", alerts.recent),
        web.post("/api/v1/alerts/test", alerts.test),
        web.get("/api/v1/alerts/{alert_id:(?!test$)[^/]+}", alerts.why),
        web.post("/api/v1/pair", PairingPages(sources.offer_code).pair),
        web.get("/api/v1/liquidations", LiquidationPages(sources.board, sources.liquidations).newest),
        # Before the numbers, whose symbols may hold anything.
        web.get("/api/v1/heatmap/{symbol:.+}.png", heatmaps.picture),
        web.get("/api/v1/heatmap/{symbol:.+}", heatmaps.numbers),
        # No HEAD: it would be given the endless body, and hold a place for nothing.
        web.get(EVENTS_PATH, sources.events.stream, allow_head=False),
        web.get("/api/v1/feeds", FeedPages(sources.board, sources.clock).feeds),
        web.get("/openapi.json", OpenApiPage(token=token).show),
        web.get("/healthz", health.process),
        web.get("/readyz", health.ready),
        web.get("/metrics", MetricsPages(sources.metrics).metrics),
    ]
