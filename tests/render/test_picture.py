"""The picture: of the right size whatever is in it, and with what it must show in the right places."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.render import colours
from liqalert.render.picture import (
    BOTTOM,
    CELLS_RIGHT,
    LEFT,
    LINE,
    RIGHT,
    TOP,
    Around,
    Band,
    Mark,
    Pin,
    heatmap_png,
)
from liqalert.render.picture_pen import Pen, drawable

T0 = 1_789_999_800.0
BTC = Instrument("binance", "BTCUSDT")


def grid(
    prices: list[float],
    *,
    shown: str = "24h",
    liquidated: PositionSide = PositionSide.LONG,
    unwatched: float = 0.0,
    candles: bool = True,
    instrument: Instrument = BTC,
) -> HeatmapGrid:
    """A liquidation a minute, the last one now; `unwatched` is the share of the range that was not."""
    spec = RANGES[shown]
    known = [
        Liquidation(instrument, liquidated, price, 1.0, 1e6, T0 - 60.0 * age, T0 - 60.0 * age)
        for age, price in enumerate(reversed(prices))
    ]
    last = prices[-1] if prices else 100.0
    candle = Candle(T0, last, last * 1.01, last * 0.99, last)
    around = Surroundings(
        (candle,) * spec.columns if candles else (None,) * spec.columns,
        (),
        ((spec.start(T0), spec.start(T0) + unwatched * spec.columns * spec.column_s),),
    )
    return build(known, spec, around, instrument=instrument, as_of=T0, decay_s=3600.0)


def pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def has(shown: NDArray[np.uint8], colour: colours.Colour) -> bool:
    return bool((shown == np.array(colour, dtype=np.uint8)).all(axis=2).any())


def drawn(of: HeatmapGrid, around: Around | None = None) -> NDArray[np.uint8]:
    return pixels(heatmap_png(of, around or Around()))


def cells_of(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return shown[TOP:BOTTOM, LEFT:CELLS_RIGHT]


def strip_of(shown: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return shown[TOP:BOTTOM, CELLS_RIGHT + 1 : RIGHT]


def test_it_is_1200_by_700_and_its_cells_are_of_the_strongest_colour_where_most_stands() -> None:
    shown = drawn(grid([100.0] * 20))

    assert shown.shape == (700, 1200, 3)
    assert has(cells_of(shown), (255, 234, 70))


def test_a_cell_is_drawn_at_the_height_of_its_price() -> None:
    shown = drawn(grid([100.0, 200.0, 200.0], candles=False))

    strongest = (cells_of(shown) == np.array([255, 234, 70])).all(axis=2).any(axis=1).nonzero()[0]
    assert strongest.max() < 5


@pytest.mark.parametrize("rows", [1, 100, 474, 600])
def test_every_row_that_holds_something_is_seen(rows: int) -> None:
    of = grid([100.0], candles=False)
    long_usd = np.zeros((of.columns, rows))
    long_usd[:, max(rows // 2 - 1, 0)] = 1e6

    shown = drawn(replace(of, rows=rows, long_usd=long_usd, short_usd=np.zeros_like(long_usd)))

    bright = (cells_of(shown) == np.array([255, 234, 70])).all(axis=2).any(axis=1)
    assert bright.sum() >= 2


def test_time_that_was_not_watched_is_hatched_and_watched_time_is_not() -> None:
    shown = cells_of(drawn(grid([100.0], unwatched=0.5, candles=False)))
    middle = shown.shape[1] // 2

    assert has(shown[:, : middle - 4], colours.GAP)
    assert not has(shown[:, middle + 4 :], colours.GAP)


def test_what_a_reconnect_costs_is_not_hatched() -> None:
    of = grid([100.0])

    assert heatmap_png(replace(of, watched=np.full(288, 0.997)), Around()) == heatmap_png(of, Around())


def test_time_that_was_watched_in_part_is_hatched_the_fainter_the_more_it_was_watched() -> None:
    of = grid([100.0], candles=False)
    nothing = np.zeros_like(of.long_usd)

    brightness = [
        int(cells_of(drawn(replace(of, long_usd=nothing, watched=np.full(288, share)))).sum())
        for share in (0.0, 0.5, 0.99, 1.0)
    ]

    assert brightness[0] > brightness[1] > brightness[2] > brightness[3]


@pytest.mark.parametrize(
    ("liquidated", "hue", "other"),
    [
        (PositionSide.LONG, colours.LONGS, colours.SHORTS),
        (PositionSide.SHORT, colours.SHORTS, colours.LONGS),
    ],
)
def test_what_stands_at_the_end_is_told_apart_by_position_side(
    liquidated: PositionSide, hue: colours.Colour, other: colours.Colour
) -> None:
    shown = strip_of(drawn(grid([100.0] * 5, liquidated=liquidated)))

    assert has(shown, hue)
    assert not has(shown, other)


def test_zones_are_drawn_at_the_right_edge_in_the_hue_of_their_position_side() -> None:
    bands = (Band(101.0, 102.0, PositionSide.SHORT, 0.84), Band(20.0, 500.0, PositionSide.LONG, 0.3))

    shown = strip_of(drawn(grid([], candles=True), Around(bands=bands)))

    assert has(shown, colours.SHORTS)
    assert has(shown, colours.LONGS)


def test_a_zone_outside_of_the_prices_shown_is_left_out() -> None:
    of = grid([100.0])

    assert heatmap_png(of, Around(bands=(Band(500.0, 600.0, PositionSide.LONG, 0.9),))) == heatmap_png(of, Around())


def test_an_alert_is_drawn_where_and_when_it_was_told() -> None:
    shown = cells_of(drawn(grid([], candles=True), Around(pins=(Pin(T0 - 43_200.0, 103.0, ""),))))

    places = (shown == np.array(colours.INK)).all(axis=2).nonzero()
    assert abs(places[1].mean() - shown.shape[1] / 2) < 3
    assert 0.15 < places[0].mean() / shown.shape[0] < 0.35


@pytest.mark.parametrize("at", [T0 - 200_000.0, T0 + 4000.0])
def test_an_alert_of_another_time_is_left_out(at: float) -> None:
    of = grid([100.0])

    assert heatmap_png(of, Around(pins=(Pin(at, 100.0, "near: held"),))) == heatmap_png(of, Around())


def test_the_last_price_is_a_line_through_the_picture() -> None:
    shown = cells_of(drawn(grid([], candles=True), Around(mark=Mark(103.0, 2.0))))

    assert (shown == np.array(colours.INK)).all(axis=2).sum(axis=1).max() == shown.shape[1]


def test_seconds_that_each_had_a_report_are_marked_below_their_time() -> None:
    saturated = np.zeros(288, dtype=np.int32)
    saturated[144] = 7

    shown = cells_of(drawn(replace(grid([100.0]), saturated_s=saturated)))

    places = (shown == np.array(colours.SATURATED)).all(axis=2).nonzero()
    assert places[0].min() >= shown.shape[0] - 10
    assert abs(places[1].mean() - shown.shape[1] * 144.5 / 288) < 3


def test_warnings_stand_above_and_make_their_own_room() -> None:
    shown = drawn(grid([100.0]), Around(warnings=("The feed is not alive: no marks for 9 s", "And " + "more " * 15)))

    assert has(shown[TOP - 8 : TOP + LINE], colours.WARN)
    assert has(shown[TOP + LINE : TOP + 2 * LINE - 8], colours.WARN)
    assert not has(shown[TOP + 2 * LINE :], colours.WARN)
    assert not has(drawn(grid([100.0])), colours.WARN)


def test_no_word_is_left_out_before_three_lines_are_full() -> None:
    pen = Pen(1, 1)

    assert pen.wrapped("one two three", 70.0, 3) == ("one", "two", "three")
    assert pen.wrapped("one two three four", 70.0, 3) == ("one", "two", "thre...")
    assert pen.wrapped("", 70.0, 3) == ()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from([1e-9, 0.00001234, 1.0, 61_234.5, 1e9]), max_size=6),
    st.sampled_from(sorted(RANGES)),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_whatever_is_known_gives_a_picture(
    prices: list[float], shown: str, unwatched: float, candles: bool, crowded: bool, zone_name: str
) -> None:
    of = grid(prices, shown=shown, unwatched=unwatched, candles=candles)
    last = prices[-1] if prices else 1.0
    around = Around(
        mark=Mark(last, 1e9) if crowded else None,
        bands=tuple(Band(last * n / 10, last * n / 5, PositionSide.LONG, 0.5) for n in range(1, 20)),
        pins=tuple(Pin(of.start + n * 1000.0, last, "a word " * n) for n in range(20)),
        warnings=("word " * 100,) * crowded,
        zone_name=zone_name,
    )

    assert drawn(of, around).shape == (700, 1200, 3)


@pytest.mark.parametrize("watched", [0.0, 1.0])
def test_one_candle_and_nothing_else_gives_a_picture(watched: float) -> None:
    spec = RANGES["1h"]
    around = Surroundings((*(None,) * (spec.columns - 1), Candle(T0 - 60.0, 5.0, 5.0, 5.0, 5.0)))
    of = build([], spec, around, instrument=BTC, as_of=T0, decay_s=3600.0)

    shown = drawn(replace(of, watched=np.full(spec.columns, watched)))

    assert has(cells_of(shown), colours.RISING)
    assert has(cells_of(shown), colours.GAP) == (watched == 0.0)


def test_a_symbol_that_is_too_long_leaves_room_for_the_price() -> None:
    short, long = (drawn(grid([1.0], instrument=Instrument("binance", "币" * count))) for count in (1, 60))

    assert (short[: TOP // 2, 1080:] == long[: TOP // 2, 1080:]).all()
    assert not (short[: TOP // 2, :1080] == long[: TOP // 2, :1080]).all()


def test_symbols_of_other_scripts_stay_apart() -> None:
    chinese, other = (Instrument("binance", symbol) for symbol in ("币安人生USDT", "币安USDT"))

    assert drawable("币USDT") == "u5e01USDT"
    assert heatmap_png(grid([1.0], instrument=chinese), Around()) != heatmap_png(
        grid([1.0], instrument=other), Around()
    )


def test_it_is_quick_and_small() -> None:
    of, around = grid([100.0 + n / 50 for n in range(2000)], shown="7d"), Around(mark=Mark(100.0, 1.0))
    heatmap_png(of, around)
    began = time.process_time()
    heatmap_png(of, around)
    took_s = time.process_time() - began
    tracemalloc.start()
    heatmap_png(of, around)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert took_s < 0.5
    assert peak < 60 * 2**20


@pytest.mark.parametrize(("usd", "step"), [(1000.0, 255), (100.0, 170), (1.0, 0), (0.99, -1), (0.0, -1)])
def test_the_scale_is_logarithmic_over_three_decades(usd: float, step: int) -> None:
    assert colours.steps(np.array([usd]), 1000.0).tolist() == [step]
