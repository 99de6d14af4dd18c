"""A backtest over the database: its liquidations, and prices from its candles, or from fills where it has none."""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from tqdm import tqdm

from liqalert.app.backtest.collector import Collector
from liqalert.board import Board
from liqalert.core.baselines import utc_day
from liqalert.core.candles import MINUTE_S, Candle
from liqalert.core.engine import Snapshot
from liqalert.core.exchanges import BINANCE
from liqalert.core.gaps import Watch, watch_of
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, OpenInterest, Stream, UnixTime
from liqalert.core.start import Start, begun
from liqalert.core.strength import DaySamples
from liqalert.core.terms import Terms
from liqalert.feeds.records import PriceSource
from liqalert.feeds.replay import NoJournal
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame
from liqalert.storage.baselines import BaselineStore
from liqalert.storage.candles import CandleStore
from liqalert.storage.database import Database
from liqalert.storage.liquidation_sums import LiquidationSums

Happening: TypeAlias = tuple[UnixTime, int, Liquidation | Mark | FeedStatus]
"""When it came, a number that keeps the order of what came at once, and what."""


@dataclass(frozen=True, slots=True)
class History:
    """What the database holds of some instruments, each in order of time."""

    liquidations: tuple[Liquidation, ...]
    candles: tuple[tuple[Instrument, tuple[Candle, ...]], ...]
    gaps: tuple[Gap, ...]
    open_interest: tuple[OpenInterest, ...]
    samples: tuple[DaySamples, ...]
    recorded_since: UnixTime | None
    """Before that nobody watched; None: nobody ever did. Candles may be of earlier times."""

    @property
    def prices(self) -> PriceSource:
        return PriceSource.MARKS if any(candles for _, candles in self.candles) else PriceSource.FILLS


async def read_history(
    database: Database, instruments: Sequence[Instrument], since: UnixTime, until: UnixTime
) -> History:
    """Raises StorageError."""
    sums, candles, baselines = LiquidationSums(database), CandleStore(database), BaselineStore(database)
    return History(
        liquidations=await sums.all_between(instruments, since=since, until=until),
        candles=tuple([(each, await candles.read(each, since, until)) for each in instruments]),
        gaps=await sums.gaps_since(BINANCE, since),
        open_interest=await baselines.open_interest(),
        samples=await baselines.load("0000-00-00"),
        recorded_since=await sums.recorded_since(BINANCE),
    )


def over_history(history: History, instruments: Sequence[Instrument], collector: Collector, terms: Terms) -> None:
    """Shows `collector` everything in `history`. Runs for seconds: in a thread."""
    first = next(heapq.merge(_liquidations(history), _marks(history)), None)
    if first is None:
        return
    # Not when it was first watched: that may be a month before, and all that was usual since then would be left out.
    began, watch = first[0], _watch(history)
    happenings = list(heapq.merge(_liquidations(history), _marks(history), _feed(watch, began)))
    start = Start(
        began,
        terms,
        collector.watch(instruments),
        samples=tuple(each for each in history.samples if each.day < utc_day(began)),
        open_interest=tuple(replace(each, at=began) for each in history.open_interest),
    )
    pipeline = Pipeline(
        begun(start), journal=NoJournal(), decide=collector.decide, board=Board(Snapshot(began, terms.decay_s))
    )
    watched = watch.share(began, began) == 1.0
    collector.feed_changed(alive=watched)
    pipeline.feed_changed(_status(began, alive=watched), began)
    for at, _, what in tqdm(happenings, file=sys.stderr, disable=not sys.stderr.isatty(), unit=" events"):
        match what:
            case FeedStatus():
                watched = what.alive
                collector.feed_changed(alive=watched)
                pipeline.feed_changed(what, at)
            case Mark():
                collector.see(what)
                if watched:  # what came near meanwhile, the daemon has not seen
                    pipeline.ingest(ParsedFrame(marks=(what,)), at)
            case Liquidation():
                pipeline.ingest(ParsedFrame((what,)), at)


def _liquidations(history: History) -> Iterator[Happening]:
    for number, one in enumerate(sorted(history.liquidations, key=lambda one: one.received_time)):
        yield one.received_time, number, one


def _marks(history: History) -> Iterator[Happening]:
    if history.prices is PriceSource.FILLS:
        fills = sorted(history.liquidations, key=lambda one: one.received_time)
        # After the liquidation itself: its own price is no mark before it.
        found = (Mark(one.instrument, one.price, one.event_time, one.received_time) for one in fills)
    else:
        lanes = ((mark for candle in candles for mark in _path(each, candle)) for each, candles in history.candles)
        found = heapq.merge(*lanes, key=lambda mark: mark.received_time)
    for number, mark in enumerate(found, start=10**9):
        yield mark.received_time, number, mark


def _path(instrument: Instrument, candle: Candle) -> Iterator[Mark]:
    """Four prices of a minute: open, the extreme that lies behind, the one that lies ahead, close."""
    rising = candle.close >= candle.open
    middle = (candle.low, candle.high) if rising else (candle.high, candle.low)
    for step, price in enumerate((candle.open, *middle, candle.close)):
        at = candle.open_time + step * (MINUTE_S - 1.0) / 3.0
        yield Mark(instrument, price, at, at)


def _watch(history: History) -> Watch:
    return watch_of(history.recorded_since, (gap for gap in history.gaps if gap.stream is Stream.ALL), None)


def _feed(watch: Watch, began: UnixTime) -> Iterator[Happening]:
    """What changes after `began`."""
    for number, (since, until) in enumerate(watch.blind, start=10**9):
        if since > began:
            yield since, 2 * number, _status(since, alive=False)
        if began < until < math.inf:
            yield until, 2 * number + 1, _status(until, alive=True)


def _status(at: UnixTime, *, alive: bool) -> FeedStatus:
    return FeedStatus(BINANCE, alive, at, mark_at=at)
