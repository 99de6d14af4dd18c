"""Marks: what an array of 600 costs beyond its decoding, on 6,000 zones and 500 rules, with and without crossings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import process_time

from liqalert.board import Board
from liqalert.core.alerts import Evidence
from liqalert.core.candles import CandleBook
from liqalert.core.episodes import Decision, Episode, EpisodeState, Reason, Transition
from liqalert.core.frames import frame_of
from liqalert.core.identity import short_id
from liqalert.core.market import Instrument, Mark, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start, begun
from liqalert.core.strength import Baseline
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone
from liqalert.pipeline import Pipeline
from liqalert.ports import ParsedFrame
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from tests.benchmarks import bare
from tests.benchmarks.harness import Figure, Question, Scale, compare, cpu_us
from tests.benchmarks.inputs import INSTRUMENTS, T0, busiest_first, instruments, mark_frame, prices, symbols

ZONES_EACH = 10
CROSSING = INSTRUMENTS // 100
JUMP = 1.01
"""So far a mark goes in a violent second, past many prices at which something changes."""
STEP = 1.0001
MOST_STEPS = 10_000
USUAL_MOVE = 0.06 / math.sqrt(86_400.0)
"""Standard deviation of a second's move where a day's is 6 %."""


def figures(scale: Scale) -> Iterator[Figure]:
    array = mark_frame(prices(), T0)
    repeats = scale.of(20, 1)
    question = f"600 marks, {ZONES_EACH} zones each, {{}} rules, candles: {{}}"
    rules = scale.of(500, 20)

    def decoded(times: int) -> float:
        return cpu_us(lambda: [bare.decode_wrapped_marks(array) for _ in range(times)], times)

    with TemporaryDirectory() as directory:
        watched = Watched(rules, Path(directory))
        for name, cost, times, at_most in (
            ("nothing crosses", lambda: watched.quiet(repeats), repeats, 0.6),
            # These once: what comes once a second finds none of its code and data in the processor's cache.
            ("1 % of instruments cross", watched.crossing, 1, 3.0),
            ("1 % of instruments jump by 1 %", watched.jumping, 1, None),
            ("a usual second's moves", watched.usual, 1, None),
        ):
            yield compare(
                Question(question.format(rules, name), "msgspec decoding that array", "us CPU/array", at_most),
                ours=cost,
                peer=partial(decoded, times),
                rounds=scale.rounds(15),
            )

        yield compare(
            Question(
                question.format(rules, "1 % of instruments jump by 1 %"), "making as many transitions", "us CPU/array"
            ),
            ours=watched.jumping,
            peer=watched.transitions_made,
            rounds=scale.rounds(9),
        )


class Watched:
    """A pipeline with zones and candles, every rule on every zone in the state that the first array of marks gives."""

    def __init__(self, rules: int, directory: Path) -> None:
        self._decisions: list[Decision] = []
        self._random = Random(7)
        # Each instrument crosses at most once: after that it would be cooling.
        self._uncrossed = self._random.sample(symbols(), INSTRUMENTS)
        self._marks = dict(prices())
        self._seconds = count(1)
        self._instruments = [*instruments()]
        self._decided = 0
        """By the marks that moved last."""
        known = distinct_rules(rules)
        self._rule = known[0]
        start = Start(T0, Terms(), rules=known, zones=tuple(zones()))
        self._scout = begun(start)
        """Is asked where a mark crosses."""
        engine = begun(start)
        journal = BatchJournal(Database(f"sqlite:///{directory}/unused.db"))
        # There has been a tick, as in all but the first seconds of a daemon.
        snapshot, _ = engine.tick(T0)
        board = Board(snapshot)
        self._pipeline = Pipeline(engine, journal=journal, decide=self._decisions.extend, board=board)
        candles, kept = CandleBook(), frozenset(instruments())
        self._pipeline.shown = lambda marks, _: candles.marks(marks, kept)
        self._ingest(self._marks)
        for each in instruments():
            self._scout.mark(self._mark(each, self._marks[each.symbol], T0))

    def quiet(self, repeats: int) -> float:
        """The same marks again."""
        self._ingest(self._marks)
        decided = len(self._decisions)
        cost = sum(self._ingest(self._marks) for _ in range(repeats)) / repeats
        assert len(self._decisions) == decided
        return cost

    def crossing(self) -> float:
        """Six instruments pass the nearest price above at which something changes, the others stay."""
        return self._moving({symbol: self._beyond(symbol) for symbol in self._next()})

    def jumping(self) -> float:
        """Six instruments jump, the others stay."""
        return self._moving({symbol: self._marks[symbol] * JUMP for symbol in self._next()})

    def transitions_made(self) -> float:
        """The floor of a jump: as many transitions as the last one had, each with an id of its own and evidence."""
        rule, now, mark = self._rule, T0, prices()[symbols()[0]]
        made: list[Transition] = []

        def work() -> None:
            for number in range(self._decided):
                id_ = short_id("episode", rule.id, f"zone-{number}", now)
                armed = Episode(id_, rule, "zone", EpisodeState.ARMED, now)
                evidence = Evidence(mark, now, 2.0, 1.0, 1.4, 0.9, 0.8, 0.6)
                made.append(Transition(armed, EpisodeState.IDLE, now, Reason.BEYOND_REARM_DISTANCE, evidence))

        return cpu_us(work, 1)

    def usual(self) -> float:
        """All move a little: hardly anyone is told, but most marks pass some rule's distance from some zone."""
        for symbol in self._marks:
            self._marks[symbol] *= math.exp(self._random.gauss(0.0, USUAL_MOVE))
        return self._ingest(self._marks)

    def _next(self) -> list[str]:
        return [self._uncrossed.pop() for _ in range(CROSSING)]

    def _beyond(self, symbol: str) -> float:
        price, at = self._marks[symbol], T0
        for _ in range(MOST_STEPS):
            price, at = price * STEP, at + 1.0
            if self._scout.mark(self._mark(Instrument("binance", symbol), price, at)):
                return price
        raise AssertionError(f"nothing changes above {self._marks[symbol]} of {symbol}")

    def _moving(self, marks: Mapping[str, float]) -> float:
        self._marks |= marks
        before = len(self._decisions)
        cost = self._ingest(self._marks)
        self._decided = len(self._decisions) - before
        assert self._decided >= len(marks)
        return cost

    def _ingest(self, marks: Mapping[str, float]) -> float:
        at = T0 + next(self._seconds)
        # As the parser gives them: their columns are made in decoding.
        frame = ParsedFrame(marks=frame_of(self._instruments, [marks[each.symbol] for each in instruments()], at, at))
        began = process_time()
        self._pipeline.ingest(frame, at)
        return (process_time() - began) * 1e6

    @staticmethod
    def _mark(instrument: Instrument, price: float, at: float) -> Mark:
        return Mark(instrument, price, at, at)


def distinct_rules(wanted: int) -> tuple[Rule, ...]:
    """Four of five for one instrument, the busy ones more often; the fifth for all instruments."""
    random = Random(8)
    found: dict[Rule, None] = {}
    while len(found) < wanted:
        [place] = busiest_first(random, 1)
        instrument = instruments()[place] if random.random() < 0.8 else None
        distance_pct, min_strength = random.randrange(1, 51) / 10.0, random.randrange(6, 19) / 20.0
        found[Rule(RuleKind.NEAR, instrument, distance_pct, min_strength)] = None
    return tuple(found)


def zones() -> Iterator[Zone]:
    """Ten zones an instrument, within 10 % of its price, few of them strong."""
    random = Random(9)
    for instrument in instruments():
        for number in range(ZONES_EACH):
            low = prices()[instrument.symbol] * (1.0 + random.uniform(-0.1, 0.1))
            yield zone(
                f"{instrument.symbol}-{number}", instrument, low, strength=0.3 + 0.65 * random.betavariate(1.2, 3)
            )


def zone(name: str, instrument: Instrument, low: float, *, strength: float) -> Zone:
    """Liquidated longs in a band 0.5 % wide."""
    return Zone(
        id=name,
        cluster_id=f"cluster-{name}",
        instrument=instrument,
        liquidated=PositionSide.LONG,
        low=low,
        high=low * 1.005,
        strength=strength,
        notional_usd=1e6,
        count=20,
        opened_at=T0,
        peak_at=T0,
        baseline=Baseline(11.0, 1.2, True, "2026-09-21"),
    )
