"""The daemon's own parts without database and channels: frames in, a Board and gaps out. Touched by one loop only.

What others may read at any time is replaced by assignment: `board`, `marks` entry by entry, `gaps`, `selection`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import NoReturn, Protocol

import aiohttp

from liqalert.board import Board
from liqalert.clock import Clock, SteadyClock
from liqalert.core.baselines import utc_day
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, OpenInterest, Stream, UnixTime
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.binance_metadata import BinanceMetadata
from liqalert.feeds.binance_open_interest import OpenInterestDesk
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.feeds.intake import Feed, Timekeeping
from liqalert.feeds.liveness import Past
from liqalert.feeds.mute_watch import MuteWatch
from liqalert.feeds.runner import FeedRunner
from liqalert.library.resolving import DaemonResolver
from liqalert.library.symbols import Selection
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame
from liqalert.settings import Settings

GAPS_KEPT = 100
OPEN_INTEREST_EVERY_S = 5.0
LOOK_FOR_SILENCE_EVERY_S = 5.0
FIRST_ASKED = 8
"""Of the symbols that were named: so many answers come in time for the first clusters, the others soon after."""
USUAL = ("BTCUSDT", "ETHUSDT")
"""Whose open interest is asked for at once where all symbols are streamed; that of others as soon as it matters."""


class Listener(Protocol):
    """Who is told what happens, in the loop's thread. Both calls return at once."""

    def liquidated(self, liquidation: Liquidation) -> None: ...

    def rebuilt(self, before: Snapshot, after: Snapshot) -> None: ...


class Watch:
    """One engine for as long as the object lives: what it has seen stays when `run` is cancelled and called again."""

    def __init__(self, terms: Terms, settings: Settings, clock: Clock, listener: Listener) -> None:
        self._settings = settings
        self._clock = clock
        self._listener = listener
        self._engine = Engine(terms)
        self.board = Board(self._engine.snapshot(clock.now()))
        self.selection = Selection(None)
        self.marks: dict[Instrument, Mark] = {}
        """The newest of each instrument, whatever the last tick knew."""
        self.gaps: deque[Gap] = deque(maxlen=GAPS_KEPT)
        """That have ended, oldest first."""
        self.missing: tuple[str, ...] = ()
        """What could not be had by REST, in sentences."""
        self.ready = False
        """Clusters have been built since open interest was first asked for, with or without an answer."""
        self._asked = False
        self._runs = False
        self._received = 0
        self._watched_until: UnixTime | None = None
        """From when on nothing accounts for what was not seen, once `run` has ended."""
        self._pipeline = Pipeline(self._engine, journal=self, decide=lambda decisions: None, board=self.board)
        self._nothing = self._seen = self.board.snapshot

    @property
    def picture(self) -> Snapshot | None:
        """What was known at the newest tick; None before the first."""
        snapshot = self.board.snapshot
        return None if snapshot is self._nothing else snapshot

    async def run(self, symbols: Sequence[str] | None) -> NoReturn:
        """Listens until it is cancelled."""
        if self._runs and (cut := self.board.feeds.get(BINANCE)) is not None:
            # It still runs in the process that this one was forked from; here it ended with the last mark.
            self._stopped(cut)
        self._runs = True
        self._select(Selection(symbols))
        parser = BinanceParser()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=DaemonResolver())) as session:
            binance = self._settings.binance
            rest = BinanceRest(session, rest_url=binance.rest_url, coin_rest_url=binance.coin_rest_url)
            metadata = BinanceMetadata(rest, parser, recorder=None, clock=self._clock)
            runner = FeedRunner(
                Feed(BINANCE, stream_url(binance.ws_url), parser, binance.connections),
                session=session,
                sink=self,
                recorder=None,
                time=Timekeeping(self._clock, self._heard),
                random=Random(),
                past=Past(self._watched_until),
            )
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(metadata.run(), name="liqalert metadata")
                    group.create_task(self._keep_calibrated(rest, parser, metadata), name="liqalert open interest")
                    group.create_task(self._watch_for_silence(runner), name="liqalert mute stream")
                    await runner.run()
            finally:
                self._stopped(runner.status)

    # ------------------------------------------------------------ from the feed (ports.FeedSink)

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        self._received += len(frame.liquidations)
        self.selection.see(mark.instrument for mark in frame.marks)
        self.selection.see(liquidation.instrument for liquidation in frame.liquidations)
        marks = tuple(mark for mark in frame.marks if self.selection.wants(mark.instrument))
        liquidations = tuple(each for each in frame.liquidations if self.selection.wants(each.instrument))
        self.marks.update((mark.instrument, mark) for mark in marks)
        self._pipeline.ingest(ParsedFrame(liquidations, marks, frame.rejected, frame.sent_at), now)
        self._look()

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None:
        self._pipeline.feed_changed(status, now)
        self._look()

    def gap_ended(self, gap: Gap) -> None:
        self._pipeline.gap_ended(gap)

    # ------------------------------------------------------------ from the pipeline (ports.Journal)

    def liquidated(self, liquidations: Sequence[Liquidation]) -> None:
        for liquidation in liquidations:
            self._listener.liquidated(liquidation)

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        pass  # nothing is kept for a restart

    # ------------------------------------------------------------ details

    def _look(self) -> None:
        """Tells the listener of a new Snapshot."""
        before, self._seen = self._seen, self.board.snapshot
        if before is not self._seen:
            self.ready = self.ready or self._asked
            self._listener.rebuilt(before, self._seen)

    def _heard(self, sent_at: UnixTime) -> None:
        if isinstance(self._clock, SteadyClock):
            self._clock.heard(sent_at)

    def _select(self, selection: Selection) -> None:
        """What is known of symbols that were watched stays; of others nobody can say that they were."""
        if not self.selection.covers(selection):
            self._pipeline.resume(None, None)
            self._nothing = self.board.snapshot
            self.ready = self._asked = False
        self.selection = selection

    def _stopped(self, status: FeedStatus) -> None:
        """The gaps that are open end here, as the next `run` knows nothing of them."""
        self._runs = False
        now = self._clock.now()
        self._watched_until = status.mark_at
        for gap in status.gaps:
            if gap.end is None:
                self.gap_ended(replace(gap, end=max(now, gap.start)))
                self._watched_until = now if gap.stream is Stream.ALL else self._watched_until
        ended = replace(
            status,
            alive=False,
            since=now if status.alive else status.since,
            connected=0,
            gaps=tuple(gap for gap in status.gaps if gap.end is not None),
            mute_since=None,
            problem="the stream was stopped: call start_stream() again.",
        )
        self._pipeline.feed_changed(ended, now)

    async def _keep_calibrated(self, rest: BinanceRest, parser: BinanceParser, metadata: BinanceMetadata) -> NoReturn:
        """Open interest of what is streamed: at once, hourly until it is known, and every day anew."""
        desk = OpenInterestDesk(rest, parser, store=NoStore(), clock=self._clock, mark_price=self._mark_price)
        self._learn(await desk.before_first_tick(self._first_asked()))
        self._asked = True
        day = utc_day(self._clock.now())
        while True:
            self.missing = (*metadata.missing, *filter(None, (desk.missing,)))
            await asyncio.sleep(OPEN_INTEREST_EVERY_S)
            if (today := utc_day(self._clock.now())) != day:
                day = today
                desk.renew(self._engine.baselines.with_open_interest())
            known = self._engine.baselines.with_open_interest()
            wanted = self._engine.wanted_open_interest() | self.selection.chosen
            self._learn(await desk.fetch_wanted(wanted - known))

    async def _watch_for_silence(self, runner: FeedRunner) -> NoReturn:
        """All that comes counts, whatever was chosen: what is usual is known of all contracts together."""
        silence = MuteWatch(
            BINANCE,
            self.board,
            clock=self._clock,
            past=NoStore(),
            ledger=NoStore(),
            received=lambda: self._received,
            alarm=runner.mute,
        )
        while True:
            await silence.look()
            await asyncio.sleep(LOOK_FOR_SILENCE_EVERY_S)

    def _first_asked(self) -> tuple[str, ...]:
        return tuple(sorted(each.symbol for each in self.selection.chosen)[:FIRST_ASKED]) or USUAL

    def _learn(self, values: tuple[OpenInterest, ...]) -> None:
        for value in values:
            self._pipeline.learn(value, self._clock.now())

    def _mark_price(self, instrument: Instrument) -> float | None:
        mark = self.marks.get(instrument)
        return mark.price if mark else None


class NoStore:
    """Nothing is kept from one process to the next."""

    async def save_open_interest(self, values: tuple[OpenInterest, ...]) -> None:
        pass

    async def heard(self, exchange: str, since: UnixTime, slot_s: float) -> frozenset[int]:
        return frozenset()

    async def recorded_since(self, exchange: str) -> UnixTime | None:
        return None

    async def gaps_since(self, exchange: str, since: UnixTime) -> tuple[Gap, ...]:
        return ()
