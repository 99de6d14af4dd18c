"""Many sides cut at once give what one side after the other gives, cut one window at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.columns import NO_OWNER, Columns
from liqalert.core.identity import shared_weights
from liqalert.core.partition import cut, sheet
from tests.core import reference
from tests.core.events import TERMS, Event, columns, events

sides = st.lists(st.lists(events, max_size=25), min_size=1, max_size=6)


def held_by(found: list[list[Event]]) -> list[Columns]:
    return [columns(items) for items in found]


@given(sides, st.sampled_from([0, 4, 10**9]))
def test_all_sides_are_cut_as_the_plain_version_cuts_each(found: list[list[Event]], long: int) -> None:
    windows = held_by(found)

    held = sheet(windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("liqalert.core.partition.LONG", long)
        parts = cut(held, TERMS.window_width)

    expected, offset = [], 0
    for window in windows:
        log_prices, masses = np.log(window.prices).tolist(), window.masses.tolist()
        plain = reference.partition(log_prices, masses, TERMS.window_width)
        expected += [(offset + start, offset + end) for start, end in plain]
        offset += len(masses)
    assert list(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True)) == expected
    for number, (start, end) in enumerate(expected):
        prices, masses = held.columns.prices[start:end].tolist(), held.columns.masses[start:end].tolist()
        assert parts.masses[number] == pytest.approx(math.fsum(masses), rel=1e-12)
        assert prices[0] <= parts.prices[number] <= prices[-1]
        assert prices[0] <= parts.band_lows[number] <= parts.band_highs[number] <= prices[-1]


# Few weights and few prices, so that many windows weigh the same, beside and between those that were taken before.
even = st.builds(Event, price=st.integers(960, 1040).map(float), notional=st.sampled_from([1.0, 2.0]), age=st.just(0.0))


@given(st.lists(st.lists(even, max_size=25), min_size=1, max_size=3))
def test_of_windows_of_equal_weight_the_narrower_and_then_the_lower_is_taken(found: list[list[Event]]) -> None:
    windows = held_by(found)

    parts = cut(sheet(windows), TERMS.window_width)

    expected, offset = [], 0
    for window in windows:
        plain = reference.partition(np.log(window.prices).tolist(), window.masses.tolist(), TERMS.window_width)
        expected += [(offset + start, offset + end) for start, end in plain]
        offset += len(window.masses)
    assert list(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True)) == expected


def test_equal_weights_above_a_window_that_was_taken_go_to_the_narrower() -> None:
    heavy, wide, narrow = (1000.0, 9.0), [(1100.0, 1.0), (1115.0, 1.0)], [(1210.0, 1.0), (1211.0, 1.0)]
    items = [Event(price, notional, 0.0) for price, notional in (heavy, *wide, (1130.0, 1.0), *narrow)]

    parts = cut(sheet([columns(items)]), TERMS.window_width)

    assert list(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True)) == [(0, 1), (1, 2), (2, 4), (4, 6)]


@given(sides, st.data())
def test_sides_whose_windows_are_known_need_not_be_cut_and_change_no_other(
    found: list[list[Event]], data: st.DataObject
) -> None:
    windows = held_by(found)
    alone = [cut(sheet([window]), TERMS.window_width) for window in windows]
    counts = [data.draw(st.sampled_from([None, each.ends - each.starts])) for each in alone]

    parts = cut(sheet(windows, counts), TERMS.window_width)

    expected = cut(sheet(windows), TERMS.window_width)
    assert (parts.starts.tolist(), parts.ends.tolist()) == (expected.starts.tolist(), expected.ends.tolist())


@given(sides, st.integers(0, 5))
def test_what_lies_beside_a_side_does_not_touch_a_bit_of_it(found: list[list[Event]], place: int) -> None:
    windows = held_by(found)
    place %= len(windows)
    together, alone = sheet(windows), sheet([windows[place]])

    parts, own = cut(together, TERMS.window_width), cut(alone, TERMS.window_width)

    first, last = np.searchsorted(parts.starts, together.bounds[place : place + 2])
    assert (parts.starts[first:last] - together.bounds[place]).tolist() == own.starts.tolist()
    for name in parts.__struct_fields__[2:]:
        assert getattr(parts, name)[first:last].tobytes() == getattr(own, name).tobytes()


# Beside a giant the ends of a dwarf's band are lost in rounding.
prices = st.integers(990, 1010).map(float)
alike = st.builds(Event, price=prices, notional=st.integers(1, 1000).map(float), age=st.just(0.0))


@given(st.lists(alike, min_size=1, max_size=60))
def test_the_band_is_that_of_the_plain_version(items: list[Event]) -> None:
    held = sheet([columns(items)])

    parts = cut(held, TERMS.window_width)

    for number, (start, end) in enumerate(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True)):
        prices, masses = held.columns.prices[start:end].tolist(), held.columns.masses[start:end].tolist()
        expected = reference.band(prices, masses)
        near_the_edge = any(
            abs(math.fsum(masses[:count]) / math.fsum(masses) - share) < 1e-9
            for count in range(len(masses) + 1)
            for share in (0.01, 0.99)
        )
        assert near_the_edge or (parts.band_lows[number], parts.band_highs[number]) == expected


@given(sides, st.data())
def test_shared_weights_are_those_of_each_pair(items: list[list[Event]], data: st.DataObject) -> None:
    windows = held_by(items)
    olds = [data.draw(st.integers(0, 3)) for _ in windows]
    firsts = [data.draw(st.integers(0, 5)) for _ in windows]
    for window, begin, count in zip(windows, firsts, olds, strict=True):
        owners = st.sampled_from([NO_OWNER, *range(begin, begin + count)])
        window.owners[:] = data.draw(st.lists(owners, min_size=len(window.owners), max_size=len(window.owners)))
    held = sheet(windows)
    parts = cut(held, TERMS.window_width)

    shared = shared_weights(held, parts, np.array(firsts), np.array(olds))

    first = np.searchsorted(parts.starts, held.bounds).tolist()
    pairs = list(zip(shared.sides.tolist(), shared.news.tolist(), shared.olds.tolist(), strict=True))
    assert pairs == sorted(pairs)
    assert shared.old_counts.tolist() == olds
    assert shared.new_counts.tolist() == np.diff(first).tolist()
    for side in range(len(windows)):
        expected: dict[tuple[int, int], float] = {}
        for new, part in enumerate(range(first[side], first[side + 1])):
            for place in range(int(parts.starts[part]), int(parts.ends[part])):
                old = int(held.columns.owners[place])
                if old != NO_OWNER:
                    pair = (old - firsts[side], new)
                    expected[pair] = expected.get(pair, 0.0) + float(held.columns.masses[place])
        found = {
            (old, new): weight
            for (of, new, old), weight in zip(pairs, shared.weights.tolist(), strict=True)
            if of == side
        }
        assert found == pytest.approx({pair: weight for pair, weight in expected.items() if weight}, rel=1e-12)
        news = range(first[side + 1] - first[side])
        assert shared.moved()[side] != (len(news) == olds[side] and expected.keys() == {(each, each) for each in news})
