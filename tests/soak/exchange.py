"""An exchange that sends far more liquidations than any real one."""

from __future__ import annotations

import asyncio
import math
from random import Random
from typing import Any

import msgspec

from tests.benchmarks.blast_server import websocket_frames
from tests.benchmarks.inputs import busiest_first, prices, symbols
from tests.binance_messages import LIQUIDATIONS, MARKS, force_order, mark_rows
from tests.binance_server import BinanceServer

PROBE = "PROBEUSDT"
"""Nobody else liquidates it: its events tell how long one takes from the exchange to the page."""
PROBE_EVERY_S = 0.5
MARK_EVERY_S = 1.0
STEP_S = 0.02


class FloodExchange(BinanceServer):
    """Sends liquidations of 600 instruments at a steady rate to every connection, and all their marks each second."""

    def __init__(self) -> None:
        super().__init__()
        self.prices = {**prices(), PROBE: 1.0}
        self.exchange_info = {"symbols": [{"symbol": name, "quoteAsset": "USDT"} for name in self.prices]}
        self.open_interest = dict.fromkeys(self.prices, "1000000")
        self.sent = 0
        """Different liquidations."""
        self._random = Random(1)

    async def flood(self, rate_s: float, seconds: float) -> None:
        """Returns when everything has been handed to the operating system, or waits for it in our memory."""
        loop = asyncio.get_running_loop()
        began, anonymous, probes, marks, total = loop.time(), 0, 0, 0, math.floor(rate_s * seconds)
        # By number and not by time: on a busy machine it lasts longer.
        while anonymous < total:
            elapsed_s = loop.time() - began
            due = min(math.floor(elapsed_s * rate_s), total) - anonymous
            frames = [self._liquidation(place) for place in busiest_first(self._random, due)]
            anonymous += due
            if elapsed_s >= probes * PROBE_EVERY_S:
                probes += 1
                frames.append(_frame(LIQUIDATIONS, force_order(PROBE, "SELL", price="1", quantity=str(probes))))
            self.sent = anonymous + probes
            if elapsed_s >= marks * MARK_EVERY_S:
                marks += 1
                frames.append(_frame(MARKS[0], mark_rows({name: f"{at:.8f}" for name, at in self.prices.items()})))
            self._send_to_all(websocket_frames(frames))
            await asyncio.sleep(STEP_S)

    def _send_to_all(self, framed: bytes) -> None:
        for client in self.clients:
            transport = client.request.transport
            if transport is not None and not transport.is_closing():
                # Past aiohttp's writer, which would wait for a client that does not read.
                transport.write(framed)

    def _liquidation(self, place: int) -> bytes:
        symbol, random = symbols()[place], self._random
        price = self.prices[symbol] * math.exp(random.gauss(0.0, 0.03))
        quantity = 10.0 ** random.uniform(2, 5) / price
        side = random.choice(("SELL", "BUY"))
        return _frame(LIQUIDATIONS, force_order(symbol, side, price=f"{price:.7g}", quantity=repr(quantity)))


def _frame(stream: str, content: Any) -> bytes:
    return msgspec.json.encode({"stream": stream, "data": content})
