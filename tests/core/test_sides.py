"""Sides: which of them a tick looks at, and their clusters as readers see them."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from liqalert.core import sides
from liqalert.core.candidates import Candidates, candidates
from liqalert.core.clusters import SideClusters
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.episodes import TickFailed
from liqalert.core.market import Instrument, PositionSide
from liqalert.core.strength import magnitude
from liqalert.core.zones import strongest, touches
from tests.core.events import BTC, ETH, T0, TERMS, event_lists, liquidation, prices, zone

HISTORY_S = int(TERMS.history_s)
arrivals = st.lists(
    st.tuples(st.sampled_from([BTC, ETH]), prices, st.integers(0, HISTORY_S), st.integers(0, HISTORY_S // 3)),
    min_size=1,
    max_size=30,
)
"""Instrument, price, how long ago it happened when it came, and how long after the one before it came."""


@given(arrivals)
def test_each_side_holds_what_has_not_grown_too_old_however_late_it_came(came: list[tuple]) -> None:
    engine, now, taken = Engine(TERMS), T0, []
    for instrument, price, age, later in came:
        now += later - later % TERMS.rebuild_s
        engine.add(liquidation(price, 1000.0, now - age, received=now, instrument=instrument), now)
        taken.append((instrument, now - age, price))
        snapshot, _ = engine.tick(now + TERMS.rebuild_s)
        now += TERMS.rebuild_s

        live = {each for each in taken if each[1] >= now - TERMS.history_s}
        held = {owner[0]: sum(cluster.count for cluster in clusters) for owner, clusters in snapshot.sides.items()}
        assert held == Counter(instrument for instrument, _, _ in live)


def side_of(items: list) -> SideClusters:
    engine = Engine(TERMS)
    for item in items:
        engine.add(liquidation(item.price, item.notional, T0 - item.age, received=T0), T0)
    [found] = engine.tick(T0)[0].sides.values()
    assert isinstance(found, SideClusters)
    return found


@given(event_lists)
def test_clusters_that_are_made_when_read_are_a_sequence_like_any_other(items: list) -> None:
    found = side_of(items)
    whole = tuple(found)

    assert found == whole
    assert whole == found
    assert hash(found) == hash(whole)
    assert [found[place] for place in range(len(found))] == list(whole)
    assert found[1:] == whole[1:]
    assert found.largest_notional_usd == max(cluster.notional_usd for cluster in whole)


@given(st.lists(event_lists, min_size=1, max_size=4), st.floats(0.0, 40_000.0))
def test_the_greatest_of_each_side_is_the_same_whether_all_are_made(lists: list, later: float) -> None:
    now, owners = T0 + later, product((BTC, ETH), PositionSide)
    of_owners = {owner: side_of(items) for owner, items in zip(owners, lists, strict=False)}

    found = sides.top_magnitudes(of_owners, now, TERMS.decay_s)

    for owner, side in of_owners.items():
        decayed = Snapshot(T0, TERMS.decay_s, sides={owner: side}).clusters(now)
        greatest = max(magnitude(each.notional_usd, each.weighted_count) for each in decayed)
        assert found.pop(owner) == pytest.approx(greatest, rel=1e-9)
    assert not found


@given(event_lists, prices, st.floats(0.0, 0.1), st.floats(0.0, 40_000.0))
def test_the_strongest_on_a_band_is_the_same_whether_all_are_looked_at(
    items: list, low: float, width: float, later: float
) -> None:
    found, now = side_of(items), T0 + later
    band = replace(zone(), low=low, high=low * (1.0 + width))

    touching = [cluster for cluster in found if touches(cluster, band)]
    left = math.exp(-later / 3600.0)
    strengths = [band.baseline.strength(magnitude(each.notional_usd, each.weighted_count) * left) for each in touching]

    assert found.touching(band.low, band.high) == touching
    assert strongest(band, found, now, 3600.0) == pytest.approx(max(strengths, default=0.0), rel=1e-9)
    assert strongest(band, None, now, 3600.0) == 0.0


def test_a_clock_that_is_set_back_makes_nothing_stronger() -> None:
    engine = Engine(TERMS)
    engine.add(liquidation(1000.0, 1e5, T0), T0)
    [found] = engine.tick(T0)[0].sides.values()
    band = zone(1000.0, 1000.0)

    assert isinstance(found, SideClusters)
    assert strongest(band, found, T0 - 60.0, 3600.0) == strongest(band, found, T0, 3600.0)


MANY = [Instrument("binance", f"S{number}USDT") for number in range(3)]


def counts(engine: Engine, now: float) -> list[list[int]]:
    return [[cluster.count for cluster in side] for side in engine.tick(now)[0].sides.values()]


def two_come(engine: Engine, now: float) -> None:
    """To each instrument: one beside what it has, one far off."""
    for instrument in MANY:
        for price in (100.0, 200.0):
            engine.add(liquidation(price + (now - T0) / 100.0, 1000.0, now, instrument=instrument), now)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_in_one_side_costs_no_other_and_leaves_it_as_it_was(bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(TERMS)
    two_come(engine, T0)
    engine.tick(T0)
    named = [[cluster.id for cluster in side] for side in engine.snapshot(T0).sides.values()]
    two_come(engine, T0 + 1.0)

    def failing(found: list[SideClusters], *given: Any) -> Candidates:
        if any(clusters._owner[0] == MANY[bad] for clusters in found):
            raise MemoryError
        return candidates(found, *given)

    with monkeypatch.context() as patch:
        patch.setattr(sides, "candidates", failing)
        with pytest.raises(TickFailed):
            engine.tick(T0 + 5.0)
    others = [[2, 2] if number != bad else [1, 1] for number in range(3)]

    assert counts(engine, T0 + 10.0) == others
    two_come(engine, T0 + 11.0)
    assert counts(engine, T0 + 15.0) == [[3, 3]] * 3
    assert [[cluster.id for cluster in side] for side in engine.snapshot(T0 + 15.0).sides.values()] == named


def test_each_of_several_errors_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(TERMS)
    two_come(engine, T0)

    def failing(found: list[SideClusters], *given: Any) -> Candidates:
        if any(clusters._owner[0] in MANY[:2] for clusters in found):
            raise ValueError(",".join(sorted(clusters._owner[0].symbol for clusters in found)))
        return candidates(found, *given)

    with monkeypatch.context() as patch:
        patch.setattr(sides, "candidates", failing)
        with pytest.raises(TickFailed) as caught:
            engine.tick(T0 + 5.0)

    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert [str(each) for each in caught.value.__cause__.exceptions] == [one.symbol for one in MANY[:2]]


def test_sides_that_an_error_kept_from_being_followed_are_built_in_the_next_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error in what is done with the first of several groups."""
    engine = Engine(TERMS)
    two_come(engine, T0)
    monkeypatch.setattr(sides, "MOST_AT_ONCE", 1)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_want_open_interest", lambda _: 1 / 0)
        with pytest.raises(TickFailed):
            engine.tick(T0)

    assert counts(engine, T0 + 5.0) == [[1, 1]] * 3
