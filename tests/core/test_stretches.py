"""A side of which only a stretch is cut anew comes out as if all of it had been."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.core import sides, window
from liqalert.core.clusters import COUNT, USD, SideClusters
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.episodes import Decision, TickFailed, ZoneOpened
from liqalert.core.market import Liquidation, OpenInterest
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.stretches import Stretch, to_be_cut
from liqalert.core.terms import Terms
from liqalert.core.windows import LANDMARK_DECAYS
from tests.core.events import BTC, T0, TERMS, Event, columns, liquidation, mark, parts_of

EVER = 10**9
LANDMARK_S = LANDMARK_DECAYS * TERMS.decay_s
BEGIN = (T0 // LANDMARK_S + 1) * LANDMARK_S - 20 * TERMS.rebuild_s
"""The landmark moves in the middle of forty ticks."""


def arrivals(random: Random, ticks: int, most: int) -> Iterator[list[Liquidation]]:
    """What comes before each tick: here and there, on a grid where windows begin and end, and in bunches. Some of it
    goes a few ticks later, and is as old as all the rest or weighs nothing beside it."""
    middle, fresh = 1000.0, random.choice([0, 1, 4])
    for number in range(ticks):
        middle *= math.exp(random.gauss(0.0, 0.005))
        now, came = BEGIN + number * TERMS.rebuild_s, []
        for _ in range(random.randint(0, most)):
            spread = random.choice([0.001, 0.03])
            price = middle * math.exp(random.gauss(0.0, spread))
            if random.random() < 0.3:
                price = 1000.0 * 1.02 ** (random.randint(-16, 16) / 4)
            goes_in_s = random.uniform(0.0, 0.5 * ticks * TERMS.rebuild_s)
            old = random.choice([random.uniform(0.0, TERMS.history_s), TERMS.history_s - goes_in_s])
            age = random.choice([*[0.0] * fresh, old])
            came.append(liquidation(price, 10.0 ** random.uniform(2, 6), now - age, received=now))
        yield came


@contextmanager
def cut_from(great: int) -> Iterator[None]:
    """Sides with `great` liquidations are cut by stretches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sides, "GREAT", great)
        patch.setattr(window, "FEW", great)
        yield


def run(seed: int, most: int) -> Iterator[tuple[Snapshot, tuple[Decision, ...]]]:
    engine = Engine(TERMS)
    for number, came in enumerate(arrivals(Random(seed), 40, most)):
        now = BEGIN + number * TERMS.rebuild_s
        for each in came:
            engine.add(each, now)
        yield engine.tick(now)


@settings(max_examples=60)
@given(st.integers(0, EVER), st.sampled_from([1, 1, 3, 12]))
def test_clusters_ids_and_decisions_are_those_of_sides_that_are_cut_whole(seed: int, most: int) -> None:
    with cut_from(0):
        by_stretches = list(run(seed, most))
    with cut_from(EVER):
        whole = list(run(seed, most))

    assert [decisions for _, decisions in by_stretches] == [decisions for _, decisions in whole]
    for (found, _), (expected, _) in zip(by_stretches, whole, strict=True):
        assert found.sides == expected.sides
        assert found.zones == expected.zones


QUICK = Terms(decay_s=20.0, min_events=1, min_notional_usd=2e4, memory_s=120.0)
"""A zone lives for two minutes, and is remembered for four."""


def lively(seed: int) -> list[Decision]:
    """Decisions of an engine whose zones open and grow, are passed through, end and are forgotten."""
    random, engine = Random(seed), Engine(QUICK)
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.4), Rule(RuleKind.FORMED, BTC, 0.0, 0.5)], BEGIN)
    spread, step, often = random.choice([(0.06, 0.02, 0.3), (0.02, 0.02, 0.3), (0.015, 0.01, 0.05)])
    price, decisions = 1000.0, list[Decision]()
    for number in range(120):
        now = BEGIN + number * QUICK.rebuild_s
        if random.random() < 0.02:
            engine.learn(OpenInterest(BTC, 10.0 ** random.uniform(6, 10), now), now)
        for _ in range(random.choice([0, 1, 1, 1, 2])):
            usd = 10.0 ** random.uniform(4, 7)
            engine.add(liquidation(price * math.exp(random.gauss(0.0, spread)), usd, now, received=now), now)
        decisions += engine.tick(now)[1]
        if random.random() < often:
            price *= math.exp(random.gauss(0.0, step))
            decisions += engine.mark(mark(price, now + 1.0))
    return decisions


@settings(max_examples=25)
@given(st.integers(0, EVER))
def test_a_cluster_that_only_ages_need_not_be_looked_at(seed: int) -> None:
    with cut_from(0):
        by_stretches = lively(seed)
    with cut_from(EVER):
        whole = lively(seed)

    assert by_stretches == whole


@pytest.mark.parametrize("great", [0, EVER])
def test_what_an_ended_zone_stood_for_may_open_one_when_that_is_forgotten(great: int) -> None:
    engine, opened = Engine(QUICK), []
    with cut_from(great):
        for after_s in range(0, 300, 5):
            now = BEGIN + after_s
            if after_s == 0:
                engine.add(liquidation(1000.0, 1e14, now - 20.0, received=now), now)
            if after_s == 230:
                engine.add(liquidation(1000.0, 3e6, now, received=now), now)
            engine.add(liquidation(1500.0, 1e3, now, received=now), now)
            opened += [after_s for each in engine.tick(now)[1] if isinstance(each, ZoneOpened)]
            for price in (1100.0, 900.0):
                engine.mark(mark(price, now + 1.0))

    assert opened == [0, QUICK.history_s + QUICK.rebuild_s]


@pytest.mark.parametrize("great", [0, EVER])
def test_what_a_failed_tick_did_not_look_at_is_looked_at_in_the_next(
    great: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(QUICK)
    two_clusters = [(1000.0, 5e3), (1010.0, 5e3), (1500.0, 1e3), (1520.0, 1e3)]
    came = [two_clusters, [(1510.0, 1e3)], [(1005.0, 1e7)], [(1511.0, 1e3)]]
    opened: list[int] = []
    with cut_from(great):
        for number, each in enumerate(came):
            now = BEGIN + number * QUICK.rebuild_s
            for price, usd in each:
                engine.add(liquidation(price, usd, now, received=now), now)
            if number == 2:
                with monkeypatch.context() as patch:
                    patch.setattr(engine, "_want_open_interest", lambda _: 1 / 0)
                    with pytest.raises(TickFailed):
                        engine.tick(now)
            else:
                opened += [number for one in engine.tick(now)[1] if isinstance(one, ZoneOpened)]

    assert opened == [3]


def test_one_that_weighs_nothing_beside_what_has_come_is_left_out_of_its_window() -> None:
    came = [(1000.0, 1.0), (1005.0, 6e11), (1003.0, 6e11)]

    def last_clusters(great: int) -> list[tuple[float, int]]:
        engine = Engine(TERMS)
        with cut_from(great):
            for number, (price, notional_usd) in enumerate(came):
                now = BEGIN + number * TERMS.rebuild_s
                engine.add(liquidation(price, notional_usd, now, received=now), now)
                snapshot, _ = engine.tick(now)
        [clusters] = snapshot.sides.values()
        return [(cluster.price_low, cluster.count) for cluster in clusters]

    assert last_clusters(0) == last_clusters(EVER) == [(1000.0, 1), (1003.0, 2)]


def loaded(seed: int, count: int) -> tuple[list[Event], Random]:
    random = Random(seed)
    return [event(random) for _ in range(count)], random


def event(random: Random) -> Event:
    return Event(
        1000.0 * math.exp(random.gauss(0.0, 0.03)), 10.0 ** random.uniform(2, 6), random.uniform(0.0, 40_000.0)
    )


@given(st.integers(0, EVER), st.integers(1, 3))
def test_outside_the_stretch_every_window_stays_and_inside_are_those_of_the_stretch_alone(seed: int, new: int) -> None:
    old, random = loaded(seed, 120)
    before = parts_of(columns(old))
    came = [event(random) for _ in range(new)]
    held = columns(old + came)
    held.table[-1] = held.prices.searchsorted(held.prices * math.exp(TERMS.window_width), side="right") - np.arange(
        len(held)
    )
    arrived = sorted(held.prices.tolist().index(each.price) for each in came)

    counts = (before.ends - before.starts).tolist()
    stretch = to_be_cut(held, arrived, (), counts, before.masses.tolist(), TERMS.window_width)

    after, inside = parts_of(held), parts_of(stretch.columns)
    right = stretch.left + len(stretch.columns)
    assert [place for place in arrived if not stretch.left <= place < right] == []
    cut = [
        *before.starts[: stretch.first].tolist(),
        *(inside.starts + stretch.left).tolist(),
        *(before.starts[stretch.last :] + new).tolist(),
    ]
    assert cut == after.starts.tolist()
    assert inside.masses.tolist() == after.masses[stretch.first :][: len(inside.masses)].tolist()


@pytest.mark.parametrize(("over_s", "leave"), [(3000.0, 0), (TERMS.history_s, 35)])
def test_of_a_great_side_little_is_cut(monkeypatch: pytest.MonkeyPatch, over_s: float, leave: int) -> None:
    random = Random(1)
    engine = Engine(TERMS)
    found: list[Stretch] = []

    def noted(*given: Any) -> Stretch:
        found.append(to_be_cut(*given))
        return found[-1]

    for number in range(3000):
        engine.add(spread(random, T0 - over_s * number / 2999), T0)
    engine.tick(T0)
    monkeypatch.setattr("liqalert.core.sides.to_be_cut", noted)

    for number in range(1, 101):
        now = T0 + number * TERMS.rebuild_s
        engine.add(spread(random, now), now)
        snapshot, _ = engine.tick(now)

    [held] = snapshot.sides.values()
    assert isinstance(held, SideClusters)
    assert held.table[COUNT].sum() == 3100 - leave
    assert held.table[USD].min() > 0.0
    assert len(found) == 100
    assert sum(len(stretch.columns) for stretch in found) < 3000 * 100 / 3
    assert sum(stretch.counts is None for stretch in found) < 100 / 4


def spread(random: Random, at: float) -> Liquidation:
    return liquidation(1000.0 * math.exp(random.gauss(0.0, 0.03)), 10.0 ** random.uniform(2, 6), at, instrument=BTC)
