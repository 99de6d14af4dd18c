"""More comes than can be taken in: liquidations are left out, counted and shown, and marks are not late."""

from __future__ import annotations

import time

import aiohttp
import pytest

from liqalert.core.market import Stream, UnixTime
from liqalert.feeds.binance import BinanceParser
from liqalert.ports import ParsedFrame
from tests.benchmarks.blast_server import websocket_frames
from tests.binance_server import BinanceServer
from tests.feeds.frames import liquidation_frame, mark_frame
from tests.feeds.rig import Sink, running, until

FLOOD = 20_000


class CountingSink(Sink):
    """Takes `each_s` over every liquidation, and `first_s` over the first, during which everything is held up."""

    def __init__(self, *, first_s: float = 0.0, each_s: float = 0.0) -> None:
        super().__init__()
        self.taken = 0
        self._first_s = first_s
        self._each_s = each_s

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        for _ in frame.liquidations:
            self.taken += 1
            time.sleep(self._first_s if self.taken == 1 else self._each_s)
        if frame.marks:
            super().ingest(frame, now)

    @property
    def left_out(self) -> int:
        return self.rejected("left_out")


def flood(server: BinanceServer) -> None:
    payload = websocket_frames(liquidation_frame(q=str(number + 1)) for number in range(FLOOD))
    for client in server.clients:
        assert client.request.transport is not None
        client.request.transport.write(payload)


@pytest.mark.parametrize("connections", [1, 2])
async def test_liquidations_beyond_what_can_be_taken_in_are_left_out_and_counted(
    server: BinanceServer, session: aiohttp.ClientSession, connections: int
) -> None:
    sink = CountingSink(each_s=0.001)  # twenty seconds over the flood
    server.mark_every(0.05)
    async with running(server.ws_url, session, sink, connections=connections, silence_s=15.0):
        await until(lambda: sink.alive and sink.status.connected == connections)
        marks_before, began = len(sink.marks), time.monotonic()
        flood(server)
        await until(lambda: sink.taken + sink.left_out == FLOOD, timeout_s=30)
        took_s = time.monotonic() - began
        await until(lambda: bool(sink.gaps), timeout_s=20)
        marks_after = len(sink.marks)
        await until(lambda: len(sink.marks) > marks_after, timeout_s=20)
        taken = sink.taken
        await server.liquidate("BTCUSDT", "SELL", price=100, quantity=7)
        await until(lambda: sink.taken == taken + 1, timeout_s=20)

    [gap] = sink.gaps
    assert took_s < 20
    assert sink.left_out > 0
    assert marks_after > marks_before
    assert gap.cause == f"more liquidations came than could be taken in: {sink.left_out:,} were left out"
    assert gap.stream is Stream.LIQUIDATIONS
    assert gap.end is not None
    assert 0.0 <= gap.end - gap.start < 20.0
    assert sink.status.gaps == (gap,)
    assert all(status.alive for status in sink.statuses if status.mark_at is not None)


async def test_silence_of_our_own_making_does_not_cost_the_connection(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = CountingSink(first_s=2.5)
    server.mark_every(0.02)
    # Marks wait behind the flood as well: a busy machine must get through that within the time of a silence.
    async with running(server.ws_url, session, sink, silence_s=2.0):
        await until(lambda: sink.alive)
        flood(server)
        # On a busy machine some may be left out.
        await until(lambda: sink.taken + sink.left_out == FLOOD, timeout_s=30)
        await until(lambda: sink.alive, timeout_s=30)

    assert server.connections == 1


def test_marks_are_never_spared() -> None:
    parser = BinanceParser()

    assert not parser.can_be_spared(mark_frame({}))
    assert not parser.can_be_spared(b'[{"e":"markPriceUpdate","E":1790000000000,"s":"BTCUSDT","p":"1"}]')
    assert parser.can_be_spared(liquidation_frame())
