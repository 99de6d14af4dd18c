"""Ticks lie on a grid and are a function of receive times; blindness stops them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from liqalert.board import Board
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.episodes import Decision, ZoneOpened
from liqalert.core.market import FeedStatus, Gap, Liquidation, OpenInterest, UnixTime
from liqalert.core.terms import Terms
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame
from tests.core.events import BTC, T0, liquidation, mark


@dataclass
class FakeJournal:
    liquidations: list[Liquidation] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    heartbeats: list[tuple[str, UnixTime, UnixTime]] = field(default_factory=list)

    def liquidated(self, liquidations: Sequence[Liquidation]) -> None:
        self.liquidations += liquidations

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        self.heartbeats.append((exchange, watching_since, now))


@dataclass
class FakeRecorder:
    kinds: list[str] = field(default_factory=list)

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None:
        self.kinds.append(kind)


@dataclass
class Rig:
    engine: Engine = field(default_factory=lambda: Engine(Terms()))
    journal: FakeJournal = field(default_factory=FakeJournal)
    recorder: FakeRecorder = field(default_factory=FakeRecorder)
    board: Board = field(default_factory=lambda: Board(Snapshot(T0, 3600.0)))
    decided: list[Decision] = field(default_factory=list)
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(
            self.engine, journal=self.journal, decide=self._decide, board=self.board, recorder=self.recorder
        )

    def _decide(self, decisions: Sequence[Decision]) -> None:
        self.decided += decisions

    def feed(self, at: float, *, alive: bool = True, rejected: tuple[tuple[str, int], ...] = ()) -> None:
        self.pipeline.feed_changed(FeedStatus("binance", alive, at, mark_at=at, rejected=rejected), at)


def test_the_tick_runs_at_the_grid_point_before_a_later_frame_is_taken_in() -> None:
    rig = Rig()
    rig.feed(T0 + 1)
    rig.pipeline.ingest(ParsedFrame((liquidation(100.0, 1e4, T0 + 4),)), T0 + 4.9)
    rig.pipeline.ingest(ParsedFrame((liquidation(100.0, 2e4, T0 + 5),)), T0 + 5.0)

    assert rig.board.snapshot.as_of == T0 + 5
    assert [cluster.count for cluster in rig.board.snapshot.clusters(T0 + 5)] == [1]


def test_who_runs_the_tick_does_not_matter() -> None:
    by_frame, by_schedule = Rig(), Rig()
    for rig in (by_frame, by_schedule):
        rig.feed(T0 + 1)
        rig.pipeline.ingest(ParsedFrame(tuple(liquidation(1000.0 + n, 1e5, T0 + n / 10) for n in range(6))), T0 + 2)
    by_schedule.pipeline.advance(T0 + 5.2)
    by_schedule.pipeline.advance(T0 + 10.3)
    for rig in (by_frame, by_schedule):
        rig.pipeline.ingest(ParsedFrame(marks=(mark(200.0, T0 + 12),)), T0 + 12)

    assert by_frame.board.snapshot == by_schedule.board.snapshot
    assert by_frame.decided == by_schedule.decided != []


def ticks(rebuild_s: float, asked_at: Iterable[UnixTime]) -> list[UnixTime | None]:
    """The moments of all that ran when ticks were asked for then."""
    rig, ran = Rig(Engine(Terms(rebuild_s=rebuild_s))), []

    def ticked(_: float) -> None:
        ran.append(rig.pipeline.ticked_at)

    rig.pipeline.tick_took = ticked
    rig.feed(T0 + 0.05)
    for at in asked_at:
        rig.pipeline.advance(at)
    return ran


@pytest.mark.parametrize("rebuild_s", [0.1, 0.2, 0.3, 0.7, 5.0, 60.0])
def test_ticks_fall_on_the_same_moments_however_often_it_is_asked(rebuild_s: float) -> None:
    """To the last bit: a replay is moved on by frames alone, and the daemon by its schedule, too. Between two frames
    there are nearly five seconds at most: then the feed is not alive."""
    often = [T0 + 0.05 + step * 0.31 for step in range(1, 400)]

    assert ticks(rebuild_s, often) == ticks(rebuild_s, often[14::15] + often[-1:]) != []


def test_there_are_no_ticks_while_no_feed_is_alive() -> None:
    rig = Rig()
    rig.pipeline.advance(T0 + 60)
    rig.feed(T0 + 61)
    rig.pipeline.advance(T0 + 65)
    rig.feed(T0 + 66, alive=False)
    rig.pipeline.advance(T0 + 300)

    assert rig.board.snapshot.as_of == T0 + 65
    assert rig.pipeline.ticked_at == T0 + 65


def test_a_short_gap_does_not_start_the_watching_anew_and_a_long_one_does() -> None:
    rig = Rig()
    rig.feed(T0)
    rig.feed(T0 + 100, alive=False)
    rig.feed(T0 + 130)
    rig.pipeline.advance(T0 + 135)
    after_short = rig.board.snapshot.watching_since
    rig.feed(T0 + 200, alive=False)
    rig.feed(T0 + 300)
    rig.pipeline.advance(T0 + 305)

    assert after_short == T0
    assert rig.board.snapshot.watching_since == T0 + 300


def test_a_gap_begins_with_the_last_mark_however_late_it_is_noticed() -> None:
    rig = Rig()
    rig.feed(T0)
    rig.pipeline.feed_changed(FeedStatus("binance", False, T0 + 100, mark_at=T0 + 30), T0 + 100)
    rig.feed(T0 + 130)
    rig.pipeline.advance(T0 + 135)

    assert rig.board.snapshot.watching_since == T0 + 130


def test_since_when_and_until_when_was_watched_is_noted_while_the_feed_is_alive() -> None:
    """A restart tells by it what nobody has seen."""
    rig = Rig()
    rig.feed(T0)
    rig.feed(T0 + 1)
    rig.feed(T0 + 2, alive=False)
    rig.feed(T0 + 100)

    assert rig.journal.heartbeats == [
        ("binance", T0, T0),
        ("binance", T0, T0 + 1),
        ("binance", T0 + 100, T0 + 100),
    ]


def test_a_short_stop_of_the_daemon_does_not_start_the_watching_anew() -> None:
    rig = Rig()
    rig.pipeline.resume(T0 - 5000, T0 - 30)
    rig.feed(T0)
    rig.pipeline.advance(T0 + 5)

    assert rig.board.snapshot.watching_since == T0 - 5000


def test_watching_begins_when_the_feed_says_so_where_the_clock_is_ahead() -> None:
    rig = Rig()
    rig.pipeline.resume(T0 - 90_000, T0 - 300)
    rig.pipeline.feed_changed(FeedStatus("binance", True, T0, mark_at=T0 + 28_800), T0 + 28_800)
    rig.pipeline.advance(T0 + 28_805)

    assert rig.board.snapshot.watching_since == T0


def test_accepted_liquidations_are_journalled_and_refused_ones_counted() -> None:
    rig = Rig()
    rig.feed(T0, rejected=(("malformed", 2),))
    rig.pipeline.ingest(ParsedFrame(marks=(mark(100.0, T0),)), T0)
    good, far, double = liquidation(100.0, 1e4, T0), liquidation(900.0, 1e4, T0), liquidation(100.0, 1e4, T0)
    rig.pipeline.ingest(ParsedFrame((good, far, double)), T0)
    rig.feed(T0 + 1, rejected=(("malformed", 2),))

    assert rig.journal.liquidations == [good]
    assert rig.board.feeds["binance"].rejected == (("malformed", 2), ("off_market", 1))


def test_what_decides_and_is_no_frame_is_recorded() -> None:
    rig = Rig()
    rig.pipeline.set_rules((), T0)
    rig.feed(T0)
    rig.feed(T0 + 1)
    rig.pipeline.learn(OpenInterest(BTC, 1e9, T0), T0 + 2)
    rig.feed(T0 + 9, alive=False)

    assert rig.recorder.kinds == ["rules", "feed", "open_interest", "feed"]


def test_a_stalled_machine_makes_up_for_a_minute_at_most() -> None:
    rig = Rig()
    rig.feed(T0)
    rig.pipeline.advance(T0 + 86_400 * 365)

    assert rig.pipeline.ticked_at == T0 + 86_400 * 365


def test_a_clock_that_is_set_back_does_not_stop_the_ticks() -> None:
    rig = Rig()
    rig.feed(T0)
    rig.pipeline.advance(T0 + 5)
    rig.feed(T0 - 3600)
    rig.pipeline.advance(T0 - 3595)

    assert rig.pipeline.ticked_at == T0 - 3595
    assert rig.board.snapshot.as_of == T0 - 3595


def test_an_error_in_a_tick_is_counted_and_the_next_tick_runs() -> None:
    rig = Rig()
    rig.feed(T0)
    rig.engine.baselines.of = None  # type: ignore[method-assign, assignment]
    rig.pipeline.ingest(ParsedFrame((liquidation(100.0, 1e4, T0),)), T0)
    rig.pipeline.advance(T0 + 5)
    del rig.engine.baselines.of
    rig.pipeline.advance(T0 + 10)

    assert rig.pipeline.failed_ticks == 1
    assert rig.board.snapshot.as_of == T0 + 10


def test_what_a_tick_had_decided_before_its_error_is_told() -> None:
    rig = Rig()
    rig.feed(T0)
    for number in range(9):
        rig.pipeline.ingest(ParsedFrame((liquidation(100.0 + number / 10.0, 1e6, T0),)), T0)
    rig.engine.surges.look = None  # type: ignore[method-assign, assignment]
    rig.pipeline.advance(T0 + 5)

    assert rig.pipeline.failed_ticks == 1
    assert [type(each) for each in rig.decided] == [ZoneOpened]


def test_gaps_reach_the_journal() -> None:
    rig = Rig()
    gap = Gap("binance", T0, T0 + 9, "connection lost")
    rig.pipeline.gap_ended(gap)

    assert rig.journal.gaps == [gap]
