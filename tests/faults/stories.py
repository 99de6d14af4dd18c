"""Alerts that are owed: a zone is made, price leaves it, and price comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from tests.daemon import Daemon
from tests.faults.exchange import PRICE, STORY_SYMBOLS, FaultyExchange

AWAY, CLOSE, BEYOND = 95.0, 99.5, 102.0
STEP_S = 60.0
PATIENCE_S = 200.0


class Stories:
    """`arm` and then `approach`: from that moment on an alert about the symbol is owed."""

    def __init__(self, exchange: FaultyExchange, daemon: Callable[[], Daemon]) -> None:
        self.owed: list[str] = []
        """The symbols, once each."""
        self.armed: list[str] = []
        self._exchange = exchange
        self._daemon = daemon
        self._symbols = iter(STORY_SYMBOLS)

    async def arm(self, *, patiently: bool = False) -> str:
        """Makes a zone and takes price 5 % away from it. Gives its symbol. `patiently`: while the daemon is killed."""
        symbol = next(self._symbols)
        await self._move(symbol, PRICE + 0.02)
        while await self.state(symbol) is None:
            # What a daemon has received and not yet written is gone when it is killed: the feed never repeats.
            await self._exchange.burst(symbol)
            with suppress(TimeoutError):
                await self.until(symbol, "idle", 2.0)
        await self._move(symbol, AWAY)
        await self.until(symbol, "armed", PATIENCE_S if patiently else STEP_S)
        self.armed.append(symbol)
        return symbol

    async def approach(self, symbol: str) -> None:
        """Price comes within 0.5 % of the zone."""
        self.owed.append(symbol)
        await self._move(symbol, CLOSE)

    async def until(self, symbol: str, state: str, timeout_s: float = STEP_S) -> None:
        began = time.monotonic()
        while await self.state(symbol) != state:
            if time.monotonic() > began + timeout_s:
                raise TimeoutError(f"{symbol} is {await self.state(symbol)}, not {state}, after {timeout_s:g} s")
            await asyncio.sleep(0.05)

    async def state(self, symbol: str) -> str | None:
        """The most advanced episode on the symbol's zone; None where it has none, `unknown` where nobody can say."""
        try:
            answer = await self._daemon().get("/api/v1/clusters")
        except (aiohttp.ClientError, OSError):
            return "unknown"
        if not answer["feeds"] or not answer["feeds"][0]["alive"]:
            return "unknown"
        return next((zone["state"] for zone in answer["zones"] if zone["symbol"] == symbol), None)

    async def _move(self, symbol: str, price: float) -> None:
        self._exchange.prices[symbol] = price
        await self._exchange.mark(self._exchange.prices)
