"""A replay decides what the pipeline decided whose frames were recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from liqalert.board import Board
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.episodes import Decision, EpisodeState, Transition, ZoneEnded, ZoneOpened
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.recording_reader import Record
from liqalert.feeds.records import PriceSource
from liqalert.feeds.replay import NoJournal, Replay, ReplayPlan
from liqalert.pipeline import Pipeline
from tests.binance_messages import force_order, mark_rows
from tests.core.events import BTC, T0, liquidation


@dataclass
class Records:
    """Implements ports.FrameRecorder."""

    written: list[Record] = field(default_factory=list)

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None:
        self.written.append(Record(received_time, kind, exchange, payload))


def lived_and_replayed(until: float) -> tuple[list[Decision], list[Decision]]:
    """What is decided where nothing comes after a burst but the time, and what a replay of that decides."""
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
    pipeline.advance(until)

    replay = Replay(ReplayPlan(begin=lambda record: Start(T0, Terms()), decide=replayed.extend), PriceSource.MARKS)
    for record in records.written:
        replay.take(record)
    return live, replayed


def test_what_the_last_tick_decided_is_replayed_though_no_frame_came_after_it() -> None:
    live, replayed = lived_and_replayed(until=T0 + 5)

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


NEAR = Rule(RuleKind.NEAR, BTC, 1.0, 0.3)
LIVED = tuple(liquidation(60_000.0 + n, 500e3, T0 + n) for n in range(6))


def marked(at: float, price: float) -> Record:
    frame = msgspec.json.encode(mark_rows({"BTCUSDT": price}, int(T0 + at) * 1000))
    return Record(T0 + at, "frame", BINANCE, frame)


def state(at: float, *, alive: bool) -> Record:
    return Record(T0 + at, "feed", BINANCE, msgspec.json.encode(FeedStatus(BINANCE, alive, T0 + at, mark_at=T0 + at)))


def under_own_rules(records: list[Record]) -> list[Decision]:
    """As a backtest does: of what was decided when it was recorded nothing is taken over."""
    decided: list[Decision] = []

    def begin(record: Record) -> Start:
        return Start(record.received_time, Terms(min_events=2), (NEAR,), liquidations=LIVED)

    replay = Replay(ReplayPlan(begin=begin, decide=decided.extend, recorded_rules=False), PriceSource.MARKS)
    for record in records:
        replay.take(record)
    return decided


def test_a_restart_inside_a_recording_is_no_event_under_other_rules_either() -> None:
    began = [Record(T0 + 10, "start", "", b""), state(10, alive=True), marked(15, 58_000.0), marked(20, 58_000.0)]
    restart = [Record(T0 + 90, "start", "", b""), state(90, alive=True), marked(95, 58_000.0)]
    after = [marked(100, 59_700.0), marked(110, 60_500.0), marked(120, 60_500.0)]

    decided = under_own_rules([*began, *restart, *after])

    assert [each.episode.state for each in decided if isinstance(each, Transition)] == [
        EpisodeState.ARMED,
        EpisodeState.NEAR,
        EpisodeState.SWEPT,
    ]
    assert len([each for each in decided if isinstance(each, ZoneOpened)]) == 1
    assert decided == under_own_rules([*began, *after])


def test_a_zone_that_has_ended_before_a_restart_is_not_opened_again_after_it() -> None:
    began = [Record(T0 + 10, "start", "", b""), state(10, alive=True), marked(15, 58_000.0), marked(20, 60_500.0)]
    restart = [Record(T0 + 90, "start", "", b""), state(90, alive=True), marked(95, 58_000.0), marked(120, 59_700.0)]

    decided = under_own_rules([*began, *restart])

    assert isinstance(decided[-1], ZoneEnded)
    assert len([each for each in decided if isinstance(each, ZoneOpened)]) == 1


def test_a_stall_of_the_machine_is_replayed_tick_by_tick() -> None:
    """The schedule comes first after it: the newest minute of ticks is made up for, and no frame says so."""
    live, replayed = lived_and_replayed(until=T0 + 303)

    assert [each.at - T0 for each in live if isinstance(each, ZoneOpened)] == [245.0]
    assert replayed == live


def test_where_the_ticks_go_on_after_the_clock_was_set_back_is_recorded() -> None:
    records = Records()
    board = Board(Snapshot(T0, 3600.0))
    pipeline = Pipeline(Engine(Terms()), journal=NoJournal(), decide=lambda _: None, board=board, recorder=records)
    pipeline.feed_changed(FeedStatus(BINANCE, True, T0, mark_at=T0), T0)

    pipeline.advance(T0 + 5)
    pipeline.advance(T0 - 596)
    pipeline.advance(T0 - 591)

    assert [(record.kind, record.received_time - T0) for record in records.written] == [("feed", 0.0), ("tick", -596.0)]
