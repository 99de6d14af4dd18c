"""A simulated exchange on a real socket, sources without a market, and a client that reads frames."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any

import aiohttp
import msgspec

from liqalert.core.market import UnixTime
from liqalert.sim.clock import ScaledClock
from liqalert.sim.frames import Frame
from liqalert.sim.listings import ASSETS, LISTINGS
from liqalert.sim.market import Market
from liqalert.sim.rest import Query
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import MarketSource, Source

START = 1_795_000_000.0
LIQUIDATIONS = "!forceOrder@arr"
MARKS = "!markPrice@arr@1s"


def small_market(seed: int = 1) -> Market:
    """Two instruments: a tenth of a second to build, and liquidations within seconds."""
    listings = [one for one in LISTINGS if one.symbol in ("牛来USDT", "XAUUSDT")]
    assets = [one for one in ASSETS if one.name in ("牛来", "XAU")]
    return Market(Random(seed), start=START, listings=listings, assets=assets)


def coin_market(seed: int = 1) -> Market:
    """One COIN-M instrument, quick to build."""
    listings = [replace(one, open_interest_usd=20e6) for one in LISTINGS if one.coin_margined]
    return Market(Random(seed), start=START, listings=listings, assets=ASSETS[:1])


class Ticker:
    """A source of numbered frames, one a second in each of the two streams."""

    def __init__(self, seconds: int | None = None) -> None:
        self._seconds = seconds
        self._passed = 0

    @property
    def next_at(self) -> UnixTime | None:
        return None if self._passed == self._seconds else START + self._passed + 1

    def take(self) -> tuple[Frame, ...]:
        self._passed += 1
        return numbered(self._passed)

    def answer(self, path: str, query: Query) -> bytes:
        raise KeyError(path)


def numbered(number: int) -> tuple[Frame, ...]:
    return (
        Frame((LIQUIDATIONS,), b'{"liquidations":%d}' % number),
        Frame((MARKS,), b'{"marks":%d}' % number),
    )


@asynccontextmanager
async def serving(
    source: Source | None = None, *, speed: float = 50.0, **options: Any
) -> AsyncIterator[SimulatedExchange]:
    exchange = SimulatedExchange(source or MarketSource(small_market()), ScaledClock(START, speed), **options)
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.stop()


@asynccontextmanager
async def connected(
    exchange: SimulatedExchange, path: str, **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket at `path`, which is given from the root."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{exchange.rest_url}{path}", **options) as socket,
    ):
        yield socket


async def get(exchange: SimulatedExchange, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{exchange.rest_url}{path}") as answer:
        body = await answer.read()
        return answer.status, msgspec.json.decode(body) if body else None


async def frames(socket: aiohttp.ClientWebSocketResponse, count: int) -> Sequence[Any]:
    return [await socket.receive_json(timeout=3.0, loads=msgspec.json.decode) for _ in range(count)]
