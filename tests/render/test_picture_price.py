"""The price above the picture: the mark with its age, or of the past the last close; and the amounts below it."""

from __future__ import annotations

import pytest

from liqalert.core.candles import Candle
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument
from liqalert.render.numbers import NumberStyle
from liqalert.render.picture import Around, Mark, price_words, scale_words

T0 = 1_789_999_800.0
CLOSED = Candle(T0, 100.0, 101.0, 99.0, 100.0)


def grid(*last: Candle | None) -> HeatmapGrid:
    """Without a candle but for the `last` columns."""
    shown = RANGES["24h"]
    candles = (*(None,) * (shown.columns - len(last)), *last)
    return build(
        [], shown, Surroundings(candles), instrument=Instrument("binance", "BTCUSDT"), as_of=T0, decay_s=3600.0
    )


@pytest.mark.parametrize(
    ("around", "last", "words"),
    [
        (Around(mark=Mark(103.0, 2.0)), (CLOSED,), "mark 103, 2 s old"),
        (Around(), (CLOSED,), "no mark"),
        (Around(past=True), (CLOSED,), "last close 100"),
        (Around(past=True), (CLOSED, None), "last close 100"),
        (Around(past=True), (CLOSED, None, None), ""),
    ],
)
def test_price_is_the_mark_and_of_the_past_a_close_that_is_not_old(
    around: Around, last: tuple[Candle | None, ...], words: str
) -> None:
    assert price_words(grid(*last), around) == words


@pytest.mark.parametrize(
    ("largest", "words"),
    [
        (1.752e6, ("1.75k USD", "1.75M USD")),
        (1_000.0, ("1 USD", "1.00k USD")),
        (300.0, ("below 1 USD", "300 USD")),
        (0.2, ("below 1 USD", "below 1 USD")),
    ],
)
def test_a_scale_of_small_amounts_does_not_begin_at_nothing(largest: float, words: tuple[str, str]) -> None:
    """Its colours are by the logarithm, which has no zero."""
    assert scale_words(largest, NumberStyle.POINT) == words
