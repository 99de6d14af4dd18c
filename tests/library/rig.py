"""A simulated market with clusters on either side of the price within seconds, on a real socket in a thread."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread

import msgspec

from liqalert.clock import SystemClock
from liqalert.sim.clock import ScaledClock
from liqalert.sim.frames import ALL_LIQUIDATIONS, Frame
from liqalert.sim.listings import ASSETS, LISTINGS
from liqalert.sim.market import Market
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import MarketSource
from tests.binance_messages import force_order

BTC_PRICE = 90_000.0
OURS = ("LIQALERT_", "PYTHON")


class BusySource(MarketSource):
    """The simulated market, with 12 more liquidations of BTCUSDT and of ETHUSDT in every second.

    Longs 2 % below the first price, and shorts, of a tenth of the size, 2 % above it.
    """

    def take(self) -> tuple[Frame, ...]:
        frames = super().take()
        at_ms = round(self.market.now * 1000) - 900
        return (*frames, *(self._liquidation_of(symbol, at_ms + n, n) for symbol in PRICES for n in range(12)))

    def _liquidation_of(self, symbol: str, at_ms: int, number: int) -> Frame:
        side, factor, usd = ("SELL", 0.98, 1e6) if number % 2 else ("BUY", 1.02, 1e5)
        price = PRICES[symbol] * factor + number / 1000.0
        order = force_order(symbol, side, price=price, quantity=round(usd / price, 3), at_ms=at_ms)
        return Frame((ALL_LIQUIDATIONS,), msgspec.json.encode(order))


PRICES = {"BTCUSDT": BTC_PRICE, "ETHUSDT": 3_000.0}


def busy_market() -> BusySource:
    listings = [replace(one, open_interest_usd=20e6) for one in LISTINGS if one.symbol in PRICES]
    assets = [replace(one, price=PRICES[f"{one.name}USDT"]) for one in ASSETS if f"{one.name}USDT" in PRICES]
    return BusySource(Market(Random(1), start=float(int(SystemClock().now())), listings=listings, assets=assets))


@contextmanager
def simulated() -> Iterator[Mapping[str, str]]:
    """While it lasts, the market is served; gives the environment that leads there, and to nothing else of ours."""
    loop = asyncio.new_event_loop()
    serving = Thread(target=loop.run_forever, name="simulated exchange")
    serving.start()
    try:
        exchange = asyncio.run_coroutine_threadsafe(_started(), loop).result(30)
        try:
            usual = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
            yield usual | {
                "LIQALERT_BINANCE__WS_URL": exchange.ws_url,
                "LIQALERT_BINANCE__REST_URL": exchange.rest_url,
            }
        finally:
            asyncio.run_coroutine_threadsafe(exchange.stop(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        serving.join(10)
        loop.close()


async def _started() -> SimulatedExchange:
    source = busy_market()
    exchange = SimulatedExchange(source, ScaledClock(source.market.now))
    await exchange.start()
    return exchange


def python(
    *arguments: str, environ: Mapping[str, str], cwd: Path, timeout_s: float = 55
) -> subprocess.CompletedProcess[str]:
    """A Python program of its own, as the user runs one."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=dict(environ),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
