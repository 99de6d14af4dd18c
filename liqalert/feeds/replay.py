"""Recorded frames through the same parser, pipeline and engine as the daemon's. Nothing is sent, nothing is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from liqalert.board import Board
from liqalert.core.carried import Carried
from liqalert.core.engine import Engine, Snapshot, Verdict
from liqalert.core.episodes import Decision
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, OpenInterest, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.start import Start, begun
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_tables import COIN_EXCHANGE_INFO, EXCHANGE_INFO, UnexpectedAnswer
from liqalert.feeds.binance_wire import UNREADABLE
from liqalert.feeds.recording_reader import Record
from liqalert.feeds.records import PriceSource, UnreadableRecords
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """What the user of a replay decides."""

    begin: Callable[[Record], Start]
    """What the engine starts from, given the record that opens a recording or a later life of its daemon."""
    decide: Callable[[Sequence[Decision]], None]
    see: Callable[[Mark], None] = lambda mark: None
    """Is shown every price, in order, before the engine."""
    feed_changed: Callable[[bool], None] = lambda alive: None
    """Is told whether liquidations are seen from now on. A daemon that starts sees none yet."""
    recorded_rules: bool = True
    """Rules change where they did when it was recorded. Else what was decided before a restart inside the recording, by
    other rules than those of `begin`, is replaced by what the replay itself has decided."""
    open_interest: Mapping[str, float] = field(default_factory=dict)
    """US dollars by symbol, assumed from the start."""


class Replay:
    """One replay: the parts of the daemon without socket, database and channel."""

    def __init__(self, plan: ReplayPlan, prices: PriceSource) -> None:
        self._plan = plan
        self._prices = prices
        self._parser = BinanceParser()
        self._earlier: Counter[Verdict] = Counter()
        """Of the daemon's lives before the present one."""
        self._carried = Carried()
        self._pipeline: Pipeline | None = None
        self.now: UnixTime = 0.0
        """When the newest record was received."""
        self.board: Board | None = None
        """Of the present life; None before the first record."""
        self.rejections: Counter[str] = Counter()
        """Events that could not be understood, by kind."""

    @property
    def verdicts(self) -> Counter[Verdict]:
        """What became of every liquidation."""
        return self._earlier + (self._pipeline.verdicts if self._pipeline else Counter())

    def take(self, record: Record) -> None:
        """Does with one record what the daemon did with it. Raises UnreadableRecords."""
        try:
            self._take(record)
        except (*UNREADABLE, UnexpectedAnswer) as exc:
            raise UnreadableRecords(
                f"the record {record.kind!r} received at {record.received_time:.3f} is not what liqalert writes: "
                "leave this file out"
            ) from exc

    # ------------------------------------------------------------ details

    def _take(self, record: Record) -> None:
        before, self.now = self.now or None, record.received_time
        pipeline = self._begun(record)
        if record.kind == "frame":
            self._ingest(pipeline, self._parser.parse(record.payload, record.received_time))
        elif record.kind == "feed":
            status = msgspec.json.decode(record.payload, type=FeedStatus)
            if not status.alive and status.mark_at is None:
                # `liqalert record` has begun anew: since what came before, nothing was seen.
                status = replace(status, mark_at=before)
            self._plan.feed_changed(status.alive)
            pipeline.feed_changed(status, record.received_time)
        elif record.kind == "tick":
            pipeline.advance(record.received_time)
        elif record.kind == "open_interest":
            pipeline.learn(msgspec.json.decode(record.payload, type=OpenInterest), record.received_time)
        elif record.kind == "rules" and self._plan.recorded_rules:
            pipeline.set_rules(msgspec.json.decode(record.payload, type=tuple[Rule, ...]), record.received_time)
        elif record.kind in (EXCHANGE_INFO, COIN_EXCHANGE_INFO):
            self._parser.learn(record.kind, record.payload)

    def _begun(self, record: Record) -> Pipeline:
        """The pipeline; made at the first record, and anew wherever the daemon that recorded was started again."""
        if record.kind == "start":
            self._plan.feed_changed(False)
        if self._pipeline is None or record.kind == "start":
            start = self._plan.begin(record)
            if self._pipeline is not None:
                self._earlier += self._pipeline.verdicts
                self._parser = BinanceParser()
                start = start if self._plan.recorded_rules else self._carried.into(start)
            self._pipeline = self._make(begun(start), start)
            for symbol, usd in self._plan.open_interest.items():
                value = OpenInterest(Instrument(BINANCE, symbol), usd, start.at)
                self._pipeline.learn(value, start.at)
        return self._pipeline

    def _make(self, engine: Engine, start: Start) -> Pipeline:
        self.board = Board(Snapshot(start.at, start.terms.decay_s))
        pipeline = Pipeline(engine, journal=NoJournal(), decide=self._decide, board=self.board)
        pipeline.resume(start.watching_since, start.watched_until)
        return pipeline

    def _decide(self, decisions: Sequence[Decision]) -> None:
        self._carried.take(decisions)
        self._plan.decide(decisions)

    def _ingest(self, pipeline: Pipeline, frame: ParsedFrame) -> None:
        self.rejections.update(frame.rejected)
        if self._prices is PriceSource.MARKS:
            self._see(frame.marks)
            pipeline.ingest(frame, self.now)
            return
        for liquidation in frame.liquidations:
            accepted = pipeline.verdicts[Verdict.ACCEPTED]
            pipeline.ingest(ParsedFrame((liquidation,)), self.now)
            if pipeline.verdicts[Verdict.ACCEPTED] > accepted:
                fill = Mark(liquidation.instrument, liquidation.price, liquidation.event_time, self.now)
                self._see((fill,))
                pipeline.ingest(ParsedFrame(marks=(fill,)), self.now)

    def _see(self, marks: Sequence[Mark]) -> None:
        for mark in marks:
            self._plan.see(mark)


class NoJournal:
    """Implements ports.Journal: a replay keeps nothing."""

    def liquidated(self, liquidations: Sequence[Liquidation]) -> None:
        pass

    def gap(self, gap: Gap) -> None:
        pass

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        pass
