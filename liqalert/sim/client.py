"""One connected WebSocket client: what it has subscribed to, what it asks, and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import msgspec
from aiohttp import WSMsgType, web

from liqalert.core.market import UnixTime
from liqalert.sim.frames import Frame

Item: TypeAlias = tuple[WSMsgType, bytes]
WAITING_AT_MOST = 20_000
"""So many messages behind, a client is cut, as Binance does with clients that cannot keep up."""


class Request(msgspec.Struct):
    method: str
    params: list[str] = []
    id: int | str | None = None


class Client:
    """`offer` and the other calls return at once; `write` sends what they left, in order."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, *, routed: bool, now: UnixTime) -> None:
        names = request.query.get("streams") or request.match_info.get("streams") or ""
        self.streams = {name for name in names.split("/") if name}
        self.routed = routed
        self.connected_at = now
        self.pinged_at = now
        self.pong_at = now
        self._request = request
        self._socket = socket
        self._wrapped = request.path.endswith("/stream")
        self._waiting: asyncio.Queue[Item] = asyncio.Queue(WAITING_AT_MOST)

    def offer(self, frame: Frame) -> None:
        """Queues `frame`, once for each of its streams that this client has subscribed to."""
        if not self.routed:
            return
        if frame.verbatim:
            self.put(WSMsgType.TEXT, frame.content)
            return
        for stream in frame.streams:
            if stream in self.streams:
                self.put(WSMsgType.TEXT, frame.payload(stream, wrapped=self._wrapped))

    def put(self, kind: WSMsgType, content: bytes) -> None:
        try:
            self._waiting.put_nowait((kind, content))
        except asyncio.QueueFull:
            self.cut()

    def close(self) -> None:
        """Says goodbye, after what is already waiting."""
        self.put(WSMsgType.CLOSE, b"")

    def cut(self) -> None:
        """Ends the connection without a goodbye."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Sends what is waiting until the connection ends."""
        while True:
            # No timeout: with nothing to say the server stays silent.
            kind, content = await self._waiting.get()
            try:
                if kind is WSMsgType.CLOSE:
                    await self._socket.close()
                    return
                await self._socket.send_frame(content, kind)
            except ConnectionError:
                return

    def asked(self, text: str | bytes) -> None:
        """Does what a message of the client asks for, and acknowledges it."""
        try:
            request = msgspec.json.decode(text, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            self._reply({"error": {"code": 3, "msg": f"Invalid JSON: {exc}"}})
            return
        match request.method:
            case "SUBSCRIBE":
                self.streams |= set(request.params)
                self._reply({"result": None, "id": request.id})
            case "UNSUBSCRIBE":
                self.streams -= set(request.params)
                self._reply({"result": None, "id": request.id})
            case "LIST_SUBSCRIPTIONS":
                self._reply({"result": sorted(self.streams), "id": request.id})
            case other:
                self._reply({"error": {"code": 2, "msg": f"Invalid request: unknown method {other}"}, "id": request.id})

    def _reply(self, content: object) -> None:
        self.put(WSMsgType.TEXT, msgspec.json.encode(content))
