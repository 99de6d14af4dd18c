"""Candles of the instruments somebody looks at: made from marks, and filled up by REST where nobody watched."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Sequence

from liqalert.clock import Clock
from liqalert.core.candles import MINUTE_S, CandleBook
from liqalert.core.market import Instrument, Mark, UnixTime
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_klines import MOST_ROWS, NoKlines, parse_klines
from liqalert.feeds.binance_rest import BinanceRest, RestError
from liqalert.ports import StorageError
from liqalert.storage.candles import CandleStore

log = logging.getLogger(__name__)

FILLED_BACK_S = 86_400.0
"""What is filled up without being asked for."""
LEFT_OPEN_MINUTES = 2
"""The newest minutes come from marks; Binance's own candle of them may not be final."""
REQUESTS_A_ROUND = 5
"""Each weighs 10 of Binance's 2,400 a minute."""
PAUSE_S = 60.0
MOST_WAITING = 600
"""Finished candles that the database has refused, by instrument: ten hours of each."""


class CandleDesk:
    """Loop thread. None of its calls raises for what REST or the database refuse: `missing` says what is."""

    def __init__(
        self,
        store: CandleStore,
        rest: BinanceRest,
        parser: BinanceParser,
        *,
        clock: Clock,
        watched: Callable[[], Collection[Instrument]],
    ) -> None:
        """`watched` gives the instruments of which candles are kept."""
        self.book = CandleBook()
        self.missing: str | None = None
        """Why candles are not complete, in one sentence."""
        self._store = store
        self._rest = rest
        self._parser = parser
        self._clock = clock
        self._watched = watched
        self._asked: dict[Instrument, UnixTime] = {}
        """By whoever looks at a heatmap: until when they are kept too."""
        self._kept: frozenset[Instrument] = frozenset()
        self._wanted: dict[Instrument, UnixTime] = {}
        """From when on minutes are to be filled up."""
        self._pause_until: UnixTime = -math.inf

    def take(self, marks: Sequence[Mark]) -> None:
        """Marks as they come, of any instrument."""
        kept = self._kept
        for mark in marks:
            if mark.instrument in kept:
                self.book.mark(mark)

    def look_at(self, instrument: Instrument, since: UnixTime) -> None:
        """Somebody looks at `instrument` from `since` on: its candles are kept for a day, and filled up."""
        now = self._clock.now()
        known = instrument in self._kept
        self._asked[instrument] = now + FILLED_BACK_S
        if not known or since < now - FILLED_BACK_S:
            self._want(instrument, since)
        self._kept |= {instrument}

    def fill_all(self) -> None:
        """At the start, and after a gap: every kept instrument may lack minutes."""
        self._renew()
        for instrument in self._kept:
            self._want(instrument, self._clock.now() - FILLED_BACK_S)

    async def keep(self) -> None:
        """Writes the minutes that have ended."""
        self._renew()
        finished = self.book.take_finished(self._clock.now())
        if not finished:
            return
        try:
            await self._store.save(finished)
        except StorageError as exc:
            self.book.give_back(finished[-MOST_WAITING * max(1, len(self._kept)) :])
            log.warning("candles not written", extra={"reason": str(exc)})

    async def fill(self) -> None:
        """Asks for some of the minutes that are missing."""
        for instrument in list(self._wanted)[:REQUESTS_A_ROUND]:
            if self._clock.now() < self._pause_until:
                return
            try:
                await self._fill(instrument, self._wanted[instrument])
            except RestError as exc:
                self._failed(str(exc))
                self._pause_until = self._clock.now() + max(PAUSE_S, exc.retry_after_s)
                return
            except (NoKlines, StorageError) as exc:
                self._failed(str(exc))
                self._wanted.pop(instrument, None)

    # ------------------------------------------------------------ details

    def _renew(self) -> None:
        now = self._clock.now()
        self._asked = {instrument: until for instrument, until in self._asked.items() if until > now}
        self._kept = frozenset(self._watched()) | self._asked.keys()

    def _want(self, instrument: Instrument, since: UnixTime) -> None:
        whole = math.floor(since / MINUTE_S) * MINUTE_S
        self._wanted[instrument] = min(whole, self._wanted.get(instrument, math.inf))

    async def _fill(self, instrument: Instrument, since: UnixTime) -> None:
        """One request, if one is needed; what then is still missing is wanted further on."""
        until = (math.floor(self._clock.now() / MINUTE_S) - LEFT_OPEN_MINUTES) * MINUTE_S
        minutes = round((until - since) / MINUTE_S)
        if minutes <= 0 or await self._store.count(instrument, since, until) >= minutes:
            self._wanted.pop(instrument, None)
            return
        limit = min(minutes, MOST_ROWS)
        found = parse_klines(await self._ask(instrument, since, limit))
        await self._store.fill_up((instrument, candle) for candle in found if candle.open_time < until)
        self.missing = None
        further = since + limit * MINUTE_S
        if found and further < until:
            self._wanted[instrument] = further
        else:
            self._wanted.pop(instrument, None)

    async def _ask(self, instrument: Instrument, since: UnixTime, limit: int) -> bytes:
        start_ms = round(since * 1000)
        if instrument.symbol in self._parser.contracts:
            return await self._rest.coin_klines(instrument.symbol, start_ms=start_ms, limit=limit)
        return await self._rest.klines(instrument.symbol, start_ms=start_ms, limit=limit)

    def _failed(self, reason: str) -> None:
        if self.missing is None:
            log.warning("candles not filled up", extra={"reason": reason})
        self.missing = f"Candles from before liqalert watched are missing ({reason})."
