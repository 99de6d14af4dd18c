"""A Binance-shaped server on loopback: WebSocket routes, REST answers, and the ways in which both go wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import WSMsgType, web

from tests.binance_messages import (
    COIN_M_INFO,
    LIQUIDATIONS,
    MARKS,
    USD_M_INFO,
    force_order,
    mark_rows,
    milliseconds,
)


class Client:
    """One connected WebSocket client."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, wrapped: bool, routed: bool) -> None:
        self.socket = socket
        self.request = request
        self.wrapped = wrapped
        self.routed = routed
        self.streams: set[str] = set()

    async def send(self, stream: str, content: Any) -> None:
        with suppress(ConnectionError):
            payload = {"stream": stream, "data": content} if self.wrapped else content
            await self.socket.send_str(msgspec.json.encode(payload).decode())

    def stream_of(self, names: Iterable[str]) -> str | None:
        return next((name for name in names if self.routed and name in self.streams), None)


class BinanceServer:
    """Use as `async with BinanceServer() as server:`. One address for both REST interfaces and the WebSocket.

    `refusal`: HTTP status for WebSocket connections (451, 403, 502 ...). `stalled`: connects and sends nothing.
    `handshake_s`: how long it takes to connect.
    `rest_status`, `rest_headers`: what every REST call gets instead of an answer.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.clients: list[Client] = []
        self.connections = 0
        self.attempts = 0
        self.refusal: int | None = None
        self.refusal_headers: dict[str, str] = {}
        self.stalled = False
        self.handshake_s = 0.0
        self.rest_status: int | None = None
        self.rest_headers: dict[str, str] = {}
        self.rest_delay_s = 0.0
        self.rest_calls: list[str] = []
        self.exchange_info: Any = USD_M_INFO
        self.coin_exchange_info: Any = COIN_M_INFO
        self.open_interest: dict[str, str] = {"BTCUSDT": "80000", "ETHUSDT": "2000000", "BTCUSD_PERP": "5000000"}
        self.prices: dict[str, float | str] = {"BTCUSDT": 60000.0, "ETHUSDT": 3000.0}
        """What automatic marks send, and premiumIndex answers."""
        self.klines: dict[str, list[tuple[float, float]]] = {}
        """Opening time and price of each minute, by symbol."""
        self.connected = asyncio.Event()
        self._tls = tls
        self._port = 0
        self._marking: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None

    # ------------------------------------------------------------ life

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/market/stream", self._socket),
                web.get("/market/ws", self._socket),
                web.get("/market/ws/{streams:.+}", self._socket),
                # Without the route a connection is accepted and acknowledged, and then nothing ever comes.
                web.get("/stream", self._socket),
                web.get("/ws", self._socket),
                web.get("/ws/{streams:.+}", self._socket),
                web.get("/fapi/v1/exchangeInfo", self._rest),
                web.get("/dapi/v1/exchangeInfo", self._rest),
                web.get("/fapi/v1/openInterest", self._rest),
                web.get("/dapi/v1/openInterest", self._rest),
                web.get("/fapi/v1/premiumIndex", self._rest),
                web.get("/fapi/v1/klines", self._rest),
                web.get("/dapi/v1/klines", self._rest),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.stop_marking()
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def rest_url(self) -> str:
        return f"http{self._secure}://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        """For `binance.ws_url`: with the route."""
        return f"ws{self._secure}://127.0.0.1:{self._port}/market"

    @property
    def unrouted_ws_url(self) -> str:
        return f"ws{self._secure}://127.0.0.1:{self._port}"

    @property
    def _secure(self) -> str:
        return "s" if self._tls is not None else ""

    # ------------------------------------------------------------ what a test does

    async def liquidate(
        self, symbol: str, side: str, *, price: float | str, quantity: float | str, **fields: Any
    ) -> None:
        await self.send_liquidation(force_order(symbol, side, price=price, quantity=quantity, **fields))

    async def send_liquidation(self, content: Any) -> None:
        """`content` is one forceOrder, or a list of them, or anything else that is to stand in that stream."""
        await self._broadcast([LIQUIDATIONS], content)

    async def mark(self, prices: Mapping[str, float | str], *, frames: int = 1) -> None:
        """One tick of marks; with `frames` = 2 the table comes in two frames, as that of Binance does."""
        rows = mark_rows(prices)
        for part in range(frames):
            await self._broadcast(MARKS, rows[part::frames])

    def mark_every(self, seconds: float) -> None:
        """Sends `prices` to everyone from now on, the first time at once."""
        if self._marking is not None:
            self._marking.cancel()
        self._marking = asyncio.create_task(self._mark_for_ever(seconds), name="marks")

    async def stop_marking(self) -> None:
        if self._marking is not None:
            self._marking.cancel()
            with suppress(asyncio.CancelledError):
                await self._marking
            self._marking = None

    async def send_raw(self, frame: bytes) -> None:
        """`frame` as it is, as a text frame, to everyone; it need be neither JSON nor UTF-8."""
        for client in list(self.clients):
            with suppress(ConnectionError):
                await client.socket.send_frame(frame, WSMsgType.TEXT)

    async def drop(self) -> None:
        """Cuts every connection without a goodbye."""
        for client in list(self.clients):
            if client.request.transport is not None:
                client.request.transport.abort()
        await asyncio.sleep(0)

    async def wait_connected(self, connections: int = 1, timeout_s: float = 30.0) -> None:
        """Until so many connections have been made since the start."""
        async with asyncio.timeout(timeout_s):
            while self.connections < connections:
                self.connected.clear()
                await self.connected.wait()

    # ------------------------------------------------------------ WebSocket

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self.attempts += 1
        if self.refusal is not None:
            return web.Response(status=self.refusal, headers=self.refusal_headers)
        await asyncio.sleep(self.handshake_s)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        routed = request.path.startswith("/market/")
        client = Client(socket, request, wrapped=request.path.endswith("/stream"), routed=routed)
        names = request.query.get("streams") or request.match_info.get("streams") or ""
        client.streams |= {name for name in names.split("/") if name}
        self.clients.append(client)
        self.connections += 1
        self.connected.set()
        try:
            async for message in socket:
                await self._asked(client, message.data)
        finally:
            self.clients.remove(client)
        return socket

    async def _asked(self, client: Client, text: str) -> None:
        request = msgspec.json.decode(text)
        names = set(request.get("params") or ())
        if request.get("method") == "SUBSCRIBE":
            client.streams |= names
        elif request.get("method") == "UNSUBSCRIBE":
            client.streams -= names
        await client.socket.send_str(msgspec.json.encode({"result": None, "id": request.get("id")}).decode())

    async def _broadcast(self, names: Iterable[str], content: Any) -> None:
        names = tuple(names)
        for client in list(self.clients):
            stream = client.stream_of(names)
            if stream is not None and not self.stalled:
                await client.send(stream, content)

    async def _mark_for_ever(self, seconds: float) -> None:
        while True:
            await self.mark(self.prices)
            await asyncio.sleep(seconds)

    # ------------------------------------------------------------ REST

    async def _rest(self, request: web.Request) -> web.Response:
        self.rest_calls.append(request.rel_url.raw_path_qs)
        await asyncio.sleep(self.rest_delay_s)
        if self.rest_status is not None:
            return web.Response(status=self.rest_status, headers=self.rest_headers)
        symbol = request.query.get("symbol", "")
        match request.path:
            case "/fapi/v1/exchangeInfo":
                return _json(self.exchange_info)
            case "/dapi/v1/exchangeInfo":
                return _json(self.coin_exchange_info)
            case "/fapi/v1/premiumIndex":
                return _json(self._premium_index(symbol))
            case "/fapi/v1/klines" | "/dapi/v1/klines":
                return _json(self._klines(symbol, int(request.query["startTime"]), int(request.query["limit"])))
            case _ if symbol in self.open_interest:
                held = self.open_interest[symbol]
                return _json({"symbol": symbol, "openInterest": held, "time": milliseconds()})
            case _:
                return _json({"code": -1121, "msg": "Invalid symbol."}, status=400)

    def _klines(self, symbol: str, start_ms: int, limit: int) -> Any:
        found = [(round(at * 1000), str(price)) for at, price in self.klines.get(symbol, []) if at * 1000 >= start_ms]
        rest = ["0", 0, "0", 0, "0", "0", "0"]
        return [[opened, price, price, price, price, *rest] for opened, price in found[:limit]]

    def _premium_index(self, symbol: str) -> Any:
        rows = [
            {"symbol": name, "markPrice": str(price), "time": milliseconds()} for name, price in self.prices.items()
        ]
        return next((row for row in rows if row["symbol"] == symbol), {}) if symbol else rows


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")
