"""/api/v1/alerts: what was decided, how it turned out, who was told; and a test through the real path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec
from aiohttp import web

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.alerts import ABOUT_LIQALERT
from liqalert.core.rules import RuleKind
from liqalert.ports import AlertReader
from liqalert.web.alert_details import alert_detail
from liqalert.web.alert_items import AlertItem, alert_item
from liqalert.web.answers import ApiError, json_response, shown
from liqalert.web.instruments import instrument_asked
from liqalert.web.queries import Limit, asked, body_asked, choice_asked, limit_asked

KINDS = (*RuleKind, *ABOUT_LIQALERT)
LONGEST_ID = 64
LIMIT = Limit(default=50, most=500)


class UnknownChat(Exception):
    """No allowed chat has this address. `allowed`: the addresses that would do."""

    def __init__(self, message: str, allowed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


SendTest: TypeAlias = Callable[[str | None], Awaitable[str]]
"""Sends a test alert to the chat with this address (None: the owner's); gives the alert's id. Raises UnknownChat,
StorageError."""


class AlertsAnswer(msgspec.Struct, frozen=True):
    alerts: tuple[AlertItem, ...]


class TestRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    __test__ = False

    chat: str | None = None
    """A Telegram chat id as text; null: the owner's chat, or another way by which alerts go where he has none."""


class TestAnswer(msgspec.Struct, frozen=True):
    __test__ = False

    id: str


class AlertPages:
    def __init__(self, board: Board, alerts: AlertReader, send_test: SendTest, clock: Clock) -> None:
        self._board = board
        self._alerts = alerts
        self._clock = clock
        self._send_test = send_test

    async def recent(self, request: web.Request) -> web.Response:
        query = asked(request, "limit", "kind", "symbol")
        limit = limit_asked(query.get("limit"), LIMIT)
        kind = choice_asked("kind", query.get("kind"), allowed=KINDS)
        instrument = instrument_asked(query["symbol"], self._board) if "symbol" in query else None
        rows = await self._alerts.recent(limit, kind=kind, instrument=instrument)
        return json_response(AlertsAnswer(tuple(alert_item(row) for row in rows)))

    async def why(self, request: web.Request) -> web.Response:
        asked(request)
        alert_id = request.match_info["alert_id"]
        # Ids are ours, short and plain: nothing else needs to reach the database.
        plain = len(alert_id) <= LONGEST_ID and alert_id.isascii() and alert_id.isprintable()
        row = await self._alerts.why(alert_id) if plain else None
        if row is None:
            raise ApiError(404, f"There is no alert {shown(alert_id)}.", allowed=("an id from /api/v1/alerts",))
        return json_response(alert_detail(row.with_running(self._board.feeds.values()), self._clock.now()))

    async def test(self, request: web.Request) -> web.Response:
        asked(request)
        wanted = await body_asked(request, TestRequest)
        try:
            return json_response(TestAnswer(await self._send_test(wanted.chat)))
        except UnknownChat as exc:
            raise ApiError(404, str(exc), allowed=exc.allowed) from exc
