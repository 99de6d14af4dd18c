"""What can become of an exchange's frames on their way to one client."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from aiohttp import WSMsgType

from liqalert.sim.faults import GARBAGE
from tests.binance_messages import LIQUIDATIONS
from tests.binance_server import Client

Passing: TypeAlias = Callable[[Client, str, Any], Awaitable[None]]

HELD = 7
"""Frames that leave in reverse: several of one second, as on a bad line with more than one path."""


class Untouched:
    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        await client.send(stream, content)


class Nothing:
    """The socket is open and answers pings, and no data comes: silence, or an address without a route."""

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        pass


class MarksOnly:
    """The stream of liquidations is mute beside lively marks."""

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        if stream != LIQUIDATIONS:
            await client.send(stream, content)


class OtherStream:
    """Frames of a stream that nobody has asked for, in place of those that were."""

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        ticker = {"e": "bookTicker", "u": 400900217, "s": "BTCUSDT", "b": "25.35", "B": "31", "a": "25.36", "A": "40"}
        await client.send("!bookTicker", ticker)


class Delayed:
    """Frames leave late, in order."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._waiting: asyncio.Queue[tuple[float, Client, str, Any]] = asyncio.Queue()
        self._sending: asyncio.Task[None] | None = None

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        loop = asyncio.get_running_loop()
        self._waiting.put_nowait((loop.time() + self._delay_s, client, stream, content))
        self._sending = self._sending or asyncio.create_task(self._send(), name="delayed frames")

    def stop(self) -> None:
        if self._sending is not None:
            self._sending.cancel()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_at, client, stream, content = await self._waiting.get()
            await asyncio.sleep(due_at - loop.time())
            await client.send(stream, content)


class Reordered:
    """A handful at a time, the newest first."""

    def __init__(self) -> None:
        self._held: list[tuple[Client, str, Any]] = []

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        self._held.append((client, stream, content))
        if len(self._held) >= HELD:
            await self.release()

    async def release(self) -> None:
        held, self._held = self._held, []
        for client, stream, content in reversed(held):
            await client.send(stream, content)


class Doubled:
    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        await client.send(stream, content)
        await client.send(stream, content)


class Garbled:
    """Something that is no frame before each that is one."""

    def __init__(self) -> None:
        self._garbage = itertools.cycle((*GARBAGE, b"[" * 100_000))

    async def __call__(self, client: Client, stream: str, content: Any) -> None:
        await client.socket.send_frame(next(self._garbage), WSMsgType.TEXT)
        await client.send(stream, content)
