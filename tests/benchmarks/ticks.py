"""The tick: what it costs to rebuild the clusters that changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from itertools import product
from random import Random
from time import process_time

import numpy as np

from liqalert.core.columns import SPAN
from liqalert.core.engine import Engine
from liqalert.core.market import Instrument, Mark, PositionSide
from liqalert.core.terms import Terms
from tests.benchmarks.harness import Figure, Question, Scale, compare, cpu_us
from tests.benchmarks.inputs import T0, instruments, liquidation, liquidations, prices

CHANGED, ALL = 50, 1200


def figures(scale: Scale) -> Iterator[Figure]:
    live, crowd, few = scale.of(200_000, 2000), scale.of(1_000_000, 4000), scale.of(10_000, 100)
    usual = f"{CHANGED} of 1,200 sides changed"
    ticking = Ticking(loaded(live))
    yield _beside_a_sort(ticking, live, usual, changed=CHANGED, rounds=scale.rounds(15), at_most=0.3)
    yield _beside_its_floor(ticking, live, usual, changed=CHANGED, rounds=scale.rounds(9))
    # Where all change, 1,200 come with each tick, and nothing is old enough to go: the middle round is to hold `live`.
    ticking = Ticking(loaded(live - ALL * (scale.rounds(11) // 2 + 1)))
    yield _beside_a_sort(ticking, live, "all changed", changed=ALL, rounds=scale.rounds(11), at_most=3.0)
    yield _beside_its_floor(ticking, live, "all changed", changed=ALL, rounds=scale.rounds(5))
    del ticking
    great, small = Ticking(loaded(crowd)), Ticking(loaded(few))
    yield _beside_a_sort(great, crowd, usual, changed=CHANGED, rounds=scale.rounds(9), at_most=0.1)
    yield _beside_its_floor(great, crowd, usual, changed=CHANGED, rounds=scale.rounds(5))
    yield _growth(great, small, crowd / few, scale.rounds(9))


def _beside_a_sort(ticking: Ticking, live: int, what: str, *, changed: int, rounds: int, at_most: float) -> Figure:
    keys = np.random.default_rng(1).random(live)
    return compare(
        Question(f"tick, {live:,} live, {what}", f"numpy stable sort of {live:,} keys", "us CPU", at_most),
        ours=partial(ticking.cost, changed),
        peer=lambda: cpu_us(lambda: np.sort(keys, kind="stable"), 1),
        rounds=rounds,
    )


def _beside_its_floor(ticking: Ticking, live: int, what: str, *, changed: int, rounds: int) -> Figure:
    return compare(
        Question(f"tick, {live:,} live, {what}", "reading those sides once", "us CPU"),
        ours=partial(ticking.cost, changed),
        peer=partial(ticking.floor, changed),
        rounds=rounds,
    )


def _growth(great: Ticking, small: Ticking, times: float, rounds: int) -> Figure:
    """The exponent of the cost: 1 where it grows as the number of live liquidations does."""
    compared = compare(
        Question("", "", ""), ours=partial(great.cost, CHANGED), peer=partial(small.cost, CHANGED), rounds=rounds
    )
    exponents = tuple(math.log(ratio) / math.log(times) for ratio in compared.ratios)
    what = f"growth of the tick with {times:.0f} times the live liquidations, exponent"
    return Figure(Question(what, "linear growth", "", 0.35), exponents, (1.0,) * rounds)


def loaded(live: int) -> Engine:
    """An engine at T0 that holds `live` liquidations and a mark of every instrument."""
    engine = Engine(Terms())
    engine.watch(T0 - 86_400.0, T0)
    for each in liquidations(live, T0):
        engine.add(each, T0)
    for instrument in instruments():
        engine.mark(Mark(instrument, prices()[instrument.symbol], T0, T0))
    return engine


class Ticking:
    """Ticks every five seconds of its own time. The busiest instrument is always among those that change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._now = T0
        self._random = Random(5)
        self._sides = list(product(instruments(), PositionSide))
        engine.tick(self._now)

    def cost(self, changed: int) -> float:
        for instrument, liquidated in self._pick(changed):
            self._engine.add(liquidation(instrument, liquidated, self._random, self._now), self._now)
        self._now += self._engine.terms.rebuild_s
        began = process_time()
        self._engine.tick(self._now)
        return (process_time() - began) * 1e6

    def floor(self, changed: int) -> float:
        """Of any tick: it has to read what so many sides hold. Nothing is cut here."""
        clusters = self._engine.snapshot(self._now).sides
        held = [sum(cluster.count for cluster in clusters.get(side, ())) for side in self._pick(changed)]
        tables = [np.ones((SPAN + 1, count)) for count in held]
        return cpu_us(lambda: np.concatenate(tables, axis=1).sum(axis=1), 1)

    def _pick(self, count: int) -> list[tuple[Instrument, PositionSide]]:
        return self._sides[:2] + self._random.sample(self._sides[2:], count - 2)
