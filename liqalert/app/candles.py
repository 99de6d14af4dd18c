"""Candles of the instruments somebody looks at: made from marks, and filled up by REST where nobody watched."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Sequence

from liqalert.clock import Clock
from liqalert.core.candles import MINUTE_S, Candle, CandleBook, Finished, cut_by
from liqalert.core.market import Gap, Instrument, Mark, UnixTime
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_klines import MOST_ROWS, NoKlines, parse_klines
from liqalert.feeds.binance_rest import BinanceRest, RestError
from liqalert.ports import StorageError
from liqalert.storage.candles import CandleStore

log = logging.getLogger(__name__)

FILLED_BACK_S = 86_400.0
"""What is filled up without being asked for."""
SETTLED_S = 60.0
"""Binance's own candle is asked for when it has ended so long ago: it may not be final before."""
REQUESTS_A_ROUND = 5
"""Each weighs at most 10 of Binance's 2,400 a minute."""
PAUSE_S = 60.0
MOST_WAITING = 600
"""Finished candles that the database has refused, by instrument: ten hours of each."""
UNKNOWN_SYMBOL = (400, 404)
"""Binance has no candles of this instrument, which says nothing about the others."""


class CandleDesk:
    """Loop thread. None of its calls raises for what REST or the database refuse: `missing` says what is.

    Marks come first. Binance's candles, which are those of trades, take the minutes that were not seen, or not whole.
    """

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
        self.waiting = 0
        """Minutes that have ended and could not be written yet."""
        self.dropped = 0
        """Minutes that made room for newer ones; they are asked for at the exchange once the database writes again."""
        self._store = store
        self._rest = rest
        self._parser = parser
        self._clock = clock
        self._watched = watched
        self._asked: dict[Instrument, UnixTime] = {}
        """By whoever looks at a heatmap: until when they are kept too."""
        self._kept: frozenset[Instrument] = frozenset()
        self._wanted: dict[Instrument, tuple[UnixTime, UnixTime]] = {}
        """From when to when minutes are to be filled up."""
        self._complete_from: dict[Instrument, UnixTime] = {}
        """From when on they have been filled up, or are wanted to be: nobody needs to ask for that again."""
        self._in_part: set[tuple[Instrument, UnixTime]] = set()
        """Minutes that were written and not seen whole."""
        self._begun = False
        """Whether what earlier runs have left has been looked at."""
        self._pause_until: UnixTime = -math.inf

    def take(self, marks: Sequence[Mark]) -> None:
        """Marks as they come, of any instrument."""
        self.book.marks(marks, self._kept)

    def look_at(self, instrument: Instrument, since: UnixTime) -> None:
        """Somebody looks at `instrument` from `since` on: its candles are kept for a day, and filled up."""
        now = self._clock.now()
        self._asked[instrument] = now + FILLED_BACK_S
        self._kept |= {instrument}
        if since < self._complete_from.get(instrument, math.inf):
            self._want(instrument, since, now)

    def fill_all(self, gaps: Iterable[Gap] = ()) -> None:
        """At the start, and after a gap: every kept instrument may lack minutes.

        Of those that one of the `gaps` has cut, an earlier run may have written what it saw and no more.
        """
        self._renew()
        now = self._clock.now()
        since = now - FILLED_BACK_S
        cut = () if self._begun else [opened for gap in gaps for opened in cut_by(gap) if opened >= since]
        self._begun = True
        for instrument in self._kept:
            self._want(instrument, since, now)
            self._in_part |= {(instrument, opened) for opened in cut}

    async def keep(self) -> None:
        """Writes the minutes that have ended."""
        self._renew()
        finished = self.book.finished(self._clock.now())
        in_part = [(each.instrument, each.candle) for each in finished if not each.whole]
        try:
            await self._store.save((each.instrument, each.candle) for each in finished if each.whole)
            await self._store.fill_up(in_part)
        except StorageError as exc:
            self._make_room(finished)
            log.warning("candles not written", extra={"reason": str(exc)})
            return
        self.book.written(len(finished))
        self.waiting = 0
        for instrument, candle in in_part:
            self._in_part.add((instrument, candle.open_time))
            self._want(instrument, candle.open_time, candle.open_time)

    async def fill(self) -> None:
        """Asks for some of the minutes that are missing."""
        for instrument in self._ready()[:REQUESTS_A_ROUND]:
            if self._clock.now() < self._pause_until:
                return
            try:
                await self._fill(instrument)
            except RestError as exc:
                if exc.status in UNKNOWN_SYMBOL:
                    self._give_up(instrument, str(exc))
                else:
                    self._pause(instrument, str(exc), exc.retry_after_s)
            except (NoKlines, StorageError) as exc:
                self._pause(instrument, str(exc))

    def _make_room(self, finished: Sequence[Finished]) -> None:
        too_many = max(0, len(finished) - MOST_WAITING * max(1, len(self._kept)))
        for each in finished[:too_many]:
            self._want(each.instrument, each.candle.open_time, each.candle.open_time)
        self.book.written(too_many)
        self.dropped += too_many
        self.waiting = len(finished) - too_many

    # ------------------------------------------------------------ what is wanted

    def _renew(self) -> None:
        now = self._clock.now()
        self._asked = {instrument: until for instrument, until in self._asked.items() if until > now}
        self._kept = frozenset(self._watched()) | self._asked.keys()
        for instrument in self._complete_from.keys() - self._kept:
            self._complete_from.pop(instrument)
            self._wanted.pop(instrument, None)
        self._in_part = {each for each in self._in_part if each[0] in self._kept}

    def _want(self, instrument: Instrument, since: UnixTime, until: UnixTime) -> None:
        """The minutes from that of `since` to that of `until`, which may not have ended yet."""
        first, end = _minute(since), _minute(until) + MINUTE_S
        wanted_from, wanted_until = self._wanted.get(instrument, (first, end))
        self._wanted[instrument] = (min(first, wanted_from), max(end, wanted_until))
        self._complete_from[instrument] = min(first, self._complete_from.get(instrument, math.inf))

    def _ready(self) -> list[Instrument]:
        """Those that something can be asked for."""
        settled = self._settled()
        return [instrument for instrument, (since, _) in self._wanted.items() if since < settled]

    def _settled(self) -> UnixTime:
        return _minute(self._clock.now() - SETTLED_S)

    def _give_up(self, instrument: Instrument, reason: str) -> None:
        self._wanted.pop(instrument, None)
        log.warning("candles of an instrument not filled up", extra={"instrument": instrument, "reason": reason})

    def _pause(self, instrument: Instrument, reason: str, retry_after_s: float = 0.0) -> None:
        if self.missing is None:
            log.warning("candles not filled up", extra={"reason": reason})
        self.missing = f"Candles from before liqalert watched are missing ({reason})."
        self._pause_until = self._clock.now() + max(PAUSE_S, retry_after_s)
        # The others come first when it goes on.
        self._wanted[instrument] = self._wanted.pop(instrument)

    # ------------------------------------------------------------ asking

    async def _fill(self, instrument: Instrument) -> None:
        """One request, if one is needed; what then is still missing is wanted further on."""
        since, wanted_until = self._wanted[instrument]
        until = min(wanted_until, self._settled(), since + MOST_ROWS * MINUTE_S)
        if not await self._has_all(instrument, since, until):
            limit = round((until - since) / MINUTE_S)
            found = parse_klines(await self._ask(instrument, since, limit))
            await self._fill_up(instrument, [candle for candle in found if since <= candle.open_time < until])
            self.missing = None
        self._done(instrument, since, until)

    async def _has_all(self, instrument: Instrument, since: UnixTime, until: UnixTime) -> bool:
        if any(each == instrument and since <= opened < until for each, opened in self._in_part):
            return False
        return await self._store.count(instrument, since, until) >= round((until - since) / MINUTE_S)

    async def _fill_up(self, instrument: Instrument, found: Sequence[Candle]) -> None:
        better = [candle for candle in found if (instrument, candle.open_time) in self._in_part]
        await self._store.save((instrument, candle) for candle in better)
        await self._store.fill_up((instrument, candle) for candle in found)
        self._in_part -= {(instrument, candle.open_time) for candle in better}

    def _done(self, instrument: Instrument, since: UnixTime, until: UnixTime) -> None:
        wanted_from, wanted_until = self._wanted.pop(instrument)
        if wanted_from < since:
            # Meanwhile more was wanted, from before.
            self._wanted[instrument] = (wanted_from, wanted_until)
        elif until < wanted_until:
            self._wanted[instrument] = (until, wanted_until)

    async def _ask(self, instrument: Instrument, since: UnixTime, limit: int) -> bytes:
        start_ms = round(since * 1000)
        if instrument.symbol in self._parser.contracts:
            return await self._rest.coin_klines(instrument.symbol, start_ms=start_ms, limit=limit)
        return await self._rest.klines(instrument.symbol, start_ms=start_ms, limit=limit)


def _minute(at: UnixTime) -> UnixTime:
    """When the minute that holds `at` begins."""
    return math.floor(at / MINUTE_S) * MINUTE_S
