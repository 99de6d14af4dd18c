"""A replay decides what the pipeline decided whose frames were recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from liqalert.board import Board
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.episodes import Decision
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.recording_reader import Record
from liqalert.feeds.records import PriceSource
from liqalert.feeds.replay import NoJournal, Replay, ReplayPlan
from liqalert.pipeline import Pipeline
from tests.binance_messages import force_order
from tests.core.events import T0


@dataclass
class Records:
    """Implements ports.FrameRecorder."""

    written: list[Record] = field(default_factory=list)

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None:
        self.written.append(Record(received_time, kind, exchange, payload))


def test_what_the_last_tick_decided_is_replayed_though_no_frame_came_after_it() -> None:
    live: list[Decision] = []
    replayed: list[Decision] = []
    records = Records()
    board = Board(Snapshot(T0, 3600.0))
    pipeline = Pipeline(Engine(Terms()), journal=NoJournal(), decide=live.extend, board=board, recorder=records)
    pipeline.feed_changed(FeedStatus(BINANCE, True, T0, mark_at=T0), T0)
    orders = [force_order("BTCUSDT", "SELL", price=60_000 + n, quantity=10, at_ms=int(T0) * 1000 + n) for n in range(6)]
    frame = msgspec.json.encode(orders)
    records.write("frame", BINANCE, frame, T0 + 1)
    pipeline.ingest(BinanceParser().parse(frame, T0 + 1), T0 + 1)
    pipeline.advance(T0 + 5)

    replay = Replay(ReplayPlan(begin=lambda record: Start(T0, Terms()), decide=replayed.extend), PriceSource.MARKS)
    for record in records.written:
        replay.take(record)

    assert replayed == live != []


def test_who_wants_to_know_is_told_when_nothing_was_seen() -> None:
    """A daemon that is started again has seen nothing since the last one."""
    told: list[bool] = []
    plan = ReplayPlan(begin=lambda record: Start(T0, Terms()), decide=lambda _: None, feed_changed=told.append)
    replay = Replay(plan, PriceSource.MARKS)

    for at, kind, alive in ((0, "start", None), (1, "feed", True), (60, "feed", False), (90, "start", None)):
        status = b"" if alive is None else msgspec.json.encode(FeedStatus(BINANCE, alive, T0 + at, mark_at=T0 + at))
        replay.take(Record(T0 + at, kind, BINANCE, status))

    assert told == [False, True, False, False]
