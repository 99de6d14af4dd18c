"""The picture: of the right size whatever is in it, and with what it must show in the right places."""

from __future__ import annotations

import subprocess
import sys
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
    GAP,
    LEFT,
    RIGHT,
    SATURATED,
    TOP,
    WARN,
    ZONE,
    Around,
    Band,
    Mark,
    Pin,
    drawable,
    heatmap_png,
)

T0 = 1_789_999_800.0
BTC = Instrument("binance", "BTCUSDT")


def grid(
    prices: list[float],
    *,
    shown: str = "24h",
    unwatched: float = 0.0,
    candles: bool = True,
    instrument: Instrument = BTC,
) -> HeatmapGrid:
    """A liquidation a minute, the last one now; `unwatched` is the share of the range that was not."""
    spec = RANGES[shown]
    known = [
        Liquidation(instrument, PositionSide.LONG, price, 1.0, 1e6, T0 - 60.0 * age, T0 - 60.0 * age)
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


def has(shown: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((shown == np.array(colour, dtype=np.uint8)).all(axis=2).any())


def test_it_is_1200_by_700_and_shows_cells_of_the_strongest_colour() -> None:
    shown = pixels(heatmap_png(grid([100.0] * 20), Around()))

    assert shown.shape == (700, 1200, 3)
    assert has(shown[TOP:590, LEFT:RIGHT], tuple(colours.scale()[-1].tolist()))


def test_time_that_was_not_watched_is_hatched_and_watched_time_is_not() -> None:
    shown = pixels(heatmap_png(grid([100.0], unwatched=0.5, candles=False), Around()))
    middle = (LEFT + RIGHT) // 2

    assert has(shown[TOP + 2 : 580, LEFT + 2 : middle - 4], GAP)
    assert not has(shown[TOP + 2 : 580, middle + 4 : RIGHT - 2], GAP)


def test_zones_alerts_warnings_and_saturation_are_drawn() -> None:
    of = replace(grid([100.0] * 5), saturated_s=np.full(288, 7, dtype=np.int32))
    around = Around(
        mark=Mark(100.5, 2.0),
        bands=(Band(101.0, 102.0, PositionSide.SHORT, 0.84),),
        pins=(Pin(T0 - 40_000.0, 100.0, "near: held"),),
        warnings=("The feed is not alive: no marks for 9 s",),
    )

    shown = pixels(heatmap_png(of, around))

    assert has(shown[TOP:590, LEFT:RIGHT], ZONE)
    assert has(shown[TOP:590, LEFT:RIGHT], WARN)
    assert has(shown[:TOP], WARN)
    assert has(shown[580:591, LEFT:RIGHT], SATURATED)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([1e-9, 0.00001234, 1.0, 61_234.5, 1e9]), max_size=6),
    st.sampled_from(sorted(RANGES)),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.booleans(),
)
def test_whatever_is_known_gives_a_picture(prices: list[float], shown: str, unwatched: float, candles: bool) -> None:
    of = grid(prices, shown=shown, unwatched=unwatched, candles=candles)

    assert pixels(heatmap_png(of, Around(mark=Mark(prices[-1], 1.0) if prices else None))).shape == (700, 1200, 3)


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


def test_the_library_is_not_loaded_before_the_first_picture() -> None:
    code = "import sys, liqalert.app.lifecycle; print('PIL' in sys.modules)"

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60).stdout == b"False\n"
    )


@pytest.mark.parametrize(("usd", "step"), [(1000.0, 255), (100.0, 170), (1.0, 0), (0.99, -1), (0.0, -1)])
def test_the_scale_is_logarithmic_over_three_decades(usd: float, step: int) -> None:
    assert colours.steps(np.array([usd]), 1000.0).tolist() == [step]


def test_more_is_lighter() -> None:
    luminance = colours.scale() @ np.array([0.2126, 0.7152, 0.0722])

    assert (np.diff(luminance) > -0.5).all()
    assert luminance[-1] - luminance[0] > 150
