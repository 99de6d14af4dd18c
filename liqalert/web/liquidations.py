"""/api/v1/liquidations: the liquidations of one symbol as the exchanges reported them, newest first."""

from __future__ import annotations

from typing import Protocol

import msgspec
from aiohttp import web

from liqalert.board import Board
from liqalert.core.market import Liquidation
from liqalert.web.answers import ApiError, iso, json_response
from liqalert.web.instruments import instrument_asked
from liqalert.web.queries import Limit, asked, limit_asked

LIMIT = Limit(default=100, most=1000)


class LiquidationReader(Protocol):
    """Reads liquidations from the database. Raises StorageError."""

    async def liquidations(self, symbol: str, limit: int) -> tuple[Liquidation, ...]:
        """The newest of `symbol` on every exchange, newest first."""
        ...


class LiquidationItem(msgspec.Struct, frozen=True):
    exchange: str
    symbol: str
    liquidated: str
    price: float
    quantity: float
    notional_usd: float
    event_time: str
    received_time: str


class LiquidationsAnswer(msgspec.Struct, frozen=True):
    liquidations: tuple[LiquidationItem, ...]


class LiquidationPages:
    def __init__(self, board: Board, liquidations: LiquidationReader) -> None:
        self._board = board
        self._liquidations = liquidations

    async def newest(self, request: web.Request) -> web.Response:
        query = asked(request, "symbol", "limit")
        limit = limit_asked(query.get("limit"), LIMIT)
        if not query.get("symbol"):
            raise ApiError(400, "The query names no symbol.", allowed=("symbol=BTCUSDT",))
        instrument = instrument_asked(query["symbol"], self._board)
        found = await self._liquidations.liquidations(instrument.symbol, limit)
        return json_response(LiquidationsAnswer(tuple(_liquidation_item(liquidation) for liquidation in found)))


def _liquidation_item(liquidation: Liquidation) -> LiquidationItem:
    return LiquidationItem(
        exchange=liquidation.instrument.exchange,
        symbol=liquidation.instrument.symbol,
        liquidated=liquidation.liquidated,
        price=liquidation.price,
        quantity=liquidation.quantity,
        notional_usd=liquidation.notional_usd,
        event_time=iso(liquidation.event_time),
        received_time=iso(liquidation.received_time),
    )
