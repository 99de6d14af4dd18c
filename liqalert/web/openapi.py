"""/openapi.json: the interface as OpenAPI 3.1, its shapes taken from the very types that are encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
from aiohttp import web

import liqalert
from liqalert.core.heatmap_cells import RANGES
from liqalert.ports import Role
from liqalert.web import alerts, liquidations
from liqalert.web.alert_details import AlertDetail
from liqalert.web.alerts import KINDS, AlertsAnswer, TestAnswer, TestRequest
from liqalert.web.answers import JSON, ErrorAnswer
from liqalert.web.clusters import ClustersAnswer
from liqalert.web.feeds import FeedsAnswer
from liqalert.web.health import HealthAnswer, ReadyAnswer
from liqalert.web.heatmaps import HeatmapAnswer
from liqalert.web.liquidations import LiquidationsAnswer
from liqalert.web.pairing import PairAnswer, PairRequest
from liqalert.web.queries import Limit, asked

Shape: TypeAlias = type[msgspec.Struct]
Json: TypeAlias = "Mapping[str, object]"

REFUSALS = {
    "400": "a mistake in the query or the body",
    "401": "no token, where web.token is set",
    "403": "asked for under the name of another machine",
    "404": "not known here; `allowed` names what is near",
    "408": "the body did not arrive in time",
    "413": "the request is too large",
    "415": "a POST without application/json",
    "429": "too many requests",
    "503": "the database does not answer",
}
SYMBOL = {
    "name": "symbol",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "example": "BTCUSDT",
    "description": "In any spelling: BTCUSDT, btc, BTC/USDT.",
}


@dataclass(frozen=True, slots=True)
class _Operation:
    path: str
    summary: str
    answer: Shape | None = None
    """None: no JSON."""
    method: str = "get"
    parameters: Sequence[Json] = ()
    body: Shape | None = None
    media: str = JSON
    others: Mapping[str, str] | None = None
    """Further statuses that carry `answer` too, or nothing."""


def _query(name: str, schema: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _limit(limit: Limit) -> Json:
    return _query("limit", {"type": "integer", "minimum": 1, "maximum": limit.most, "default": limit.default})


_RANGE = _query("range", {"type": "string", "enum": list(RANGES), "default": "24h"})
_AT = _query("at", {"type": "string", "format": "date-time", "description": "A moment in the past, since 1970."})

_NOT_EMPTY: Json = {"type": "string", "minLength": 1}

OPERATIONS = (
    _Operation("/api/v1/clusters", "clusters, zones, marks and feeds, nearest to the mark first", ClustersAnswer),
    _Operation("/api/v1/clusters/{symbol}", "the same of one instrument", ClustersAnswer, parameters=(SYMBOL,)),
    _Operation(
        "/api/v1/heatmap/{symbol}",
        "what stands, by time and price; as it was shown at a past moment with `at`",
        HeatmapAnswer,
        parameters=(SYMBOL, _RANGE, _AT),
        others={"304": "as the If-None-Match says"},
    ),
    _Operation(
        "/api/v1/heatmap/{symbol}.png", "the same as a picture", parameters=(SYMBOL, _RANGE, _AT), media="image/png"
    ),
    _Operation(
        "/api/v1/liquidations",
        "the liquidations of one instrument, newest first",
        LiquidationsAnswer,
        parameters=(_query("symbol", _NOT_EMPTY, required=True), _limit(liquidations.LIMIT)),
    ),
    _Operation(
        "/api/v1/alerts",
        "the last alerts, newest first",
        AlertsAnswer,
        parameters=(
            _limit(alerts.LIMIT),
            _query("kind", {"type": "string", "enum": list(KINDS)}),
            _query("symbol", {"type": "string"}),
        ),
    ),
    _Operation(
        "/api/v1/alerts/{alert_id}",
        "why one alert was sent, and what came of it",
        AlertDetail,
        parameters=(
            {"name": "alert_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
        ),
    ),
    _Operation("/api/v1/alerts/test", "send a test alert", TestAnswer, method="post", body=TestRequest),
    _Operation(
        "/api/v1/pair",
        "a one-time code for another chat",
        PairAnswer,
        method="post",
        body=PairRequest,
        others={"409": "there is no bot"},
    ),
    _Operation("/api/v1/feeds", "is each feed proven alive, and when was it not", FeedsAnswer),
    _Operation(
        "/api/v1/events",
        "liquidations and state of one instrument, as Server-Sent Events; resumes from Last-Event-ID",
        parameters=(_query("symbol", _NOT_EMPTY, required=True),),
        media="text/event-stream",
    ),
    _Operation("/healthz", "is the process alive", HealthAnswer, others={"503": "it is not"}),
    _Operation("/readyz", "is everything in place", ReadyAnswer, others={"503": "it is not"}),
    _Operation("/metrics", "for Prometheus", media="text/plain"),
)


def document(*, token: bool) -> Json:
    """`token`: whether one is asked for."""
    shapes: set[Shape] = {shape for each in OPERATIONS for shape in (each.answer, each.body) if shape is not None}
    ordered: list[Shape] = sorted([*shapes, ErrorAnswer], key=lambda shape: shape.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    # A str there, so that a mistake is answered with the names; what may be given is this.
    schemas["PairRequest"]["properties"]["role"] |= {"enum": list(Role)}
    paths: dict[str, dict[str, object]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "liqalert",
            "version": liqalert.__version__,
            "license": {"name": "MIT"},
            "description": "Realised liquidations. Times ISO 8601 UTC, prices quote per base, amounts in US dollars. "
            "What is below /api/futures/liquidation/ has the shape of Coinglass v4: their documentation describes it.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
    return described | ({"security": [{"token": []}]} if token else {})


class OpenApiPage:
    def __init__(self, *, token: bool) -> None:
        self._body = msgspec.json.encode(document(token=token))

    async def show(self, request: web.Request) -> web.Response:
        asked(request)
        return web.Response(body=self._body, content_type=JSON, charset="utf-8")


def _described(operation: _Operation) -> Json:
    refusal = {JSON: {"schema": _ref(ErrorAnswer)}}
    responses: dict[str, object] = {
        status: {"description": why, "content": refusal} for status, why in REFUSALS.items()
    }
    shape: Json = {"type": "string"} if operation.answer is None else _ref(operation.answer)
    content = {operation.media: {"schema": shape}}
    responses["200"] = {"description": operation.summary, "content": content}
    for status, why in (operation.others or {}).items():
        either = {"anyOf": [shape, _ref(ErrorAnswer)]}
        responses[status] = {"description": why} | ({} if status == "304" else {"content": {JSON: {"schema": either}}})
    described: dict[str, object] = {"summary": operation.summary, "responses": responses}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(operation.body)}}}
    return described


def _ref(shape: Shape) -> Json:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
