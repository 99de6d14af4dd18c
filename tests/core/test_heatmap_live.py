"""Kept up to date, the cells are those that are computed from scratch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.core.flow import saturated
from liqalert.core.heatmap_cells import RANGES, Reports, saturated_in, stand
from liqalert.core.heatmap_live import LiveCells
from liqalert.core.market import Liquidation, PositionSide
from tests.core.events import liquidation

T0 = 1_789_999_800.0
HOUR, DAY = RANGES["1h"], RANGES["24h"]


def assert_same(live: LiveCells, known: list[Liquidation], as_of: float, *, shown: str = "1h", decay_s: float) -> None:
    found, expected = live.cells(as_of), stand(Reports.of(known), RANGES[shown], as_of=as_of, decay_s=decay_s)
    rows = {int(row): place for place, row in enumerate(expected.rows)}
    for name in ("count", "long_usd", "short_usd"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        shown_rows = np.zeros_like(theirs)
        shown_rows[:, [rows[int(row)] for row in found.rows]] = ours
        assert shown_rows == pytest.approx(theirs, rel=1e-7, abs=1e-6), name
    assert live.saturated_s().tolist() == saturated_in(Reports.of(known), RANGES[shown], as_of).tolist()


events = st.lists(
    st.tuples(
        st.floats(0.0, 400.0),
        st.floats(0.0, 30.0),
        st.sampled_from([100.0, 100.01, 101.0, 130.0, 1e-8, 1e9]),
        st.floats(1.0, 1e7),
        st.sampled_from(list(PositionSide)),
    ),
    max_size=40,
)


@settings(max_examples=100)
@given(events, st.integers(0, 40), st.floats(0.0, 5000.0), st.sampled_from([30.0, 600.0, 3600.0]))
def test_live_cells_are_those_computed_from_scratch(
    steps: list[tuple[float, float, float, float, PositionSide]], begin: int, pause_s: float, decay_s: float
) -> None:
    known, now = [], T0
    for wait_s, late_s, price, usd, side in steps:
        now += wait_s
        known.append(liquidation(price, usd, now - late_s, liquidated=side, received=now))
    before, after = known[:begin], known[begin:]
    as_of = before[-1].received_time if before else T0

    live = LiveCells(before, HOUR, as_of=as_of, decay_s=decay_s)
    for each in after:
        live.add(each)

    assert_same(live, known, now, decay_s=decay_s)
    assert_same(live, known, now + pause_s, decay_s=decay_s)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=80))
def test_saturated_seconds_are_those_of_the_cascade(reports: list[tuple[int, int]]) -> None:
    known = [liquidation(1000.0, 1.0, T0 + second, received=T0 + 60.0 * minute + 1.0) for minute, second in reports]

    found = saturated_in(Reports.of(known), HOUR, T0 + 240.0)

    for minute in range(4):
        assert found[-4 + minute] == saturated([T0 + second for at, second in reports if at == minute])


@pytest.mark.parametrize("known_before", [0, 60, 61, 90])
def test_saturated_seconds_are_counted_in_the_minute_in_which_they_came(known_before: int) -> None:
    """One report every second from the fifth on, for one minute and a half."""
    reports = [liquidation(1000.0, 1.0, T0 + second) for second in range(5, 96)]
    before = reports[:known_before]
    as_of = before[-1].received_time if before else T0

    live = LiveCells(before, HOUR, as_of=as_of, decay_s=3600.0)
    for each in reports[known_before:]:
        live.add(each)
    live.cells(T0 + 180.0)

    assert live.saturated_s().tolist() == [0] * 57 + [56, 35, 0]


def test_a_closed_column_stays_as_it_is() -> None:
    live = LiveCells([], DAY, as_of=T0, decay_s=3600.0)
    live.add(liquidation(1000.0, 1e6, T0 + 10.0))
    closed = live.cells(T0 + 310.0).long_usd[-2].sum()

    live.add(liquidation(1000.0, 5e6, T0 + 20.0, received=T0 + 320.0))

    assert live.cells(T0 + 330.0).long_usd[-2].sum() == closed == pytest.approx(1e6 * math.exp(-290.0 / 3600.0))


def test_after_weeks_without_anything_it_is_empty_at_once() -> None:
    live = LiveCells([liquidation(1000.0, 1e6, T0)], HOUR, as_of=T0, decay_s=3600.0)

    cells = live.cells(T0 + 90 * 86_400.0)

    assert cells.count.sum() == 0
    assert_same(live, [], T0 + 90 * 86_400.0, decay_s=3600.0)


@pytest.mark.parametrize(("decay_s", "silent_s"), [(60.0, 700 * 60.0), (60.0, 86_400.0), (3600.0, 60 * 86_400.0)])
def test_what_comes_after_a_long_silence_counts_as_it_is(decay_s: float, silent_s: float) -> None:
    live = LiveCells([], HOUR, as_of=T0, decay_s=decay_s)
    late = liquidation(1000.0, 1e6, T0 + silent_s)

    live.add(late)

    assert_same(live, [late], T0 + silent_s + 1.0, decay_s=decay_s)
