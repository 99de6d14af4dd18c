"""The runner where the machine's clock jumps, or the machine sleeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import pytest

from liqalert.clock import SteadyClock, SystemClock, elapsed_s
from tests.binance_server import BinanceServer
from tests.feeds.rig import Sink, running, until


@dataclass(slots=True)
class SetClock:
    """The machine's clock, set forward or back."""

    ahead_s: float = 0.0

    def now(self) -> float:
        return SystemClock().now() + self.ahead_s


@pytest.mark.parametrize("jump_s", [3 * 86_400.0, -3 * 86_400.0])
async def test_nothing_is_received_at_a_time_that_the_exchange_contradicts(
    server: BinanceServer, session: aiohttp.ClientSession, jump_s: float
) -> None:
    """What is received days ahead would end every zone and empty the window."""
    sink, wall, true = Sink(), SetClock(), SystemClock()
    async with running(server.ws_url, session, sink, clock=SteadyClock(wall), connections=2, silence_s=2.0):
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        wall.ahead_s = jump_s
        seen = len(sink.marks)
        await until(lambda: len(sink.marks) > seen + 20)

    assert all(abs(mark.received_time - true.now()) < 60.0 for mark in sink.marks)
    assert sink.gaps == []


async def test_while_the_machine_sleeps_nothing_is_seen_though_the_connection_outlives_it(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    """No timer of the loop runs then; the clock does."""
    sink, slept_s = Sink(), 0.0
    wall = WallThatSleeps(lambda: slept_s)
    clock = SteadyClock(wall, lambda: elapsed_s() + slept_s)
    async with running(server.ws_url, session, sink, clock=clock, asleep=lambda: slept_s, silence_s=5.0, report_s=60.0):
        await server.wait_connected()
        await server.mark({"BTCUSDT": 60000})
        await until(lambda: bool(sink.marks))
        slept_s = 600.0
        await server.mark({"BTCUSDT": 61000})
        await until(lambda: len(sink.marks) == 2)

    [gap] = sink.gaps
    assert gap.cause == "this machine slept for 600 s"
    assert gap.end is not None
    assert gap.end - gap.start == pytest.approx(600.0, abs=5.0)
    assert sink.order[-4:] == ["not alive", "gap", "alive", "marks"]


@dataclass
class WallThatSleeps:
    slept_s: Callable[[], float]

    def now(self) -> float:
        return SystemClock().now() + self.slept_s()
