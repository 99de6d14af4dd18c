"""The grid of the heatmap: what stands, when, and that the past does not change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.core.candles import Candle
from liqalert.core.engine import Engine
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build, rows_shown
from liqalert.core.heatmap_cells import RANGES, row_of
from liqalert.core.market import Gap, Liquidation, PositionSide
from liqalert.core.terms import Terms
from tests.core.events import BTC, liquidation

DAY, HOUR = RANGES["24h"], RANGES["1h"]
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
DECAY_S = 3600.0
T0 = 1_789_999_800.0
"""Where a column of half an hour begins."""


def bare(shown: str) -> Surroundings:
    return Surroundings(candles=(None,) * RANGES[shown].columns)


def grid(liquidations: list[Liquidation], as_of: float, *, shown: str = "24h", decay_s: float = DECAY_S) -> HeatmapGrid:
    return build(liquidations, RANGES[shown], bare(shown), instrument=BTC, as_of=as_of, decay_s=decay_s)


def cells(of: HeatmapGrid) -> dict[tuple[float, int], tuple[float, float, int]]:
    """Long, short and count by the column's opening and its finest row, without empty cells."""
    assert of.row_log == pytest.approx(math.log(1.00075))
    return {
        (of.start + column * of.column_s, of.first_row + row): (
            float(of.long_usd[column, row]),
            float(of.short_usd[column, row]),
            int(of.count[column, row]),
        )
        for column, row in zip(*np.nonzero(of.count), strict=True)
    }


def test_the_rows_reach_from_below_the_lowest_to_above_the_highest_price_of_all_columns() -> None:
    prices = [(1000.0, 990.0), (1100.0, 1050.0), (970.0, 900.0)]
    candles = [Candle(T0 + 300.0 * n, low, high, low, low) for n, (high, low) in enumerate(prices)]

    shown = rows_shown([None, *candles, None], np.empty(0, np.int64))

    assert (shown.first, shown.first + shown.count - 1) == (row_of(900.0 / 1.05), row_of(1100.0 * 1.05))


def test_a_range_is_as_long_as_its_name() -> None:
    hours = {"1h": 1, "4h": 4, "12h": 12, "24h": 24, "3d": 72, "7d": 168}

    assert {name: each.column_s * each.columns / 3600.0 for name, each in RANGES.items()} == hours


def test_a_liquidation_stands_from_its_column_on_and_decays() -> None:
    as_of = T0 + 600.0

    of = grid([liquidation(1000.0, 1e6, T0 + 10.0)], as_of)

    standing = [long for (_, _), (long, _, _) in sorted(cells(of).items())]
    assert standing == [pytest.approx(1e6 * math.exp(-age / DECAY_S)) for age in (290.0, 590.0)]
    assert of.short_usd.sum() == 0.0
    assert of.count[-2:].sum(axis=1).tolist() == [1, 1]


def test_the_open_column_shows_what_stands_now() -> None:
    of = grid([liquidation(1000.0, 1e6, T0 + 10.0)], T0 + 20.0)

    assert of.long_usd[-1].sum() == pytest.approx(1e6 * math.exp(-10.0 / DECAY_S))
    assert (of.start, of.columns) == (T0 + 300.0 - 86_400.0, 288)


def test_long_and_short_are_kept_apart_and_counted_together() -> None:
    of = grid([liquidation(1000.0, 1e6, T0), liquidation(1000.1, 5e5, T0, liquidated=SHORT)], T0)

    assert (of.long_usd[-1].sum(), of.short_usd[-1].sum(), of.count[-1].max()) == (1e6, 5e5, 2)


def test_a_row_holds_the_prices_it_says() -> None:
    of = grid([liquidation(price, 1.0, T0) for price in (999.0, 1000.0, 1003.0)], T0)

    for price in (999.0, 1000.0, 1003.0):
        row = math.floor(math.log(price) / of.row_log) - of.first_row
        assert of.count[-1, row] == 1
        assert math.exp((of.first_row + row) * of.row_log) <= price < math.exp((of.first_row + row + 1) * of.row_log)


def test_what_is_older_than_twelve_decays_no_longer_stands() -> None:
    of = grid([liquidation(1000.0, 1e6, T0)], T0 + 12 * 60.0 + 90.0, shown="1h", decay_s=60.0)

    assert of.count.sum(axis=1).tolist()[-16:] == [0, *[1] * 13, 0, 0]


def test_what_came_late_stands_from_when_it_came() -> None:
    late = liquidation(1000.0, 1e6, T0 + 10.0, received=T0 + 700.0)

    of = grid([late], T0 + 900.0)

    assert of.count.sum(axis=1).tolist()[-3:] == [0, 0, 1]
    assert of.long_usd[-1].sum() == pytest.approx(1e6 * math.exp(-890.0 / DECAY_S))


def test_a_gap_is_unwatched_time_and_not_nothing() -> None:
    gap = Gap("binance", T0 + 150.0, T0 + 600.0, "no marks")
    surroundings = Surroundings((None,) * 288, (gap,), ((T0 + 150.0, T0 + 600.0),))

    of = build([], DAY, surroundings, instrument=BTC, as_of=T0 + 900.0, decay_s=DECAY_S)

    assert of.watched[-4:].tolist() == [1.0, 0.5, 0.0, 1.0]
    assert of.gaps == (gap,)


def test_seconds_the_feed_may_have_hidden_are_counted() -> None:
    of = grid([liquidation(1000.0, 1.0, T0 + 10.0 + second) for second in range(7)], T0 + 300.0)

    assert of.saturated_s[-1] == 7


def test_rows_reach_five_per_cent_beyond_the_prices() -> None:
    candles = (*(None,) * 287, Candle(T0, 1000.0, 1010.0, 990.0, 1005.0))

    of = build([], DAY, Surroundings(candles), instrument=BTC, as_of=T0 + 300.0, decay_s=DECAY_S)

    assert math.exp(of.first_row * of.row_log) == pytest.approx(990.0 / 1.05, rel=1e-3)
    assert math.exp((of.first_row + of.rows) * of.row_log) == pytest.approx(1010.0 * 1.05, rel=1e-3)


def test_a_wide_range_has_coarser_rows_and_keeps_every_dollar() -> None:
    liquidations = [liquidation(100.0 * 1.01**step, 1.0, T0) for step in range(200)]

    of = grid(liquidations, T0)

    assert of.rows <= 600
    assert of.row_log == pytest.approx(8 * math.log(1.00075))
    assert of.long_usd[-1].sum() == pytest.approx(200.0)


def test_without_anything_there_is_an_empty_grid() -> None:
    assert grid([], T0).long_usd.shape == (288, 0)


# ---------------------------------------------------------------- properties


events = st.lists(
    st.builds(
        lambda price, usd, ago, late, side: liquidation(
            price, usd, T0 - ago, liquidated=side, received=T0 - ago + late
        ),
        st.floats(900.0, 1100.0),
        st.floats(1.0, 1e7),
        st.floats(0.0, 50_000.0),
        st.floats(0.0, 900.0),
        st.sampled_from(PositionSide),
    ),
    max_size=30,
)


@settings(max_examples=100)
@given(events, st.floats(0.0, 40_000.0), st.randoms(use_true_random=False))
def test_a_closed_column_never_changes_and_the_past_can_be_asked_for(
    happened: list[Liquidation], ago: float, random: object
) -> None:
    """What is shown at a moment, in its closed columns, is what is shown of them ever after, however it arrives."""
    then, now = T0 - ago, T0 + 900.0
    shuffled = sorted(happened, key=lambda _: random.random())  # type: ignore[attr-defined]

    before, after = (
        cells(grid([each for each in happened if each.received_time <= then], then)),
        cells(grid(shuffled, now)),
    )

    closed = {key: value for key, value in before.items() if key[0] + DAY.column_s <= then}
    first = DAY.start(now)
    for key, value in closed.items():
        if key[0] >= first:
            assert after[key] == pytest.approx(value, rel=1e-9, abs=1e-3)
    assert {key for key in after if key[0] + DAY.column_s <= then} == {key for key in closed if key[0] >= first}
    assert cells(grid(happened, then)) == before


@settings(max_examples=60)
@given(events)
def test_what_stands_now_is_what_the_engine_has(happened: list[Liquidation]) -> None:
    now = math.ceil(T0 / 5.0) * 5.0 + 900.0
    engine = Engine(Terms(decay_s=DECAY_S))
    known = []
    for one in sorted(happened, key=lambda each: each.received_time):
        if engine.add(one, one.received_time).value == "accepted":
            known.append(one)
    engine.tick(now)

    of = grid(known, now)

    for side, usd in ((LONG, of.long_usd), (SHORT, of.short_usd)):
        standing = sum(c.notional_usd for c in engine.snapshot(now).clusters(now) if c.liquidated is side)
        assert usd[-1].sum() == pytest.approx(standing, rel=1e-9, abs=1e-6)
