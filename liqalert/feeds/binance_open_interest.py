"""Open interest, which calibrates strength: for watched symbols before the first tick, for others when they matter."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from typing import Protocol

from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument, OpenInterest, UnixTime
from liqalert.feeds.binance import BinanceParser, parse_mark_price, parse_open_interest
from liqalert.feeds.binance_rest import BinanceRest, RestError
from liqalert.ports import StorageError

log = logging.getLogger(__name__)

FIRST_TICK_WAITS_S = 5.0
ASK_AGAIN_S = 3600.0
ASK_AGAIN_IN_VAIN_S = 60.0
"""After a failure that has nothing to do with the instrument."""
UNKNOWN_SYMBOL = 400
A_ROUND = 20
"""Requests in one round, far below Binance's 2,400 a minute."""


class OpenInterestStore(Protocol):
    async def save_open_interest(self, values: tuple[OpenInterest, ...]) -> None: ...


class OpenInterestDesk:
    """Asks Binance and hands on the answers. REST may be unreachable: then `missing` says so."""

    def __init__(
        self,
        rest: BinanceRest,
        parser: BinanceParser,
        *,
        store: OpenInterestStore,
        clock: Clock,
        mark_price: Callable[[Instrument], float | None],
    ) -> None:
        self._rest = rest
        self._parser = parser
        self._store = store
        self._clock = clock
        self._mark_price = mark_price
        self._waits: dict[Instrument, tuple[UnixTime, float]] = {}
        """When each was last asked for, and how many seconds from then on it is not asked for again."""
        self._out_of_date: set[Instrument] = set()
        """Known from an earlier day, and to be asked for anew."""
        self.missing: str | None = None
        """Why the newest answer is missing, in one sentence."""

    async def before_first_tick(self, symbols: Iterable[str]) -> tuple[OpenInterest, ...]:
        """What can be had within five seconds for `symbols`, with Binance's mark price by REST."""
        answered: list[OpenInterest] = []
        try:
            async with asyncio.timeout(FIRST_TICK_WAITS_S):
                await self._ask_for([Instrument(BINANCE, symbol) for symbol in symbols], answered)
        except TimeoutError:
            self.missing = "Binance's REST interface did not answer within 5 s: strength is not calibrated yet (?)."
        await self._save(tuple(answered))
        return tuple(answered)

    def renew(self, instruments: Iterable[Instrument]) -> None:
        """A new day: `fetch_wanted` asks for these again, until each has been answered."""
        self._out_of_date.update(instruments)

    async def fetch_wanted(self, wanted: Iterable[Instrument]) -> tuple[OpenInterest, ...]:
        """Those of `wanted`, and out of date, that were not answered within the last hour, some at a time."""
        now = self._clock.now()
        due = [one for one in sorted(self._out_of_date.union(wanted)) if self._is_due(one, now)]
        return await self.fetch(due[:A_ROUND])

    async def fetch(self, instruments: Iterable[Instrument]) -> tuple[OpenInterest, ...]:
        """Open interest of `instruments`, those left out for which there is no answer. Saved as well."""
        answered: list[OpenInterest] = []
        await self._ask_for(instruments, answered)
        await self._save(tuple(answered))
        return tuple(answered)

    async def _ask_for(self, instruments: Iterable[Instrument], answered: list[OpenInterest]) -> None:
        """Adds to `answered` as it goes: who is cut off keeps what has come."""
        for instrument in instruments:
            if self._parser.lacks_size(instrument.symbol):
                continue  # its answer would mean nothing yet
            self._waits[instrument] = (self._clock.now(), ASK_AGAIN_IN_VAIN_S)
            try:
                value = await self._ask(instrument)
            except RestError as exc:
                self._failed(str(exc))
                if exc.status == UNKNOWN_SYMBOL:
                    self._waits[instrument] = (self._clock.now(), ASK_AGAIN_S)
                if exc.status is None or exc.retry_after_s:
                    break
                continue
            self._waits[instrument] = (self._clock.now(), ASK_AGAIN_S)
            if value is not None:
                self.missing = None
                answered.append(value)
            self._out_of_date.discard(instrument)

    def _is_due(self, instrument: Instrument, now: UnixTime) -> bool:
        asked_at, wait_s = self._waits.get(instrument, (-math.inf, 0.0))
        # Below 0 where the clock was set back.
        return not 0.0 <= now - asked_at < wait_s

    async def _ask(self, instrument: Instrument) -> OpenInterest | None:
        """Raises RestError. None for an answer that cannot be used, and for prices that are not in US dollars."""
        symbol = instrument.symbol
        contract_size = self._parser.contracts.get(symbol)
        if contract_size is not None:
            answer, mark_price = await self._rest.coin_open_interest(symbol), None
        elif self._parser.priced_in_usd(symbol):
            mark_price = self._mark_price(instrument) or parse_mark_price(await self._rest.mark_price(symbol), symbol)
            answer = await self._rest.open_interest(symbol)
        else:
            return None
        return parse_open_interest(
            answer, instrument, mark_price=mark_price, contract_size=contract_size, now=self._clock.now()
        )

    async def _save(self, values: tuple[OpenInterest, ...]) -> None:
        if not values:
            return
        try:
            await self._store.save_open_interest(values)
        except StorageError as exc:
            log.warning("open interest not saved", extra={"reason": str(exc)})

    def _failed(self, reason: str) -> None:
        if self.missing is None:
            log.warning("open interest not read", extra={"reason": reason})
        self.missing = f"Open interest could not be read: strength is not calibrated (?) ({reason})."
