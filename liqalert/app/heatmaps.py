"""Heatmaps for whoever asks: those asked for lately are kept warm, and any number of askers cost one computation."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from liqalert.app.candles import CandleDesk
from liqalert.app.parts import Stores, Watching
from liqalert.app.past_heatmaps import rebuilt, surroundings_of
from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.heatmap import HeatmapGrid, Surroundings, grid_of
from liqalert.core.heatmap_cells import KEPT_DECAYS, RANGES, Range
from liqalert.core.heatmap_live import LiveCells
from liqalert.core.market import Gap, Instrument, Liquidation, Mark, UnixTime
from liqalert.storage.candles import CandleStore
from liqalert.storage.journal import BatchJournal
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.web.events import Events

FRESH_S = 2.0
"""A grid this young is given again."""
MOST_WARM = 24
MOST_PAST = 16
FORGOTTEN_AFTER_S = 600.0


@dataclass(slots=True)
class _Warm:
    """What is kept of one instrument and range."""

    cells: LiveCells
    asked_at: UnixTime
    grid: HeatmapGrid | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a grid's content comes from."""

    journal: BatchJournal
    liquidations: LiquidationSums
    candles: CandleStore
    desk: CandleDesk
    board: Board


class HeatmapDesk:
    """Loop thread; heavy work runs in a thread of its own. Calls that read raise StorageError."""

    def __init__(self, sources: Sources, clock: Clock, decay_s: float) -> None:
        self._sources = sources
        self._clock = clock
        self._decay_s = decay_s
        self._warm: OrderedDict[tuple[Instrument, str], _Warm] = OrderedDict()
        self._past: OrderedDict[tuple[Instrument, str, UnixTime], HeatmapGrid] = OrderedDict()
        self._arriving: dict[tuple[Instrument, str], list[Liquidation]] = {}
        """What came while a grid was being read."""
        self._locks: dict[tuple[Instrument, str], asyncio.Lock] = {}

    def take(self, liquidations: Sequence[Liquidation]) -> None:
        """Liquidations that the engine has accepted."""
        if not (self._warm or self._arriving):
            return  # as nearly always, and these come by the thousand
        looked_at = {instrument for instrument, _ in (*self._warm, *self._arriving)}
        for each in liquidations:
            if each.instrument in looked_at:
                self._take(each)

    async def grid(self, instrument: Instrument, range_name: str, at: UnixTime | None = None) -> HeatmapGrid:
        """As it stands now, at most two seconds old; or as it was shown at `at`."""
        now = self._clock.now()
        shown = RANGES[range_name]
        if at is not None and at < now:
            return await self._in_the_past(instrument, shown, at)
        key = (instrument, range_name)
        self._sources.desk.look_at(instrument, shown.start(now))
        async with self._locks.setdefault(key, asyncio.Lock()):
            warm = await self._warmed(key, shown)
            now = self._clock.now()
            warm.asked_at = now
            self._warm.move_to_end(key)
            if warm.grid is None or not 0.0 <= now - warm.grid.as_of < FRESH_S:
                warm.grid = await self._current(key, shown, warm)
            return warm.grid

    def forget(self) -> None:
        """Lets go of what nobody has asked for lately."""
        now = self._clock.now()
        for key, warm in list(self._warm.items()):
            if now - warm.asked_at > FORGOTTEN_AFTER_S or len(self._warm) > MOST_WARM:
                del self._warm[key]
        self._locks = {key: lock for key, lock in self._locks.items() if key in self._warm or lock.locked()}

    # ------------------------------------------------------------ as it stands

    def _take(self, liquidation: Liquidation) -> None:
        for name in RANGES:
            key = (liquidation.instrument, name)
            if key in self._arriving:
                self._arriving[key].append(liquidation)
            elif (warm := self._warm.get(key)) is not None:
                warm.cells.add(liquidation)

    async def _warmed(self, key: tuple[Instrument, str], shown: Range) -> _Warm:
        # A clock that was set back: the columns of what is warm would be shown as of other times.
        if (warm := self._warm.get(key)) is not None and warm.cells.latest <= self._clock.now():
            return warm
        self._warm.pop(key, None)
        arrived = self._arriving.setdefault(key, [])
        try:
            # What has been taken in and not written yet is read as well, or comes twice: it is told apart below.
            await self._sources.journal.flush()
            now = self._clock.now()
            since = shown.start(now) - KEPT_DECAYS * self._decay_s
            stored = await self._sources.liquidations.all_between([key[0]], since=since, until=math.inf)
            known = [each for each in stored if each.received_time <= now]
            cells = await asyncio.to_thread(LiveCells, known, shown, as_of=now, decay_s=self._decay_s)
            there = set(known)
            for each in arrived:
                if each not in there:
                    cells.add(_at_least(each, now))
        finally:
            del self._arriving[key]
        self._warm[key] = warm = _Warm(cells, self._clock.now())
        return warm

    async def _current(self, key: tuple[Instrument, str], shown: Range, warm: _Warm) -> HeatmapGrid:
        now = self._clock.now()
        surroundings = await self._around(key[0], shown, now)
        # After the waiting: what has come meanwhile is in it, and the cells never go back.
        as_of = self._clock.now()
        if shown.start(as_of) != shown.start(now):
            surroundings = await self._around(key[0], shown, as_of)
        return grid_of(
            warm.cells.cells(as_of),
            shown,
            surroundings,
            instrument=key[0],
            as_of=as_of,
            decay_s=self._decay_s,
            saturated_s=warm.cells.saturated_s(),
        )

    async def _around(self, instrument: Instrument, shown: Range, now: UnixTime) -> Surroundings:
        start = shown.start(now)
        stored = await self._sources.candles.read(instrument, start, now)
        unwritten = self._sources.desk.book.unwritten(instrument)
        minutes = {candle.open_time: candle for candle in (*stored, *unwritten)}
        candles = [minutes[opened] for opened in sorted(minutes)]
        return await surroundings_of(
            self._sources.liquidations,
            candles,
            shown,
            now,
            exchange=instrument.exchange,
            running=self._running(instrument),
            down_since=self._down_since(instrument),
        )

    def _down_since(self, instrument: Instrument) -> UnixTime | None:
        """When the feed, or its liquidations alone, were last proven alive; None while they are."""
        status = self._sources.board.feeds.get(instrument.exchange)
        if status is None:
            return None
        began = [] if status.mute_since is None else [status.mute_since]
        began += [] if status.alive else [status.mark_at or status.since]
        return min(began, default=None)

    def _running(self, instrument: Instrument) -> tuple[Gap, ...]:
        """The gaps of its exchange that last still. They may have begun before this run."""
        status = self._sources.board.feeds.get(instrument.exchange)
        return tuple(gap for gap in status.gaps if gap.end is None) if status else ()

    # ------------------------------------------------------------ as it was

    async def _in_the_past(self, instrument: Instrument, shown: Range, at: UnixTime) -> HeatmapGrid:
        key = (instrument, shown.name, at)
        if key not in self._past:
            await self._sources.journal.flush()
            self._past[key] = await rebuilt(
                self._sources.liquidations,
                self._sources.candles,
                instrument,
                shown,
                at=at,
                decay_s=self._decay_s,
                running=self._running(instrument),
                down_since=self._down_since(instrument),
            )
            while len(self._past) > MOST_PAST:
                self._past.popitem(last=False)
        return self._past[key]


def build_heatmaps(stores: Stores, watching: Watching, candles: CandleDesk, clock: Clock) -> HeatmapDesk:
    sources = Sources(stores.journal, stores.sums, stores.candles, candles, watching.board)
    return HeatmapDesk(sources, clock, watching.engine.terms.decay_s)


def shown_to(
    candles: CandleDesk, heatmaps: HeatmapDesk, events: Events
) -> Callable[[Sequence[Mark], Sequence[Liquidation]], None]:
    """What the pipeline takes in goes to all of them."""

    def show(marks: Sequence[Mark], liquidations: Sequence[Liquidation]) -> None:
        # Hardly any frame has both.
        if marks:
            candles.take(marks)
        if liquidations:
            heatmaps.take(liquidations)
            events.take(liquidations)

    return show


def _at_least(liquidation: Liquidation, now: UnixTime) -> Liquidation:
    """For cells that already stand at `now`."""
    if liquidation.received_time >= now:
        return liquidation
    return Liquidation(
        liquidation.instrument,
        liquidation.liquidated,
        liquidation.price,
        liquidation.quantity,
        liquidation.notional_usd,
        liquidation.event_time,
        now,
    )
