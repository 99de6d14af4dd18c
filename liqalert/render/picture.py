"""The heatmap as a PNG of 1200 x 700 pixels, to be read on a phone. Pure; Pillow is loaded with the first picture.

From left to right: what stood over time, with candles and alerts; what stands at the end, with zones; prices.
"""

from __future__ import annotations

from dataclasses import dataclass

from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import PositionSide, UnixTime
from liqalert.render import colours, picture_cells
from liqalert.render.numbers import NumberStyle, age
from liqalert.render.picture_panel import Panel, moment, price_ticks, time_ticks
from liqalert.render.picture_pen import SIZE, Pen

WIDTH, HEIGHT = 1200, 700
LEFT, CELLS_RIGHT, RIGHT = 12, 894, 1028
"""The cells end where the strip of what stands at the end begins; prices stand right of it."""
TOP, BOTTOM = 88, 564
"""Without warnings; each line of them moves the top down."""
LINE = 27
MOST_WARNING_LINES = 3
NAMED_PINS = 6
CAVEAT = "Binance shows at most one liquidation per symbol per second: totals are lower bounds."


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
    calibrated: bool = True


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
    """Those that matter most first: all are drawn, and named while there is room."""
    pins: tuple[Pin, ...] = ()
    """The newest first."""
    warnings: tuple[str, ...] = ()
    """Sentences that must be read first, like that the feed is not alive."""
    zone_name: str = "UTC"
    """An IANA name."""
    numbers: NumberStyle = NumberStyle.POINT
    past: bool = False
    """What no mark is known of: the last close stands in its place."""


def heatmap_png(grid: HeatmapGrid, around: Around) -> bytes:
    """Takes a tenth of a second: in a thread."""
    picture = _Picture(grid, around)
    picture.head()
    picture.cells()
    picture.candles()
    picture.bands()
    picture.pins()
    picture.prices()
    picture.times()
    picture.legend()
    return picture.pen.png()


class _Picture:
    """One picture while it is drawn."""

    def __init__(self, grid: HeatmapGrid, around: Around) -> None:
        self.grid = grid
        self.around = around
        self.numbers = around.numbers
        self.pen = Pen(WIDTH, HEIGHT)
        self.closes = moment(grid.as_of, around.zone_name).split()[2]
        self.warnings = self.pen.wrapped(" ".join(around.warnings), WIDTH - 2 * LEFT, MOST_WARNING_LINES)
        self.panel = Panel.of(grid, (LEFT, TOP + LINE * len(self.warnings), CELLS_RIGHT, BOTTOM))

    # ------------------------------------------------------------ above

    def head(self) -> None:
        grid, pen = self.grid, self.pen
        price = price_words(grid, self.around)
        pen.text((WIDTH - LEFT, 12), price, colour=colours.INK, anchor="ra", size=30)
        room = WIDTH - 3 * LEFT - pen.length(price, 30)
        name = pen.fitting(grid.instrument.symbol, room - pen.length(f"  {grid.range_name}", 36), 36)
        pen.text((LEFT, 6), f"{name}  {grid.range_name}", colour=colours.INK, size=36)
        when = moment(grid.as_of, self.around.zone_name)
        basis = f"{grid.instrument.exchange}, realised, decay {age(grid.decay_s)}, as of {when}"
        pen.text((LEFT, 52), pen.fitting(basis, self._totals() - LEFT))
        for number, words in enumerate(self.warnings):
            pen.text((LEFT, TOP - 8 + number * LINE), words, colour=colours.WARN)

    def _totals(self) -> float:
        """What stands at the prices that are shown; gives where there is room until."""
        long, short = (float(usd[-1].sum()) for usd in (self.grid.long_usd, self.grid.short_usd))
        right = float(WIDTH - LEFT)
        for words, colour in (
            (f"shorts {self.numbers.usd(short)}", colours.SHORTS),
            (f"longs {self.numbers.usd(long)}", colours.LONGS),
        ):
            self.pen.text((right, 52), words, colour=colour, anchor="ra")
            right -= self.pen.length(words) + 16
        return right

    # ------------------------------------------------------------ inside

    def cells(self) -> None:
        panel, grid, shapes = self.panel, self.grid, self.pen.shapes
        self.pen.paste(picture_cells.cells(grid, panel.width, panel.height), LEFT, panel.top)
        strip = picture_cells.standing_last(grid, RIGHT - CELLS_RIGHT - 1, panel.height)
        self.pen.paste(strip, CELLS_RIGHT + 1, panel.top)
        for column in grid.saturated_s.nonzero()[0].tolist():
            left, right = (panel.x(grid.start + number * grid.column_s) for number in (column, column + 1))
            shapes.rectangle((left, BOTTOM - 9, max(right, left + 2), BOTTOM - 1), fill=colours.SATURATED)
        shapes.rectangle((LEFT - 1, panel.top - 1, RIGHT, BOTTOM), outline=colours.GAP)
        shapes.line((CELLS_RIGHT, panel.top, CELLS_RIGHT, BOTTOM), fill=colours.GAP)
        if not grid.rows:
            middle = ((LEFT + CELLS_RIGHT) / 2, (panel.top + BOTTOM) / 2)
            self.pen.text(middle, "no price is known", colour=colours.INK, anchor="mm", edge=4)

    def candles(self) -> None:
        panel, shapes = self.panel, self.pen.shapes
        width = panel.width / self.grid.columns
        half = max(width * 0.35, 1.0)
        for column, candle in enumerate(self.grid.candles):
            if candle is None:
                continue
            middle = LEFT + (column + 0.5) * width
            colour = colours.RISING if candle.close >= candle.open else colours.FALLING
            shapes.line((middle, panel.y(candle.high), middle, panel.y(candle.low)), fill=colour)
            top, bottom = sorted((panel.y(candle.open), panel.y(candle.close)))
            shapes.rectangle((middle - half, top, middle + half, max(bottom, top + 1)), fill=colour)

    def bands(self) -> None:
        """Zones; named while there is room, over all of their boxes."""
        panel = self.panel
        shown = [band for band in self.around.bands if panel.shows(band.low, band.high)]
        for band in shown:
            top, bottom = panel.y(band.high), panel.y(band.low)
            box = (CELLS_RIGHT + 2, top, RIGHT - 2, max(bottom, top + 3))
            self.pen.shapes.rectangle(box, outline=_hue(band.liquidated), width=2)
        named: list[float] = []
        for band in shown:
            middle = (panel.y(band.high) + panel.y(band.low)) / 2
            middle = min(max(middle, panel.top + LINE / 2), BOTTOM - LINE / 2)
            if all(abs(middle - other) >= LINE for other in named):
                named.append(middle)
                words = f"{band.liquidated} {self.numbers.strength(band.strength, band.calibrated)}"
                self.pen.text((RIGHT - 10, middle), words, colour=_hue(band.liquidated), anchor="rm", edge=4)

    def pins(self) -> None:
        """Alerts; the newest are named, unless their words would lie on others."""
        panel, pen = self.panel, self.pen
        named: list[tuple[float, float, float]] = []
        for pin in self.around.pins:
            if not (panel.start <= pin.at <= panel.end and panel.shows(pin.price, pin.price)):
                continue
            x, y = panel.x(pin.at), panel.y(pin.price)
            corners = [(x, y - 2), (x - 10, y - 20), (x + 10, y - 20)]
            pen.shapes.polygon(corners, fill=colours.INK, outline=colours.GROUND)
            length = pen.length(pin.words)
            left = x + 14 if x + 14 + length < CELLS_RIGHT else x - 14 - length
            beside = (left < right and left + length > other and abs(y - above) < LINE for other, right, above in named)
            if len(named) < NAMED_PINS and not any(beside):
                named.append((left, left + length, y))
                pen.text((left, y - 12), pin.words, colour=colours.INK, anchor="lm", edge=3)

    # ------------------------------------------------------------ beside and below

    def prices(self) -> None:
        mark, panel, shapes = self.around.mark, self.panel, self.pen.shapes
        marked = panel.y(mark.price) if mark and self.grid.rows and panel.shows(mark.price, mark.price) else None
        for price in price_ticks(panel) if self.grid.rows else ():
            y = panel.y(price)
            shapes.line((RIGHT, y, RIGHT + 6, y), fill=colours.PALE)
            if marked is None or abs(y - marked) >= LINE:
                self._price(price, y)
        if mark is not None and marked is not None:
            shapes.line((LEFT, marked, RIGHT, marked), fill=colours.INK)
            shapes.rectangle((RIGHT + 1, marked - 15, WIDTH - 3, marked + 15), fill=colours.INK)
            self._price(mark.price, marked, colour=colours.GROUND)

    def _price(self, price: float, y: float, *, colour: colours.Colour = colours.PALE) -> None:
        words, room = self.numbers.price(price), WIDTH - RIGHT - 12
        size = next((size for size in (SIZE, 20) if self.pen.length(words, size) <= room), 17)
        self.pen.text((RIGHT + 8, y), self.pen.fitting(words, room, size), colour=colour, anchor="lm", size=size)

    def times(self) -> None:
        panel = self.panel
        for at, words in time_ticks(panel, self.around.zone_name):
            x, half = panel.x(at), self.pen.length(words) / 2
            self.pen.shapes.line((x, BOTTOM, x, BOTTOM + 6), fill=colours.PALE)
            if x - half >= LEFT and x + half <= CELLS_RIGHT:
                self.pen.text((x, BOTTOM + 8), words, anchor="ma")
        self.pen.text(((CELLS_RIGHT + RIGHT) / 2, BOTTOM + 8), self.closes, anchor="ma")

    def legend(self) -> None:
        self._scale(HEIGHT - 90)
        self._keys(HEIGHT - 60)
        self.pen.text((LEFT, HEIGHT - 33), CAVEAT)

    def _scale(self, top: int) -> None:
        """What the colours of cells mean, and those of the strip."""
        pen, middle = self.pen, top + 10
        largest = float((self.grid.long_usd + self.grid.short_usd).max(initial=0.0))
        if largest:
            least, most = scale_words(largest, self.numbers)
            pen.text((LEFT, middle), least, anchor="lm")
            left = LEFT + round(pen.length(least)) + 12
            pen.paste(colours.scale()[None, :, :].repeat(20, axis=0), left, top)
            pen.text((left + colours.STEPS + 12, middle), most, anchor="lm")
        else:
            pen.text((LEFT, middle), "nothing stands at these prices", anchor="lm")
        right = float(WIDTH - LEFT)
        for words, liquidated in (("shorts", PositionSide.SHORT), ("longs", PositionSide.LONG)):
            pen.text((right, middle), words, colour=_hue(liquidated), anchor="rm")
            right -= pen.length(words) + 34
            pen.shapes.rectangle((right, top, right + 24, top + 20), fill=_hue(liquidated))
            right -= 20
        pen.text((right, middle), f"standing at {self.closes}:", anchor="rm")

    def _keys(self, top: int) -> None:
        pen = self.pen
        lines = picture_cells.hatching(36, 20)
        pen.paste(colours.table(colours.GROUND, colours.GAP)[lines.astype(int)], LEFT, top)
        pen.text((LEFT + 44, top + 10), "not watched", anchor="lm")
        pen.shapes.rectangle((LEFT + 210, top + 10, LEFT + 246, top + 19), fill=colours.SATURATED)
        pen.text((LEFT + 254, top + 10), "a report each second: more may be missing", anchor="lm")


def scale_words(largest: float, numbers: NumberStyle) -> tuple[str, str]:
    """The least and the most that the scale of colours shows. A logarithm does not begin at 0 USD."""
    amounts = (largest / 10**colours.DECADES, largest)
    least, most = (numbers.usd(amount) if amount >= 1.0 else "below 1 USD" for amount in amounts)
    return least, most


def price_words(grid: HeatmapGrid, around: Around) -> str:
    """The mark with its age; of the past the last close, and nothing where the last two columns have none."""
    if around.mark is not None:
        return f"mark {around.numbers.price(around.mark.price)}, {age(around.mark.age_s)} old"
    if not around.past:
        return "no mark"
    # A minute that had not ended has no candle: the first of a column leaves the column without one.
    newest = next((candle for candle in reversed(grid.candles[-2:]) if candle is not None), None)
    return f"last close {around.numbers.price(newest.close)}" if newest else ""


def _hue(liquidated: PositionSide) -> colours.Colour:
    return colours.LONGS if liquidated is PositionSide.LONG else colours.SHORTS
