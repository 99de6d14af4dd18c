"""A server that is shaped like Binance: WebSocket streams and public REST, from a simulated market or a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import NoReturn

import msgspec
from aiohttp import WSMsgType, web

from liqalert.core.market import UnixTime
from liqalert.sim.client import Client
from liqalert.sim.clock import ScaledClock
from liqalert.sim.faults import Fault, Faults
from liqalert.sim.frames import ALL_LIQUIDATIONS, Frame
from liqalert.sim.rest import Refused
from liqalert.sim.sources import Source

PING_EVERY_S = 180.0
PONG_WITHIN_S = 600.0
LIFETIME_S = 24 * 3600.0
"""Binance cuts every connection after 24 hours."""
STOP_S = 2.0
GOODBYE_S = 0.5


class FaultRequest(msgspec.Struct):
    """The body of POST /control/faults."""

    fault: Fault
    for_s: float = 10.0


class SimulatedExchange:
    """Serves `source` on loopback, in the time of `clock`. `start` it, and `stop` it when done.

    Frames of second t are sent when the clock says t. A clock that runs faster than the machine can follow makes them
    late, never different. `control` opens POST /control/faults; `lifetime_s` is that of a connection.
    """

    def __init__(
        self, source: Source, clock: ScaledClock, *, control: bool = False, lifetime_s: float = LIFETIME_S
    ) -> None:
        self._source = source
        self._clock = clock
        self._control = control
        self._lifetime_s = lifetime_s
        self._faults = Faults()
        self._clients: set[Client] = set()
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._runner: web.AppRunner | None = None
        self._running: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self.port = 0
        """Known once started."""
        self.liquidations = 0
        """How many were due to be sent so far."""

    @property
    def ws_url(self) -> str:
        """For `binance.ws_url`: with the route."""
        return f"ws://127.0.0.1:{self.port}/market"

    @property
    def rest_url(self) -> str:
        """For `binance.rest_url`; it serves COIN-M as well."""
        return f"http://127.0.0.1:{self.port}"

    # ------------------------------------------------------------ life

    async def start(self, port: int = 0) -> None:
        """Listens on 127.0.0.1, `port` 0 for any that is free. Raises OSError when it is taken."""
        self._runner = web.AppRunner(self._application(), shutdown_timeout=STOP_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        self._running = asyncio.create_task(self._run(), name="simulated exchange")

    async def stop(self) -> None:
        """Ends every connection. Raises what ended the exchange before, if anything did."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running], timeout=STOP_S)
        await self._say_goodbye()
        if self._runner is not None:
            await self._runner.cleanup()
        if running is not None and running.done() and not running.cancelled():
            running.result()

    async def _say_goodbye(self) -> None:
        """Lets every client have what is waiting for it; who does not take it in time is cut."""
        for client in tuple(self._clients):
            client.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._nobody.wait()
        for client in tuple(self._clients):
            client.cut()

    async def until_ended(self) -> None:
        """Returns when the source has no more frames, which a market never says, or when a defect ended the sending."""
        # No timeout: this is the wait for the end.
        await self._ended.wait()

    def begin_fault(self, fault: Fault, *, for_s: float = 10.0) -> None:
        """From now on `fault` is on for `for_s` simulated seconds; 0 ends it. DROP happens once, at once."""
        if fault is Fault.DROP:
            for client in tuple(self._clients):
                client.cut()
        else:
            self._faults.begin(fault, now=self._clock.now(), for_s=for_s)

    # ------------------------------------------------------------ sending

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_connections(), name="simulated exchange: connections")
                await self._send_frames()
                self._ended.set()
        finally:
            self._ended.set()

    async def _send_frames(self) -> None:
        """Sends the source's frames, each when it is due, until there are no more."""
        while (due_at := self._source.next_at) is not None:
            await self._clock.sleep_until(due_at)
            frames = self._source.take()
            self.liquidations += sum(ALL_LIQUIDATIONS in frame.streams for frame in frames)
            self._send(self._faults.pass_on(frames, self._clock.now()))

    async def _keep_connections(self) -> NoReturn:
        """Once a second: pings, and the ends of connections that are too old or answer no ping."""
        while True:
            now = self._clock.now()
            self._send(self._faults.due(now))
            for client in tuple(self._clients):
                self._keep(client, now)
            await self._clock.sleep_until(now + 1.0)

    def _keep(self, client: Client, now: UnixTime) -> None:
        if now - client.connected_at >= self._lifetime_s or now - client.pong_at >= PONG_WITHIN_S:
            client.close()
        elif now - client.pinged_at >= PING_EVERY_S and not self._faults.on(Fault.STALL, now):
            client.pinged_at = now
            client.put(WSMsgType.PING, str(round(now * 1000.0)).encode())

    def _send(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            for client in tuple(self._clients):
                client.offer(frame)

    # ------------------------------------------------------------ requests

    def _application(self) -> web.Application:
        app = web.Application()
        # Any path is accepted as a WebSocket: without the route it is acknowledged, and then nothing ever comes.
        for path in ("/ws", "/ws/{streams:.+}", "/stream"):
            for route in ("", "/market", "/public"):
                app.router.add_get(route + path, self._socket)
        if self._control:
            app.router.add_post("/control/faults", self._fault)
        app.router.add_get("/{path:.*}", self._rest)
        return app

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        now = self._clock.now()
        if self._faults.on(Fault.REFUSE, now):
            return _turned_away()
        # Without autoping the pongs of the client are seen, and those to the client can be left out.
        socket = web.WebSocketResponse(autoping=False, timeout=STOP_S)
        await socket.prepare(request)
        client = Client(request, socket, routed=request.path.startswith("/market/"), now=now)
        self._clients.add(client)
        self._nobody.clear()
        try:
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(client.write(), name="simulated exchange: writing")
                await self._listen(client, socket)
                writing.cancel()
        finally:
            self._clients.remove(client)
            if not self._clients:
                self._nobody.set()
        return socket

    async def _listen(self, client: Client, socket: web.WebSocketResponse) -> None:
        # No timeout: a client need not say anything; whether it answers pings is looked after elsewhere.
        async for message in socket:
            now = self._clock.now()
            if message.type is WSMsgType.PONG:
                client.pong_at = now
            elif self._faults.on(Fault.STALL, now):
                continue
            elif message.type is WSMsgType.PING:
                client.put(WSMsgType.PONG, bytes(message.data))
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                client.asked(message.data)

    async def _rest(self, request: web.Request) -> web.Response:
        if self._faults.on(Fault.REFUSE, self._clock.now()):
            return _turned_away()
        try:
            return _json(self._source.answer(request.path, request.query))
        except Refused as exc:
            return _json(exc.body, status=400)
        except KeyError:
            return web.Response(status=404)

    async def _fault(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=FaultRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            return _json(msgspec.json.encode({"error": str(exc), "allowed": [*Fault]}), status=400)
        self.begin_fault(asked.fault, for_s=asked.for_s)
        return _json(msgspec.json.encode({"fault": asked.fault, "for_s": asked.for_s}))


def _json(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


def _turned_away() -> web.Response:
    """What Binance answers where it may not serve."""
    message = "Service unavailable from a restricted location according to 'b. Eligibility' (simulated)."
    return _json(msgspec.json.encode({"code": 0, "msg": message}), status=451)
