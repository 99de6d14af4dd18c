"""Keeps the parser's contract sizes and quote assets up to date from REST, and says what is missing without it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument
from liqalert.core.symbols import nearest
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_listings import Listing, ending, read_listings
from liqalert.feeds.binance_rest import BinanceRest, RestError
from liqalert.feeds.binance_tables import COIN_EXCHANGE_INFO, EXCHANGE_INFO, UnexpectedAnswer
from liqalert.ports import FrameRecorder

log = logging.getLogger(__name__)

_WITHOUT = {
    EXCHANGE_INFO: "Binance's USD-M instruments could not be read: quote assets are taken from the symbols",
    COIN_EXCHANGE_INFO: "Binance's COIN-M contract sizes could not be read: COIN-M liquidations may be left out",
}


class BinanceMetadata:
    """Fetches the instrument lists at the start, every hour, and soon after a liquidation that lacked one."""

    def __init__(
        self,
        rest: BinanceRest,
        parser: BinanceParser,
        *,
        recorder: FrameRecorder | None,
        clock: Clock,
        every_s: float = 3600.0,
        soonest_s: float = 60.0,
        look_s: float = 1.0,
    ) -> None:
        """`soonest_s`: the least time between two fetches. `look_s`: how often to look whether something is wanted."""
        self._rest = rest
        self._parser = parser
        self._recorder = recorder
        self._clock = clock
        self._every_s = every_s
        self._soonest_s = soonest_s
        self._look_s = look_s
        self._answers: dict[str, bytes] = {}
        self._listings: dict[str, Mapping[str, Listing]] = {}
        self._meant: dict[str, str | None] = {}
        """What may be meant by symbols that are not listed, as far as it was asked for."""
        self._failures: dict[str, str] = {}
        self._fetched_s: float | None = None
        """When the newest attempt ended, in the loop's time."""
        self._told_to_wait_s = 0.0

    @property
    def missing(self) -> tuple[str, ...]:
        """One sentence for each list that the newest attempt did not get, with the reason."""
        return tuple(f"{_WITHOUT[kind]} ({reason})." for kind, reason in sorted(self._failures.items()))

    @property
    def answers(self) -> tuple[tuple[str, str, bytes], ...]:
        """Kind, exchange and payload of the newest lists learned, for each file of a recording to begin with."""
        return tuple((kind, BINANCE, answer) for kind, answer in sorted(self._answers.items()))

    def ending(self, symbol: str, *, marked: bool) -> str | None:
        """Why no more is to come of `symbol`, in a sentence; None while it trades, or while not both lists are known.

        One that is not listed and is `marked` all the same, because marks of it have come, is no news.
        """
        known = self._listing(symbol)
        if len(self._listings) < len(_WITHOUT) or (known is None and marked):
            return None
        return ending(symbol, known, self._clock.now(), meant=None if known else self._nearest(symbol))

    def unlisted(self, symbol: str, *, marked: bool) -> str | None:
        """As `ending`, of one that is not listed; None of any other."""
        return None if self._listing(symbol) else self.ending(symbol, marked=marked)

    async def run(self) -> NoReturn:
        """Ends only by cancellation: without REST liqalert works, and knows less."""
        if self._fetched_s is None:
            await self.fetch()
        while True:
            await self._rest_until_due(self._fetched_s or 0.0)
            await self.fetch()

    async def fetch_first(self, within_s: float) -> None:
        """Before `run`, for who needs the lists at once: given up after so long, and then `run` begins with it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.fetch()

    async def fetch(self) -> None:
        """One attempt at both lists. What fails is in `missing` afterwards."""
        self._told_to_wait_s = 0.0
        await self._learn(EXCHANGE_INFO, self._rest.exchange_info)
        await self._learn(COIN_EXCHANGE_INFO, self._rest.coin_exchange_info)
        self._fetched_s = asyncio.get_running_loop().time()

    async def _rest_until_due(self, fetched: float) -> None:
        loop = asyncio.get_running_loop()
        soonest = fetched + max(self._soonest_s, self._told_to_wait_s)
        while loop.time() < max(soonest, fetched + self._every_s):
            await asyncio.sleep(self._look_s)
            if loop.time() >= soonest and (self._parser.wanted or self._failures):
                return

    async def _learn(self, kind: str, ask: Callable[[], Awaitable[bytes]]) -> None:
        try:
            answer = await ask()
            self._parser.learn(kind, answer)
        except RestError as exc:
            self._told_to_wait_s = max(self._told_to_wait_s, exc.retry_after_s)
            self._failed(kind, str(exc))
        except UnexpectedAnswer as exc:
            self._failed(kind, str(exc))
        else:
            self._learned(kind, answer)

    def _learned(self, kind: str, answer: bytes) -> None:
        self._answers[kind] = answer
        self._listings[kind] = read_listings(answer)
        self._meant.clear()
        # No await since the parser learned it: the recording holds the answer between the same two frames.
        if self._recorder is not None:
            self._recorder.write(kind, BINANCE, answer, self._clock.now())
        if self._failures.pop(kind, None) is not None:
            log.info("instruments read again", extra={"exchange": BINANCE, "kind": kind})

    def _listing(self, symbol: str) -> Listing | None:
        return next((listings[symbol] for listings in self._listings.values() if symbol in listings), None)

    def _nearest(self, symbol: str) -> str | None:
        if symbol not in self._meant:
            listed = {Instrument(BINANCE, each) for listings in self._listings.values() for each in listings}
            self._meant[symbol] = next((found.symbol for found in nearest(symbol, listed, 1)), None)
        return self._meant[symbol]

    def _failed(self, kind: str, reason: str) -> None:
        if kind not in self._failures:
            log.warning("instruments not read", extra={"exchange": BINANCE, "kind": kind, "reason": reason})
        self._failures[kind] = reason
