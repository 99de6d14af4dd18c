from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.web.coinglass.standing import Standing, standing, together
from tests.web.coinglass.rig import BTC, BTC_COIN, NOW, STEP, FakeGrids, liquidated

ONE_COLUMN = Standing(
    as_of=60.0,
    start=0.0,
    column_s=60.0,
    row_log=STEP,
    first_row=100,
    usd=np.array([[1.0, 2.0, 4.0, 8.0]]),
    candles=(None,),
    watched=1.0,
)


def rows_of(part: Standing) -> dict[int, float]:
    """US dollars of the last column by absolute row, without empty ones."""
    return {part.first_row + row: usd for row, usd in enumerate(part.usd[-1].tolist()) if usd}


def test_one_part_stays_as_it_is() -> None:
    assert rows_of(together([ONE_COLUMN])) == {100: 1.0, 101: 2.0, 102: 4.0, 103: 8.0}


def test_parts_are_added_where_they_share_rows() -> None:
    other = replace(ONE_COLUMN, first_row=102)

    assert rows_of(together([ONE_COLUMN, other])) == {100: 1.0, 101: 2.0, 102: 5.0, 103: 10.0}


@pytest.mark.parametrize("first_row", [96, 104, -50])
def test_what_lies_outside_the_rows_of_the_first_is_left_out(first_row: int) -> None:
    other = replace(ONE_COLUMN, first_row=first_row)

    assert rows_of(together([ONE_COLUMN, other])) == {100: 1.0, 101: 2.0, 102: 4.0, 103: 8.0}


def test_a_wider_part_is_cut_on_both_sides() -> None:
    other = replace(ONE_COLUMN, first_row=98, usd=np.full((1, 9), 16.0))

    assert rows_of(together([ONE_COLUMN, other])) == {100: 17.0, 101: 18.0, 102: 20.0, 103: 24.0}


def test_rows_become_as_wide_as_the_widest() -> None:
    wide = replace(ONE_COLUMN, row_log=2 * STEP, first_row=50, usd=np.array([[16.0, 32.0]]))

    both = together([ONE_COLUMN, wide])

    assert (both.row_log, rows_of(both)) == (2 * STEP, {50: 19.0, 51: 44.0})


def test_a_finer_part_is_added_to_a_wide_first() -> None:
    wide = replace(ONE_COLUMN, row_log=4 * STEP, first_row=25, usd=np.array([[16.0]]))

    assert rows_of(together([wide, ONE_COLUMN])) == {25: 31.0}


def test_rows_below_a_price_of_one_are_widened_downwards() -> None:
    """Row -1 of one step lies in row -1 of two steps, and so does row -2."""
    low = replace(ONE_COLUMN, first_row=-3)
    wide = replace(ONE_COLUMN, row_log=2 * STEP, first_row=-2, usd=np.array([[0.0, 0.0, 0.0]]))

    assert rows_of(together([low, wide])) == {-2: 1.0, -1: 6.0, 0: 8.0}


def test_columns_are_added_by_their_time() -> None:
    first = replace(ONE_COLUMN, start=60.0, usd=np.array([[1.0], [2.0], [4.0]]), candles=(None,) * 3)
    earlier = replace(first, start=0.0, usd=np.array([[8.0], [16.0], [32.0]]))

    both = together([first, earlier])

    assert both.usd.tolist() == [[17.0], [34.0], [36.0]]  # the newest of the earlier one stands in for the next


def test_the_first_gives_time_and_candles_and_the_least_watched_the_share() -> None:
    other = replace(ONE_COLUMN, as_of=61.0, watched=0.5)

    both = together([ONE_COLUMN, other])

    assert (both.as_of, both.start, both.candles, both.watched) == (60.0, 0.0, (None,), 0.5)


def test_adding_changes_no_part() -> None:
    together([ONE_COLUMN, ONE_COLUMN])

    assert rows_of(ONE_COLUMN) == {100: 1.0, 101: 2.0, 102: 4.0, 103: 8.0}


def test_since_a_column_is_without_what_was_before() -> None:
    part = replace(ONE_COLUMN, usd=np.array([[1.0], [2.0], [4.0]]), candles=(None,) * 3)

    later = part.since(2)

    assert (later.start, later.usd.tolist(), later.candles) == (120.0, [[4.0]], (None,))


def test_prices_are_the_middles_of_rows() -> None:
    [lowest, *_] = ONE_COLUMN.prices()

    assert lowest == pytest.approx(1.00075**100.5, rel=1e-12)


async def test_a_grid_stands_with_both_position_sides() -> None:
    grid = await FakeGrids([liquidated(1.0, 1000.0)], watched=0.25).grid(BTC, "12h")

    stands = standing(grid, None)

    assert stands.usd.sum() == pytest.approx(1000.0 * math.exp(-1 / 3600.0))
    assert (stands.as_of, stands.watched, len(stands.candles)) == (NOW, 0.25, 144)


@given(
    amounts=st.lists(st.floats(0.0, 1e9), min_size=1, max_size=40),
    first_row=st.integers(-500, 500),
    doubled=st.integers(0, 4),
)
def test_widening_rows_loses_nothing(amounts: list[float], first_row: int, doubled: int) -> None:
    part = replace(ONE_COLUMN, first_row=first_row, usd=np.array([amounts]))
    frame = replace(part, row_log=STEP * 2**doubled, first_row=(first_row >> doubled), usd=np.zeros((1, 80)))

    assert together([frame, part]).usd.sum() == pytest.approx(sum(amounts), rel=1e-9)


async def test_instruments_with_rows_of_different_width_share_an_axis() -> None:
    grids = FakeGrids(
        [liquidated(1.0, 1000.0), liquidated(1.0, 500.0, instrument=BTC_COIN)], row_log={BTC_COIN: 2 * STEP}
    )

    both = together([standing(await grids.grid(each, "12h"), None) for each in (BTC, BTC_COIN)])

    [row] = np.flatnonzero(both.usd[-1])
    assert both.usd[-1, row] == pytest.approx(1500.0 * math.exp(-1 / 3600.0))
    assert abs(math.log(both.prices()[row] / 35_640.0)) < STEP
