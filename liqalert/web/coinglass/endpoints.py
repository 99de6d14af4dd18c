"""The table of endpoints: from a request to a Question, from an Answer to a response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

from aiohttp import web

from liqalert.web.answers import ApiError
from liqalert.web.coinglass.envelope import PREFIX, Answer
from liqalert.web.coinglass.heatmaps import Heatmaps
from liqalert.web.coinglass.histories import Histories
from liqalert.web.coinglass.orders import Orders
from liqalert.web.coinglass.questions import Question
from liqalert.web.coinglass.sharing import Shared
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.coinglass.totals import Totals
from liqalert.web.instruments import known_instruments

LIQUIDATION = f"{PREFIX}liquidation/"
PROJECTED = (
    "heatmap/model2",
    "heatmap/model3",
    "aggregated-heatmap/model2",
    "aggregated-heatmap/model3",
    "max-pain",
    "aggregated-max-pain",
)
"""Need levels at which positions would be liquidated."""

Endpoint: TypeAlias = Callable[[Question], Awaitable[Answer]]


class Endpoints:
    def __init__(self, sources: CoinglassSources) -> None:
        self._sources = sources
        self._table = _table(sources)
        self._shared: Shared[Answer] = Shared(sources.clock)

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.get(LIQUIDATION + name, partial(self._answered, name)) for name in self._table),
            web.get(f"/{LIQUIDATION}{{name:.+}}", self._with_two_slashes),
        ]

    async def _with_two_slashes(self, request: web.Request) -> web.Response:
        """As their own examples write it, and no redirect, because clients follow none."""
        name = request.match_info["name"]
        if name not in self._table:
            raise web.HTTPNotFound
        return await self._answered(name, request)

    async def _answered(self, name: str, request: web.Request) -> web.Response:
        query = dict(request.query)
        answer = await self._shared.get((name, *sorted(query.items())), partial(self._answer, name, query))
        return answer.response()

    async def _answer(self, name: str, query: Mapping[str, str]) -> Answer:
        known = known_instruments(self._sources.board.snapshot)
        if not known:
            raise ApiError(503, "No feed has delivered a mark yet: see /api/v1/feeds.")
        return await self._table[name](Question(query, known, self._sources.clock.now()))


def routes(sources: CoinglassSources) -> list[web.RouteDef]:
    """What goes into the application. `envelope.speaking_coinglass` must be among its middlewares."""
    return Endpoints(sources).routes()


def _table(sources: CoinglassSources) -> dict[str, Endpoint]:
    heatmaps, orders, histories = Heatmaps(sources), Orders(sources), Histories(sources)
    totals = Totals(sources)
    return {
        "heatmap/model1": heatmaps.heatmap,
        "aggregated-heatmap/model1": heatmaps.aggregated_heatmap,
        "map": heatmaps.map,
        "aggregated-map": heatmaps.aggregated_map,
        "order": orders.order,
        "history": histories.history,
        "aggregated-history": histories.aggregated_history,
        "coin-list": totals.coin_list,
        "exchange-list": totals.exchange_list,
        **{name: partial(_not_yet, name) for name in PROJECTED},
    }


async def _not_yet(name: str, question: Question) -> Answer:
    raise ApiError(
        404,
        f"{name} needs projected levels, which liqalert does not have: it shows liquidations that were executed.",
        allowed=("heatmap/model1", "aggregated-heatmap/model1", "map", "aggregated-map"),
    )
