"""An exchange that never rests: twenty liquidations a second, a list of all it has sent, and faults per client."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.binance_messages import LIQUIDATIONS, MARKS, USD_M_INFO, force_order, mark_rows
from tests.binance_server import BinanceServer, Client
from tests.faults.frames import Delayed, Passing, Reordered, Untouched
from tests.faults.ledger import Sent

SYMBOLS = tuple(f"FAULT{number}USDT" for number in range(20))
STORY_SYMBOLS = tuple(f"STORY{number}USDT" for number in range(40))
EVERY_S = 0.05
"""Each symbol once a second, the most that Binance shows."""
MARKS_EVERY_S = 0.5
PRICE = 100.0


class FaultyExchange(BinanceServer):
    """`sent` is everything it has sent, to whomever was there to hear it. `now` is its clock."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:  # noqa: TID251 - as the exchange's own clock
        super().__init__()
        self.now = now
        self.sent: list[Sent] = []
        self.prices = {"BTCUSDT": 60_000.0, "ETHUSDT": 3000.0, **dict.fromkeys(SYMBOLS, PRICE)}
        listed = [{**USD_M_INFO["symbols"][0], "symbol": name, "pair": name} for name in (*SYMBOLS, *STORY_SYMBOLS)]
        self.exchange_info = {"symbols": [*USD_M_INFO["symbols"], *listed]}
        self.open_interest |= dict.fromkeys((*SYMBOLS, *STORY_SYMBOLS), "80000")
        self.passing: dict[Client, Passing] = {}
        """What is done to the frames of single clients."""
        self.passing_to_new: Passing = Untouched()
        """And to those of everyone else."""
        self._former: list[Passing] = []
        self._quantities = itertools.count(1)
        self._producing: asyncio.Task[None] | None = None

    def produce(self) -> None:
        """Twenty liquidations a second from now on."""
        self._producing = asyncio.create_task(self._produce(), name="liquidations")

    def rest(self) -> None:
        """No more liquidations; marks go on."""
        if self._producing is not None:
            self._producing.cancel()
            self._producing = None

    async def stop(self) -> None:
        self.rest()
        for passing in (*self._former, *self.passing.values(), self.passing_to_new):
            if isinstance(passing, Delayed):
                passing.stop()
        await super().stop()

    async def burst(self, symbol: str, count: int = 6) -> None:
        """Liquidated longs for 2.4 million USD within 0.05 % of price: enough for a zone."""
        quantities = [4_000.0 + next(self._quantities) / 1000.0 for _ in range(count)]
        await self.send_liquidation(
            [self._order(symbol, PRICE + step / 100, quantity) for step, quantity in enumerate(quantities)]
        )

    async def mark(self, prices: Mapping[str, float | str], *, frames: int = 1) -> None:
        rows = mark_rows(prices, round(self.now() * 1000))
        for part in range(frames):
            await self._broadcast(MARKS, rows[part::frames])

    def to_all(self, passing: Callable[[], Passing]) -> None:
        """Everyone's frames meet `passing` from now on, also those of who connects later."""
        self.passing = {client: passing() for client in self.clients}
        self.passing_to_new = passing()

    async def heal(self) -> None:
        """What was held back still leaves."""
        for passing in self.passing.values():
            if isinstance(passing, Reordered):
                await passing.release()
        self._former += [*self.passing.values(), self.passing_to_new]
        self.passing, self.passing_to_new = {}, Untouched()

    # ------------------------------------------------------------ details

    async def _produce(self) -> None:
        for symbol in itertools.cycle(SYMBOLS):
            await self._broadcast([LIQUIDATIONS], self._order(symbol, PRICE, next(self._quantities) / 1000.0))
            await asyncio.sleep(EVERY_S)

    def _order(self, symbol: str, price: float, quantity: float) -> dict[str, Any]:
        at_ms = round(self.now() * 1000)
        self.sent.append(Sent(symbol, quantity, at_ms / 1000.0))
        return force_order(symbol, "SELL", price=price, quantity=quantity, at_ms=at_ms)

    async def _broadcast(self, names: Iterable[str], content: Any) -> None:
        names = tuple(names)
        for client in list(self.clients):
            stream = client.stream_of(names)
            if stream is not None and not self.stalled:
                await self.passing.get(client, self.passing_to_new)(client, stream, content)
