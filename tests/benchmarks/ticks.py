"""The tick: what it costs to rebuild the clusters that changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from random import Random
from time import process_time

import numpy as np

from liqalert.core.engine import Engine
from liqalert.core.market import Instrument, Mark, PositionSide
from liqalert.core.terms import Terms
from tests.benchmarks.harness import Figure, Question, Scale, compare, cpu_us
from tests.benchmarks.inputs import T0, instruments, liquidation, liquidations, prices

CHANGED = 50


def figures(scale: Scale) -> Iterator[Figure]:
    live = scale.of(200_000, 2000)
    ticking = Ticking(loaded(live))
    keys = np.random.default_rng(1).random(live)

    def peer() -> float:
        return cpu_us(lambda: np.sort(keys, kind="stable"), 1)

    for name, changed, rounds in ((f"{CHANGED} of 1,200 sides changed", CHANGED, 15), ("all changed", 1200, 7)):
        yield compare(
            Question(f"tick, {live:,} live, {name}", f"numpy stable sort of {live:,} keys", "us CPU"),
            ours=partial(ticking.cost, changed),
            peer=peer,
            rounds=scale.rounds(rounds),
        )


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

    def _pick(self, count: int) -> list[tuple[Instrument, PositionSide]]:
        return self._sides[:2] + self._random.sample(self._sides[2:], count - 2)
