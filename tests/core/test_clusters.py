"""Properties P1 to P9 and P16 of the realised cluster core."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.columns import NO_OWNER, Columns
from liqalert.core.partition import Sheet
from liqalert.core.partition import cut as cut_sides
from liqalert.core.strength import magnitude
from tests.core.events import T0, TERMS, Event, all_sums, altered, cluster, columns, cut, event_lists

ULP = 1e-9


@given(event_lists, st.randoms())
def test_p1_order_of_arrival_changes_nothing(items: list[Event], random: object) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert all_sums(columns(shuffled)) == all_sums(columns(items))


@given(event_lists, st.sampled_from([1e-9, 1e-3, 7.0, 1e6]))
def test_p2_a_common_price_factor_scales_prices_and_nothing_else(items: list[Event], factor: float) -> None:
    held = columns(items)
    scaled = altered(held, prices=held.prices * factor)

    assert cut(scaled) == cut(held)
    for before, after in zip(all_sums(held), all_sums(scaled), strict=True):
        assert after.price == pytest.approx(before.price * factor, rel=1e-9)
        assert (after.mass, after.count, after.weighted_count) == (before.mass, before.count, before.weighted_count)


@given(event_lists, st.floats(-1e8, 1e8))
def test_p3_shifting_all_times_and_now_changes_nothing(items: list[Event], shift: float) -> None:
    held = columns(items)
    shifted = altered(held, times=held.times + shift)

    assert cut(shifted) == cut(held)
    assert [found.mass for found in all_sums(shifted)] == [found.mass for found in all_sums(held)]


@given(event_lists, st.floats(1.0, 40_000.0))
def test_p4_decay_alone_keeps_the_partition_and_shrinks_all_sums_alike(items: list[Event], later: float) -> None:
    held = columns(items)
    factor = math.exp(-later / TERMS.decay_s)
    decayed = altered(held, masses=held.masses * factor)

    assert cut(decayed) == cut(held)
    for before, after in zip(all_sums(held), all_sums(decayed), strict=True):
        assert after.mass == pytest.approx(before.mass * factor, rel=1e-9)
        assert magnitude(after.mass, after.weighted_count) == pytest.approx(
            magnitude(before.mass, before.weighted_count) * factor, rel=1e-9
        )


def test_p4_decaying_twice_is_decaying_once() -> None:
    once = cluster(100, 101).decayed(math.exp(-0.5), T0 + 1800)

    twice = cluster(100, 101).decayed(math.exp(-0.2), T0 + 720).decayed(math.exp(-0.3), T0 + 1800)

    assert twice.notional_usd == pytest.approx(once.notional_usd, rel=1e-12)
    assert twice.strength == pytest.approx(once.strength, rel=1e-12)
    assert once.strength < cluster(100, 101).strength


@given(event_lists)
def test_p5_every_event_is_in_exactly_one_cluster(items: list[Event]) -> None:
    held = columns(items)
    found = all_sums(held)

    assert sum(part.count for part in found) == len(items)
    assert sum(part.mass for part in found) == pytest.approx(float(held.masses.sum()), rel=1e-9)
    assert [edge for part in cut(held) for edge in part][1:-1:2] == [edge for part in cut(held) for edge in part][2::2]


@given(event_lists, st.data(), st.floats(0.1, 0.9))
def test_p6_splitting_an_event_keeps_weight_and_bounds(items: list[Event], data: st.DataObject, share: float) -> None:
    victim = data.draw(st.sampled_from(items))
    others = list(items)
    others.remove(victim)
    halves = [
        replace(victim, notional=victim.notional * share),
        replace(victim, notional=victim.notional * (1 - share)),
    ]

    before, after = all_sums(columns(items)), all_sums(columns(others + halves))

    assert [(part.price_low, part.price_high) for part in after] == [
        (part.price_low, part.price_high) for part in before
    ]
    assert [part.mass for part in after] == pytest.approx([part.mass for part in before], rel=1e-9)
    assert sum(part.count for part in after) == len(items) + 1
    gained = sum(part.weighted_count for part in after) - sum(part.weighted_count for part in before)
    assert gained == pytest.approx(math.exp(-victim.age / TERMS.decay_s), rel=1e-6)


@given(event_lists)
def test_p7_no_cluster_is_wider_than_its_window_and_none_overlap(items: list[Event]) -> None:
    found = all_sums(columns(items))

    assert all(part.price_high / part.price_low <= 1.02 * (1 + ULP) for part in found)
    assert all(left.price_high <= right.price_low for left, right in itertools.pairwise(found))
    assert all(part.price_low <= part.band_low <= part.band_high <= part.price_high for part in found)
    assert all(part.price_low <= part.price <= part.price_high for part in found)


@given(event_lists, st.builds(Event, st.floats(900, 1100), st.floats(0.01, 1e7), st.floats(0, 40_000)))
def test_p8_the_top_window_never_gets_lighter_when_an_event_comes(items: list[Event], extra: Event) -> None:
    before = max(part.mass for part in all_sums(columns(items)))

    after = max(part.mass for part in all_sums(columns([*items, extra])))

    assert after >= before * (1 - ULP)


@given(
    st.lists(
        st.tuples(st.floats(6.8, 7.0), st.floats(0.5, 1e6)),
        min_size=1,
        max_size=30,
        unique_by=(lambda e: e[0], lambda e: e[1]),
    )
)
def test_p9_mirrored_prices_give_mirrored_clusters(points: list[tuple[float, float]]) -> None:
    """Where no two windows weigh the same: the tie goes to the lower price, which has no mirror image."""
    points.sort()
    u, a = np.array([p for p, _ in points]), np.array([m for _, m in points])

    def partition(log_prices: np.ndarray, masses: np.ndarray) -> tuple[tuple[int, int], ...]:
        ones = np.ones(len(masses))
        held = Columns.of(np.exp(log_prices), ones, ones, ones, masses, np.full(len(masses), NO_OWNER))
        parts = cut_sides(Sheet(held, log_prices, np.array([0, len(masses)]), [None]), TERMS.window_width)
        return tuple(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True))

    upright = partition(u, a)
    mirrored = partition((14.0 - u)[::-1].copy(), a[::-1].copy())

    def weights(u: np.ndarray, a: np.ndarray, parts: tuple[tuple[int, int], ...]) -> list[float]:
        return sorted(float(a[left:right].sum()) for left, right in parts)

    assert weights(u, a, upright) == pytest.approx(weights(u, a[::-1], mirrored), rel=1e-6)


@pytest.mark.parametrize(
    "items",
    [
        [Event(1e-12, 1.0, 0.0)],
        [Event(1e9, 1e12, 0.0)],
        [Event(50_000.0, 1.0, 30 * 86_400.0)],
        [Event(100.0, 5.0, 0.0)] * 3,
    ],
    ids=["tiny price", "huge price and notional", "thirty idle days", "equal prices"],
)
def test_p16_extremes_give_finite_numbers(items: list[Event]) -> None:
    (found,) = all_sums(columns(items))

    assert all(math.isfinite(value) for value in (found.price, found.mass, found.weighted_count))
    assert found.mass > 0


def test_the_heaviest_window_wins_over_the_first() -> None:
    """Price 100 could pair with 101.5, but 101.5 to 103.4 is heavier."""
    items = [Event(100.0, 1.0, 0.0), Event(101.5, 5.0, 0.0), Event(103.4, 5.0, 0.0)]

    assert [(part.price_low, part.price_high) for part in all_sums(columns(items))] == [(100.0, 100.0), (101.5, 103.4)]


def test_the_band_holds_the_middle_98_per_cent() -> None:
    """A crumb of 0.5 % at either end stretches the extremes, not the band."""
    items = [Event(100.0, 5.0, 0.0), Event(100.5, 990.0, 0.0), Event(101.0, 5.0, 0.0)]
    held = columns(items)

    (found,) = all_sums(held)

    assert (found.price_low, found.price_high) == (100.0, 101.0)
    assert (found.band_low, found.band_high) == (100.5, 100.5)
