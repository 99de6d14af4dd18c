"""The heatmap as a PNG of 1200 x 700 pixels, to be read on a phone. Pure; Pillow is loaded with the first picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import PositionSide, UnixTime
from liqalert.render import colours
from liqalert.render.numbers import NumberStyle, age, clock_time

if TYPE_CHECKING:
    from PIL.Image import Image as Bitmap
    from PIL.ImageDraw import ImageDraw as Pen
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as PlainFont

WIDTH, HEIGHT = 1200, 700
LEFT, TOP, RIGHT, BOTTOM = 12, 84, 1030, 590
"""The panel of cells; prices to its right, times and the legend below."""
GROUND, INK, PALE, GAP, WARN = (11, 14, 20), (236, 239, 244), (160, 170, 184), (96, 104, 118), (255, 180, 84)
RISING, FALLING, ZONE, SATURATED = (99, 230, 190), (229, 153, 247), (64, 196, 255), (232, 89, 12)
CAVEAT = (
    "Realised liquidations, time-weighted. Binance shows at most one per symbol per second: totals are lower bounds."
)
DRAWN_ZONES = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest price, and how old it is."""

    price: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Band:
    """A zone as it is drawn at the right edge."""

    low: float
    high: float
    liquidated: PositionSide
    strength: float


@dataclass(frozen=True, slots=True)
class Pin:
    """An alert, where and when it was told."""

    at: UnixTime
    price: float
    words: str


@dataclass(frozen=True, slots=True)
class Around:
    """What a picture shows besides the grid."""

    mark: Mark | None = None
    bands: tuple[Band, ...] = ()
    pins: tuple[Pin, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences that must be read first, like that the feed is not alive."""
    zone_name: str = "UTC"
    numbers: NumberStyle = NumberStyle.POINT


def heatmap_png(grid: HeatmapGrid, around: Around) -> bytes:
    """Takes a tenth of a second: in a thread."""
    canvas = _Canvas(grid, around)
    canvas.cells()
    canvas.gaps()
    canvas.candles()
    canvas.zones()
    canvas.pins()
    canvas.axes()
    canvas.title()
    canvas.legend()
    out = BytesIO()
    canvas.image.save(out, "PNG", compress_level=6)
    return out.getvalue()


class _Canvas:
    """One picture while it is drawn."""

    def __init__(self, grid: HeatmapGrid, around: Around) -> None:
        from PIL import Image, ImageDraw, ImageFont

        self.grid = grid
        self.around = around
        self.image: Bitmap = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
        self.draw: Pen = ImageDraw.Draw(self.image)
        self.fonts: dict[int, FreeTypeFont | PlainFont] = {size: ImageFont.load_default(size) for size in (17, 20, 30)}
        self.standing = grid.long_usd + grid.short_usd
        self.largest = float(self.standing.max(initial=0.0))
        self.low = math.exp(grid.first_row * grid.row_log)
        self.high = math.exp((grid.first_row + max(grid.rows, 1)) * grid.row_log)

    # ------------------------------------------------------------ places

    def x(self, at: UnixTime) -> float:
        return LEFT + (at - self.grid.start) / (self.grid.columns * self.grid.column_s) * (RIGHT - LEFT)

    def y(self, price: float) -> float:
        share = (math.log(price) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return BOTTOM - share * (BOTTOM - TOP)

    def shown(self, price: float) -> bool:
        return self.low <= price <= self.high

    # ------------------------------------------------------------ layers

    def cells(self) -> None:
        from PIL import Image

        if not self.grid.rows or not self.largest:
            return
        rows = np.minimum(
            ((BOTTOM - 1 - np.arange(TOP, BOTTOM)) * self.grid.rows) // (BOTTOM - TOP), self.grid.rows - 1
        )
        columns = (np.arange(RIGHT - LEFT) * self.grid.columns) // (RIGHT - LEFT)
        pixels = self._strongest()[np.ix_(columns, rows)].T
        table = np.vstack([colours.scale(), np.array([GROUND], dtype=np.uint8)])
        self.image.paste(Image.fromarray(np.ascontiguousarray(table[pixels])), (LEFT, TOP))

    def _strongest(self) -> NDArray[np.int64]:
        """Steps by column and row. Where several rows share a pixel row, each still shows in one of its own."""
        placed = colours.steps(self.standing, self.largest)
        thick = max(1, round(2.0 * self.grid.rows / (BOTTOM - TOP)))
        grown = placed.copy()
        for shift in range(1, thick + 1):
            grown[:, shift:] = np.maximum(grown[:, shift:], placed[:, :-shift])
        return grown

    def gaps(self) -> None:
        for column, watched in enumerate(self.grid.watched.tolist()):
            if watched > 0.995:
                continue
            left, right = (self.x(self.grid.start + (column + n) * self.grid.column_s) for n in (0, 1))
            self._hatch(round(left), max(round(right), round(left) + 1), TOP + round(watched * (BOTTOM - TOP)))
        for column in np.flatnonzero(self.grid.saturated_s).tolist():
            left = self.x(self.grid.start + column * self.grid.column_s)
            width = (RIGHT - LEFT) / self.grid.columns
            self.draw.rectangle((left, BOTTOM - 6, left + max(width, 2.0), BOTTOM), fill=SATURATED)

    def _hatch(self, left: int, right: int, top: int) -> None:
        """Time that was not watched is unknown, and looks so: diagonal lines that run on from column to column."""
        for x in range(left, right):
            for y in range(top + (-(x + top)) % 9, BOTTOM, 9):
                self.draw.point((x, y), fill=GAP)
                self.draw.point((x, min(y + 1, BOTTOM - 1)), fill=GAP)

    def candles(self) -> None:
        width = (RIGHT - LEFT) / self.grid.columns
        for column, candle in enumerate(self.grid.candles):
            if candle is None:
                continue
            middle = LEFT + (column + 0.5) * width
            colour = RISING if candle.close >= candle.open else FALLING
            self.draw.line((middle, self.y(candle.high), middle, self.y(candle.low)), fill=colour)
            body = sorted((self.y(candle.open), self.y(candle.close)))
            half = max(width * 0.35, 0.5)
            self.draw.rectangle((middle - half, body[0], middle + half, max(body[1], body[0] + 1)), fill=colour)

    def zones(self) -> None:
        for band in self.around.bands[:DRAWN_ZONES]:
            if not (self.shown(band.low) or self.shown(band.high)):
                continue
            top, bottom = self.y(min(band.high, self.high)), self.y(max(band.low, self.low))
            self.draw.rectangle((RIGHT - 46, top, RIGHT, max(bottom, top + 3)), outline=ZONE, width=2)
            self._text(RIGHT - 52, (top + bottom) / 2, f"{band.liquidated} {band.strength:.2f}", ZONE, anchor="rm")

    def pins(self) -> None:
        for pin in self.around.pins:
            x = self.x(pin.at)
            if not (LEFT <= x <= RIGHT and self.shown(pin.price)):
                continue
            y = self.y(pin.price)
            self.draw.polygon([(x, y - 4), (x - 8, y - 20), (x + 8, y - 20)], fill=WARN)
            self._text(x + 12, y - 14, pin.words, WARN, anchor="rm" if x > RIGHT - 200 else "lm")

    def axes(self) -> None:
        numbers = self.around.numbers
        self.draw.rectangle((LEFT, TOP, RIGHT, BOTTOM), outline=GAP)
        for price in _ticks(self.low, self.high):
            y = self.y(price)
            self.draw.line((RIGHT, y, RIGHT + 6, y), fill=PALE)
            self._text(RIGHT + 10, y, numbers.price(price), PALE, anchor="lm")
        for number in range(5):
            at = self.grid.start + (number + 0.5) / 5 * self.grid.columns * self.grid.column_s
            self.draw.line((self.x(at), BOTTOM, self.x(at), BOTTOM + 6), fill=PALE)
            when = clock_time(at, self.around.zone_name, self.grid.as_of)
            self._text(self.x(at), BOTTOM + 10, when, PALE, anchor="mt")
        mark = self.around.mark
        if mark is not None and self.shown(mark.price):
            y = self.y(mark.price)
            self.draw.line((LEFT, y, RIGHT, y), fill=INK)
            self.draw.rectangle((RIGHT + 1, y - 13, WIDTH - 4, y + 13), fill=INK)
            self._text(RIGHT + 10, y, numbers.price(mark.price), GROUND, anchor="lm", size=20)

    def title(self) -> None:
        grid, numbers = self.grid, self.around.numbers
        head = f"{grid.instrument.symbol}  {grid.range_name}"
        self._text(LEFT, 10, head, INK, size=30)
        when = clock_time(grid.as_of, self.around.zone_name, grid.as_of)
        mark = self.around.mark
        price = "no mark" if mark is None else f"mark {numbers.price(mark.price)}, {age(mark.age_s)} old"
        self._text(WIDTH - 12, 14, f"{grid.instrument.exchange}, {price}, as of {when}", INK, anchor="rt", size=20)
        long, short = (numbers.usd(self._now(usd)) for usd in (grid.long_usd, grid.short_usd))
        warnings = " ".join(self.around.warnings)
        self._text(LEFT, 50, warnings or f"longs {long}, shorts {short} standing", WARN if warnings else PALE, size=20)

    def legend(self) -> None:
        from PIL import Image

        numbers, top = self.around.numbers, HEIGHT - 66
        if self.largest:
            strip = np.repeat(colours.scale()[None, :, :], 16, axis=0)
            self.image.paste(Image.fromarray(np.ascontiguousarray(strip)), (LEFT + 130, top))
            self._text(LEFT + 122, top + 8, numbers.usd(self.largest / 10**colours.DECADES), PALE, anchor="rm")
            self._text(LEFT + 394, top + 8, numbers.usd(self.largest), PALE, anchor="lm")
        else:
            self._text(LEFT, top, "nothing stands", PALE)
        self.draw.rectangle((LEFT + 560, top, LEFT + 590, top + 16), outline=GAP)
        for x in range(LEFT + 560, LEFT + 590, 9):
            self.draw.line((x, top + 16, x + 9, top), fill=GAP, width=2)
        self._text(LEFT + 598, top + 8, "not watched", PALE, anchor="lm")
        self.draw.rectangle((LEFT + 710, top + 10, LEFT + 740, top + 16), fill=SATURATED)
        self._text(LEFT + 748, top + 8, "one report a second: more may be missing", PALE, anchor="lm")
        self._text(LEFT, HEIGHT - 34, CAVEAT, PALE)

    # ------------------------------------------------------------ details

    def _now(self, usd: NDArray[np.float64]) -> float:
        return float(usd[-1].sum()) if len(usd) else 0.0

    def _text(
        self, x: float, y: float, words: str, colour: tuple[int, int, int], *, anchor: str = "lt", size: int = 17
    ) -> None:
        # A dark edge where it may stand on cells.
        width = 2 if x < RIGHT and TOP < y < BOTTOM else 0
        font = self.fonts[size]
        self.draw.text(
            (x, y), drawable(words), fill=colour, anchor=anchor, font=font, stroke_width=width, stroke_fill=GROUND
        )


def drawable(words: str) -> str:
    """The font has no other scripts: a sign that it lacks is drawn as its code point, so that symbols stay apart."""
    return "".join(sign if " " <= sign <= "~" else f"u{ord(sign):x}" for sign in words)


def _ticks(low: float, high: float) -> Sequence[float]:
    """Round prices, about eight of them."""
    step = 10 ** math.floor(math.log10(max(high - low, high * 1e-9) / 4.0))
    for factor in (1.0, 2.0, 5.0, 10.0):
        if (high - low) / (step * factor) <= 9.0:
            step *= factor
            break
    first = math.ceil(low / step)
    return [number * step for number in range(first, first + 12) if low < number * step < high]
