"""One connection to an exchange, made again whenever it ends. What its frames mean is its owner's business."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NoReturn, Protocol

import aiohttp

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.feeds.backlog import Backlog, waiting_bytes
from liqalert.feeds.liveness import Outage
from liqalert.feeds.outages import TRANSPORT_ERRORS, FeedLost, closed, explain, silent
from liqalert.feeds.patience import Patience

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 10_000_000
LOOK_S = 0.05
"""How often, at most, is looked at what waits in the socket, and whether the connection's time is over."""
OVERLAP_S = 0.5
"""So long both the old and the new connection are listened to: more than a frame is under way."""
FRAMES = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
"""Both as bytes: text is not decoded, here or anywhere."""
MESSAGE_TOO_BIG = 1009
"""The WebSocket close code for it."""


class Owner(Protocol):
    """Whom a connection tells."""

    def opened(self, connection: Connection) -> None: ...

    def came(self) -> None:
        """A connection that had no frame waiting has one: it is to be taken in, at the next turn of the loop at the
        latest."""
        ...

    def take_in(self) -> None:
        """Takes in what waits, at once."""
        ...

    def too_large(self) -> None: ...

    def lost(self, connection: Connection, outage: Outage) -> None: ...


class Connection:
    """`run` ends only by cancellation, or by an error in what takes the frames."""

    def __init__(
        self,
        url: str,
        owner: Owner,
        *,
        exchange: str,
        number: int,
        first_life_s: float,
        session: aiohttp.ClientSession,
        clock: Clock,
        random: Random,
        patience: Patience,
    ) -> None:
        self.number = number
        """From 1."""
        self.times = 0
        """How often it was made."""
        self._url = url
        self._owner = owner
        self._exchange = exchange
        self._life_s = first_life_s
        self._session = session
        self._clock = clock
        self._random = random
        self._patience = patience
        self._open = False
        self._frames: list[bytes] = []
        """What has come and was not taken yet: of one turn of the loop."""
        self._silence: asyncio.Timeout | None = None
        """While it is listened to: when it will be given up."""
        self._backlog = Backlog()
        self._looked_s = 0.0
        self._progress_at = clock.now()
        self._wait_s = 0.0
        self._failures = 0
        self._refusals = 0
        self._alive_since: float | None = None
        self._marked = 0.0
        # The two above are in the loop's time, which no change of the clock disturbs.

    @property
    def proven(self) -> bool:
        """Open, and with marks lately."""
        return self._open and asyncio.get_running_loop().time() - self._marked <= self._patience.silence_s

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def behind(self) -> bool:
        """More comes than is taken in."""
        return self._open and self._backlog.behind

    @property
    def progress_at(self) -> UnixTime:
        """When a frame was last received, to `LOOK_S`, or an attempt to connect begun or ended."""
        return self._progress_at

    @property
    def progress_due_at(self) -> UnixTime:
        """When, at the latest, `progress_at` moves on unless it is stuck; far off while it waits to retry."""
        return self._progress_at + max(self._wait_s, self._patience.connect_s, self._patience.silence_s)

    def take(self) -> list[bytes]:
        """The frames that have come since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def brought_marks(self) -> None:
        """There were some among what was taken, which puts off the moment of giving up."""
        self._marked = asyncio.get_running_loop().time()
        if self._alive_since is None:
            self._alive_since = self._marked
            self._refusals = 0
        if self._silence is not None and not self._silence.expired():
            self._silence.reschedule(self._marked + self._patience.silence_s)

    async def run(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._wait_s)
            self._progress()
            try:
                await self._connect_and_listen()
            except FeedLost as exc:
                self.leave_alone(exc.outage)
                self._owner.lost(self, exc.outage)
            self._progress()

    def leave_alone(self, outage: Outage) -> None:
        """Decides how long to wait before the next attempt."""
        now_s = asyncio.get_running_loop().time()
        if self._alive_since is not None and now_s - self._alive_since >= self._patience.settled_s:
            self._failures = 0
        self._alive_since = None
        self._wait_s = self._delay_s(outage, self._failures, self._refusals)
        if outage.refused:
            self._refusals += 1
        else:
            self._failures += 1

    def _delay_s(self, outage: Outage, failures: int, refusals: int) -> float:
        """`failures` and `refusals`: how many there were before this one."""
        if outage.refused:
            return self._patience.backoff.refused_delay_s(refusals)
        return max(self._patience.backoff.delay_s(failures, self._random), outage.retry_after_s)

    async def _connect_and_listen(self) -> NoReturn:
        """One connection, and when it has lived its life the next, which is made before it goes. Raises FeedLost."""
        socket = await self._connect()
        try:
            while True:
                self._connected()
                await self._listen(socket, _after(self._life_s))
                self._life_s = self._patience.lifetime_s
                former, socket = socket, await self._successor(socket)
                await self._leave(former)
        finally:
            self._open = False
            self._life_s = self._patience.lifetime_s
            await socket.close()

    async def _successor(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> aiohttp.ClientWebSocketResponse[bool]:
        """A new connection, while the old one is listened to: for as long as that lives it is tried again. Raises
        FeedLost once both are gone."""
        for failures in itertools.count():
            connecting = asyncio.create_task(self._connect(), name=f"{self._exchange} socket {self.number}, the next")
            try:
                await self._listen(socket, connecting.done)
            except FeedLost as exc:
                self._owner.lost(self, exc.outage)
                break
            except BaseException:
                connecting.cancel()
                raise
            try:
                return await connecting
            except FeedLost as exc:
                extra = {"exchange": self._exchange, "socket": self.number, "problem": exc.outage.sentence}
                log.warning("no next connection yet, the old one goes on", extra=extra)
                await self._listen(socket, _after(self._delay_s(exc.outage, failures, failures)))
        return await connecting

    async def _leave(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        """Takes what is still under way over an old connection, and ends it."""
        with suppress(TimeoutError, FeedLost):
            async with asyncio.timeout(OVERLAP_S):
                await self._listen_until(socket, lambda: False)
        await socket.close()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse[bool]:
        try:
            async with asyncio.timeout(self._patience.connect_s):
                return await self._session.ws_connect(
                    self._url,
                    max_msg_size=MAX_MESSAGE_BYTES,
                    decode_text=False,
                    heartbeat=self._patience.heartbeat_s,
                    # Who is silent does not answer a goodbye either; the next attempt must not wait for that.
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except TRANSPORT_ERRORS as exc:
            raise FeedLost(explain(exc, self._exchange, connect_s=self._patience.connect_s)) from exc

    def _connected(self) -> None:
        self._progress()
        self._wait_s = 0.0
        self.times += 1
        self._open = True
        log.info("connected", extra={"exchange": self._exchange, "socket": self.number, "connection": self.times})
        self._owner.opened(self)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse[bool], over: Callable[[], bool]) -> None:
        """Keeps frames to be taken in until it is `over`. Raises FeedLost at the end, and after a silence."""
        loop = asyncio.get_running_loop()
        born = loop.time()
        self._backlog = Backlog()
        while not over():
            try:
                async with asyncio.timeout(self._patience.silence_s) as patience:
                    self._silence = patience
                    await self._listen_until(socket, over)
            except TimeoutError as exc:
                if not patience.expired():
                    raise  # not ours: a defect in what takes the frames
                self._owner.take_in()
                if loop.time() - self._marked < self._patience.silence_s or _waiting(socket):
                    continue  # not silent: it is we who were held up, or the whole machine was
                heard_before = self._marked > born
                raise FeedLost(silent(self._exchange, self._patience.silence_s, heard_before=heard_before)) from exc
            finally:
                self._silence = None

    async def _listen_until(self, socket: aiohttp.ClientWebSocketResponse[bool], over: Callable[[], bool]) -> None:
        """Waits no longer than the timeout around it. Raises FeedLost at the end."""
        last = False
        while not last:
            try:
                message = await socket.receive()
            except TRANSPORT_ERRORS as exc:
                raise FeedLost(closed(self._exchange, None)) from exc
            if message.type not in FRAMES:
                raise self._ended(socket)
            self._frames.append(message.data)
            if len(self._frames) == 1:
                last = self._look(socket) and over()
                self._owner.came()

    def _look(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> bool:
        """Whether it was time to look at more than the frames."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        self._progress()
        self._backlog.note(_waiting(socket), now_s)
        return True

    def _ended(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> FeedLost:
        if socket.close_code == MESSAGE_TOO_BIG:
            self._owner.too_large()
        return FeedLost(closed(self._exchange, socket.close_code))

    def _progress(self) -> None:
        self._progress_at = self._clock.now()


def _after(seconds: float) -> Callable[[], bool]:
    """Whether so much time has passed since this call."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    return lambda: loop.time() >= end_s


def _waiting(socket: aiohttp.ClientWebSocketResponse[bool]) -> int:
    return waiting_bytes(socket.get_extra_info("socket"))
