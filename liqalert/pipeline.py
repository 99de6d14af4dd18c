"""Engine -> journal, outbox, board. Read this file first; nothing decides here.

Frames come in by receive time. Before anything received at or after a grid point is taken in, the tick of that grid
point runs; so the order of ticks and frames is a function of receive times alone, and a recording replays to the same
decisions. While no feed is proven alive there are no ticks: what is not seen is not judged.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from liqalert.board import Board
from liqalert.core.engine import TAKEN_IN, Engine, Verdict
from liqalert.core.episodes import Decision, TickFailed
from liqalert.core.frames import framed
from liqalert.core.market import FeedStatus, Gap, Liquidation, Mark, OpenInterest, UnixTime
from liqalert.core.rules import Rule
from liqalert.ports import FrameRecorder, Journal, ParsedFrame

log = logging.getLogger(__name__)

SHORT_GAP_S = 60.0
"""A gap up to this long does not start the watching anew: `watching since` would else reset at every reconnection."""
CATCH_UP_S = 60.0
"""After a stall of the machine the missed ticks of so long are made up for at most, and of longer than it takes to
notice that a feed is not alive: so a replay, which only frames move on, makes up for all that ran."""


class Pipeline:
    """One way in for live frames and for replays. Loop thread only; every call returns at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        journal: Journal,
        decide: Callable[[Sequence[Decision]], None],
        board: Board,
        recorder: FrameRecorder | None = None,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._decide = decide
        self._board = board
        self._recorder = recorder
        self._alive: set[str] = set()
        self._blind_from: UnixTime | None = None
        self._watching_since: UnixTime | None = None
        self._ticked: UnixTime = -math.inf
        self.verdicts: Counter[Verdict] = Counter()
        """What became of every liquidation, since the start."""
        self.failed_ticks = 0
        self.failing = False
        """Whether the newest tick has failed."""
        self.tick_took: Callable[[float], None] = lambda _: None
        """Is told how many seconds each tick took."""
        self.shown: Callable[[Sequence[Mark], Sequence[Liquidation]], None] = lambda marks, liquidations: None
        """Is shown the marks of every frame, and the liquidations that were accepted."""

    def resume(self, watching_since: UnixTime | None, watched_until: UnixTime | None) -> None:
        """An earlier run watched until then; a short stop does not start the watching anew."""
        self._watching_since = watching_since
        self._blind_from = watched_until

    @property
    def ticked_at(self) -> UnixTime | None:
        """The grid point of the newest tick."""
        return self._ticked if math.isfinite(self._ticked) else None

    # ------------------------------------------------------------ from the feeds (ports.FeedSink)

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None:
        """Takes in one frame received at `now`."""
        self.advance(now)
        marks = framed(frame.marks)
        decisions = self._engine.marks(marks) if marks else ()
        accepted = self._accepted(frame.liquidations, now) if frame.liquidations else ()
        if decisions:
            self._decide(decisions)
        self.shown(marks, accepted)

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None:
        """A feed's state, at least once a second."""
        self.advance(now)
        if status.alive is not (status.exchange in self._alive):
            self._record("feed", status.exchange, msgspec.json.encode(status), now)
            if status.alive:
                self._sees(status, now)
            else:
                self._is_blind(status, now)
        if status.alive:
            self._journal.alive(status.exchange, self._watching_since or now, now)
        self._board.feed_changed(replace(status, rejected=self._with_refused(status.rejected)))

    def gap_ended(self, gap: Gap) -> None:
        self._journal.gap(gap)

    # ------------------------------------------------------------ from the schedule and the chats

    def advance(self, now: UnixTime) -> None:
        """Runs the ticks that are due at `now`, each at its grid point."""
        every = self._engine.terms.rebuild_s
        if self._ticked <= now < self._ticked + every:
            return
        # Grid points by number: added up, steps that are no whole number would drift by what rounding leaves.
        due = math.floor(now / every)
        set_back = due * every < self._ticked - CATCH_UP_S
        if set_back:
            log.warning("the clock was set back", extra={"by_s": self._ticked - due * every})
            self._ticked = (due - 1) * every
        if due * every <= self._ticked or not self._alive:
            return
        after_last, made_up = round(self._ticked / every) + 1, due + 1 - math.ceil(CATCH_UP_S / every)
        first = max(after_last, made_up)
        if first > after_last or set_back:
            # A replay must leave out the same, and the schedule may be what comes first, of which nothing else tells.
            self._record("tick", "", b"", now)
        for number in range(first, due + 1):
            self._tick(number * every)

    def set_rules(self, rules: Sequence[Rule], now: UnixTime) -> None:
        self.advance(now)
        self._record("rules", "", msgspec.json.encode(rules), now)
        decisions = self._engine.set_rules(rules, now)
        if decisions:
            self._decide(decisions)

    def learn(self, value: OpenInterest, now: UnixTime) -> None:
        self.advance(now)
        self._record("open_interest", value.instrument.exchange, msgspec.json.encode(value), now)
        self._engine.learn(value, now)

    # ------------------------------------------------------------ details

    def _tick(self, at: UnixTime) -> None:
        """One tick. An error in it is logged and counted, what it had decided is told, and the next tick is tried all
        the same."""
        self._ticked = at
        began = time.perf_counter()
        try:
            snapshot, decisions = self._engine.tick(at)
        except TickFailed as exc:
            log.exception("tick failed", extra={"at": at})
            self.failed_ticks += 1
            self.failing = True
            decisions = exc.decisions
        else:
            self.failing = False
            self._board.snapshot = snapshot
            self.tick_took(time.perf_counter() - began)
        if decisions:
            # The schedule has run it, perhaps, and nothing may come any more that would make a replay run it.
            self._record("tick", "", b"", at)
            self._decide(decisions)

    def _accepted(self, liquidations: Sequence[Liquidation], now: UnixTime) -> Sequence[Liquidation]:
        verdicts = self._engine.add_all(liquidations, now)
        if verdicts.count(Verdict.ACCEPTED) == len(verdicts):
            self.verdicts[Verdict.ACCEPTED] += len(verdicts)
            accepted = liquidations
        else:
            accepted = [
                each for each, verdict in zip(liquidations, verdicts, strict=True) if self._counted(each, verdict)
            ]
        self._journal.liquidated(accepted)
        return accepted

    def _counted(self, liquidation: Liquidation, verdict: Verdict) -> bool:
        """Whether it was accepted."""
        self.verdicts[verdict] += 1
        if verdict not in TAKEN_IN and self.verdicts[verdict] == 1:
            log.warning("refused, from now on only counted", extra={"kind": verdict, "liquidation": liquidation})
        return verdict is Verdict.ACCEPTED

    def _sees(self, status: FeedStatus, now: UnixTime) -> None:
        if not self._alive:
            since = min(status.since, now)
            every = self._engine.terms.rebuild_s
            self._ticked = math.floor(now / every) * every
            if self._watching_since is None or self._blind_from is None or since - self._blind_from > SHORT_GAP_S:
                self._watching_since = since
            self._engine.watch(self._watching_since, now)
        self._alive.add(status.exchange)

    def _is_blind(self, status: FeedStatus, now: UnixTime) -> None:
        self._alive.discard(status.exchange)
        if not self._alive:
            self._blind_from = status.mark_at or now
            self._engine.lose_sight()

    def _record(self, kind: str, exchange: str, payload: bytes, now: UnixTime) -> None:
        """Keeps what decides and is no frame: a replay needs it at the same place."""
        if self._recorder is not None:
            self._recorder.write(kind, exchange, payload, now)

    def _with_refused(self, rejected: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        """The feed's own rejections and those of the engine."""
        refused = ((verdict.value, self.verdicts[verdict]) for verdict in Verdict if verdict in self.verdicts)
        return rejected + tuple((kind, count) for kind, count in refused if kind not in TAKEN_IN)
