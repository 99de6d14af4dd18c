"""/api/v1/events: what happens, as Server-Sent Events. A client that reads too slowly is dropped, never waited for."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

import msgspec
from aiohttp import web

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.market import Instrument, Liquidation
from liqalert.web.answers import ApiError, iso
from liqalert.web.feeds import mark_age_s
from liqalert.web.instruments import instrument_asked
from liqalert.web.queries import asked

PATH = "/api/v1/events"
MOST_CLIENTS = 100
MOST_WAITING = 200
"""Messages for one client; one that has more is dropped."""
KEPT = 2000
"""Liquidations that a client can be given again when it comes back."""
STATE_S = 1.0
WRITE_WITHIN_S = 5.0


class LiquidationEvent(msgspec.Struct, frozen=True):
    symbol: str
    liquidated: str
    price: float
    notional_usd: float
    at: str
    received_at: str
    """Tells the column of the heatmap that it counts in, and whether a grid holds it already."""


class StateEvent(msgspec.Struct, frozen=True):
    """Sent each second, so that silence means a lost connection and never a quiet market."""

    at: str
    as_of: str
    """When the clusters were last cut."""
    alive: bool
    """Whether the instrument's feed is proven alive by fresh marks."""
    mark: float | None
    mark_at: str | None
    mark_age_s: float | None
    problem: str | None
    warnings: tuple[str, ...]


@dataclass(eq=False, slots=True)
class _Client:
    instrument: Instrument
    waiting: deque[bytes] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    dropped: bool = False

    def give(self, message: bytes) -> None:
        if len(self.waiting) >= MOST_WAITING:
            self.dropped = True
        else:
            self.waiting.append(message)
        self.woken.set()


class Events:
    """The hub: takes liquidations, and serves each client those of its instrument. Loop thread only."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._life = secrets.token_hex(4)
        """Ids of another run mean nothing here."""
        self._number = 0
        """Of the newest liquidation, which is the last of these."""
        self._kept: deque[Liquidation] = deque(maxlen=KEPT)
        self._clients: set[_Client] = set()
        self._closed = False

    @property
    def clients(self) -> int:
        return len(self._clients)

    def take(self, liquidations: Sequence[Liquidation]) -> None:
        """Liquidations that the engine has accepted."""
        first = self._number + 1
        self._number += len(liquidations)
        self._kept += liquidations
        if self._clients:
            for number, each in enumerate(liquidations, first):
                listening = [client for client in self._clients if client.instrument == each.instrument]
                # Nearly always nobody.
                if listening:
                    message = self._told(number, each)
                    for client in listening:
                        client.give(message)

    async def close(self, _: web.Application) -> None:
        """Ends every stream at once."""
        self._closed = True
        for client in self._clients:
            client.woken.set()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        query = asked(request, "symbol")
        if not query.get("symbol"):
            raise ApiError(400, "The query needs a symbol.", allowed=("symbol=BTCUSDT",))
        instrument = instrument_asked(query["symbol"], self._board)
        if len(self._clients) >= MOST_CLIENTS:
            raise ApiError(503, f"{MOST_CLIENTS} clients are served already: try again later.")
        client = _Client(instrument)
        self._resume(client, request.headers.get("Last-Event-ID"))
        # Before anything is awaited: what comes from here on is not missed, and nobody slips in beyond the limit.
        self._clients.add(client)
        try:
            response = web.StreamResponse(headers={"X-Accel-Buffering": "no", "Content-Type": "text/event-stream"})
            await response.prepare(request)
            # A vanished client, or one that does not read, ends here.
            with suppress(ConnectionError, TimeoutError):
                await self._serve(client, response)
            if not self._closed and request.transport is not None:
                # It would be waited for until it has read what there is for it.
                request.transport.abort()
        finally:
            self._clients.discard(client)
        return response

    async def _serve(self, client: _Client, response: web.StreamResponse) -> None:
        while not self._closed and not client.dropped:
            client.woken.clear()
            # With an id, so that a client to which nothing has come yet can be given what it misses as well.
            state = _message("state", self._state(client.instrument), id_=self._id())
            messages = b"".join(client.waiting) + state
            client.waiting.clear()
            async with asyncio.timeout(WRITE_WITHIN_S):
                await response.write(messages)
            with suppress(TimeoutError):
                async with asyncio.timeout(STATE_S):
                    await client.woken.wait()

    def _resume(self, client: _Client, last_id: str | None) -> None:
        """What the client has missed; `reset` where that is not known any more."""
        if last_id is None:
            return
        life, _, number = last_id.partition("-")
        known = life == self._life and number.isdecimal() and len(number) < 18
        first = self._number - len(self._kept) + 1
        if not known or int(number) < first - 1:
            client.give(b"event: reset\ndata: {}\n\n")
            return
        later = islice(enumerate(self._kept, first), int(number) - first + 1, None)
        missed = [(each, kept) for each, kept in later if kept.instrument == client.instrument]
        if len(missed) >= MOST_WAITING:
            client.give(b"event: reset\ndata: {}\n\n")
            return
        for each, kept in missed:
            client.give(self._told(each, kept))

    def _told(self, number: int, of: Liquidation) -> bytes:
        item = LiquidationEvent(
            of.instrument.symbol, of.liquidated, of.price, of.notional_usd, iso(of.event_time), iso(of.received_time)
        )
        return _message("liquidation", item, id_=self._id(number))

    def _id(self, number: int | None = None) -> str:
        """Of the newest liquidation, or that with `number`."""
        return f"{self._life}-{self._number if number is None else number}"

    def _state(self, instrument: Instrument) -> StateEvent:
        now, snapshot = self._clock.now(), self._board.snapshot
        status, mark = self._board.feeds.get(instrument.exchange), snapshot.marks.get(instrument)
        return StateEvent(
            at=iso(now),
            as_of=iso(snapshot.as_of),
            alive=status is not None and status.alive,
            mark=mark.price if mark else None,
            mark_at=iso(mark.received_time) if mark else None,
            mark_age_s=mark_age_s(status, now) if status else None,
            problem=status.problem if status else None,
            warnings=(*self._board.warnings, *self._board.mute()),
        )


def _message(event: str, item: msgspec.Struct, *, id_: str) -> bytes:
    return f"id: {id_}\nevent: {event}\ndata: ".encode() + msgspec.json.encode(item) + b"\n\n"
