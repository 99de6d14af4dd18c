"""What `liqalert record` keeps replays to what was seen, and to when nothing was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from liqalert.app.backtest.collector import Collector, Grid
from liqalert.app.record import FeedStates
from liqalert.core.episodes import Decision, EpisodeState, Transition
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import RecordingReader, recording_files
from liqalert.feeds.records import PriceSource, open_records
from liqalert.feeds.replay import Replay, ReplayPlan
from tests.binance_messages import mark_rows
from tests.core.events import BTC, T0, liquidation

NEAR = Rule(RuleKind.NEAR, BTC, 1.0, 0.3)
LIVED = tuple(liquidation(60_000.0 + n, 500e3, T0 + n) for n in range(6))


def run(directory: Path, *marks: tuple[float, float]) -> None:
    """One run of `liqalert record`: a mark each at so many seconds and at such a price."""
    states = FeedStates()
    states.answers = lambda: (("exchangeInfo", BINANCE, b'{"symbols":[]}'),)
    states.recorder = recording = Recording(directory, opening=states.opening)
    began = T0 + marks[0][0]
    recording.write("exchangeInfo", BINANCE, b'{"symbols":[]}', began - 1)
    states.feed_changed(FeedStatus(BINANCE, True, began, mark_at=began), began)
    for at, price in marks:
        rows = mark_rows({"BTCUSDT": price}, int(T0 + at) * 1000)
        recording.write("frame", BINANCE, msgspec.json.encode(rows), T0 + at)
    recording.close()


def test_each_file_begins_with_what_it_takes_to_understand_it(tmp_path: Path) -> None:
    states = FeedStates()
    states.answers = lambda: (("coin_exchangeInfo", BINANCE, b'{"symbols":[]}'),)
    states.recorder = recording = Recording(tmp_path, opening=states.opening)

    for hour in range(2):
        recording.write("frame", BINANCE, b"{}", T0 + hour * 3600.0)
    recording.close()

    for file in recording_files(tmp_path):
        assert [record.kind for record in RecordingReader([file])] == ["feed", "coin_exchangeInfo", "frame"]


def test_between_two_runs_nothing_was_watched(tmp_path: Path) -> None:
    """A crash or a stop in between: the first run writes nothing about its end."""
    run(tmp_path, (10, 58_000.0), (20, 58_000.0), (30, 58_000.0))
    run(tmp_path, (600, 59_700.0), (610, 59_700.0))
    collector = Collector(Grid((1.0,), (0.3,)), rearm_ratio=1.4, memory_s=86_400.0)
    decided: list[Decision] = []
    plan = ReplayPlan(
        begin=lambda record: Start(record.received_time, Terms(min_events=2), (NEAR,), liquidations=LIVED),
        decide=decided.extend,
        see=collector.see,
        feed_changed=lambda alive: collector.feed_changed(alive=alive),
    )

    replay = Replay(plan, PriceSource.MARKS)
    for record in open_records([tmp_path]).records():
        replay.take(record)

    moves = [each for each in decided if isinstance(each, Transition)]
    assert [each.episode.state for each in moves] == [EpisodeState.ARMED, EpisodeState.NEAR]
    assert moves[-1].evidence.unwatched_s == pytest.approx(570.0)
    assert collector.evaluated().days * 86_400.0 == pytest.approx(30.0)
    assert replay.board is not None
    assert replay.board.snapshot.watching_since == T0 + 600
