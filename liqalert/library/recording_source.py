"""Clusters as they stood at the end of a recording."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path

import msgspec

from liqalert.board import Board
from liqalert.core.engine import Snapshot
from liqalert.core.market import Instrument
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.recording_reader import Record
from liqalert.feeds.records import PriceSource, UnreadableRecords, open_records
from liqalert.feeds.replay import Replay, ReplayPlan
from liqalert.library.clusters import Clusters, cluster_of, moment, ranked
from liqalert.library.errors import DataSourceError
from liqalert.library.options import ClusterOptions
from liqalert.library.symbols import instrument_of, refuse_price_of_one_coin


class RecordingSource:
    """Replays `path` once, when it is made: a recording, a directory of them, or exchange messages one a line.

    Raises DataSourceError.
    """

    def __init__(self, options: ClusterOptions, *, path: str | PathLike[str]) -> None:
        self._options = options
        self._snapshot = _replayed(Path(path), options.terms())
        sides = (instrument for instrument, _ in self._snapshot.sides)
        self._known: frozenset[Instrument] = frozenset([*self._snapshot.marks, *sides])

    def clusters(self, symbol: str, price: float) -> Clusters:
        """Raises UnknownSymbolError for what the recording does not hold."""
        as_of, instrument = self._snapshot.as_of, instrument_of(symbol, self._known)
        mark = self._snapshot.marks.get(instrument)
        refuse_price_of_one_coin(instrument.symbol, price, mark.price if mark else None)
        found = (each for each in self._snapshot.clusters(as_of, instrument) if each.count >= self._options.min_size)
        clusters = ranked((cluster_of(each, as_of, price) for each in found), self._options.scale)
        problem = "This is a recording."
        return Clusters(clusters, as_of=moment(as_of), problem=problem, price=price, symbol=instrument.symbol)

    def close(self) -> None:
        pass


def _replayed(path: Path, terms: Terms) -> Snapshot:
    try:
        source = open_records([path])
        return _last_snapshot(source.records(), source.prices, terms)
    except (UnreadableRecords, OSError, msgspec.DecodeError) as exc:
        raise DataSourceError(f"{path} cannot be replayed: {exc}") from exc


def _last_snapshot(records: Iterable[Record], prices: PriceSource, terms: Terms) -> Snapshot:
    """Raises UnreadableRecords when nothing was seen."""
    starts: list[Start] = []

    def begin(record: Record) -> Start:
        starts.append(_start(record, terms))
        return starts[-1]

    replay = Replay(ReplayPlan(begin=begin, decide=lambda decisions: None), prices)
    for record in records:
        replay.take(record)
    if replay.board is None:
        raise UnreadableRecords("nothing could be read")
    snapshot = _at_the_end(replay, replay.board, starts[-1].terms.rebuild_s)
    if not (snapshot.marks or snapshot.sides):
        raise UnreadableRecords("nothing could be read")
    return snapshot


def _at_the_end(replay: Replay, board: Board, every_s: float) -> Snapshot:
    """With what came after the last tick: one more is due where the feed, in the state it was in, is told of again."""
    ended_at = replay.now
    due = (math.floor(ended_at / every_s) + 1) * every_s
    for status in board.feeds.values():
        replay.take(Record(due, "feed", status.exchange, msgspec.json.encode(status)))
    return replace(board.snapshot, as_of=min(board.snapshot.as_of, ended_at))


def _start(record: Record, terms: Terms) -> Start:
    """As recorded, baselines included, but with the window and the decay that the script asks for."""
    if record.kind not in ("start", "context"):
        return Start(record.received_time, terms)
    start = msgspec.json.decode(record.payload, type=Start)
    asked = replace(start.terms, window_pct=terms.window_pct, decay_s=terms.decay_s)
    if asked == start.terms:
        return start
    # What was decided on other clusters is not taken over.
    return replace(start, terms=asked, zones=(), ended_zones=(), episodes=())
