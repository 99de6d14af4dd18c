"""Where a moment and a price lie in a picture, and which of them its axes name. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import UnixTime
from liqalert.render.numbers import clock_time

MOST_PRICES = 8
MOST_TIMES = 8
EVERY_S = (600, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
LOOKED_AT_S = 300
"""Each multiple of `EVERY_S`, counted from local midnight, is a multiple of this in every time zone."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of pixels: time from left to right, the logarithm of price from bottom to top."""

    left: int
    top: int
    right: int
    bottom: int
    start: UnixTime
    end: UnixTime
    log_low: float
    log_high: float

    @staticmethod
    def of(grid: HeatmapGrid, box: tuple[int, int, int, int]) -> Panel:
        """`grid` in `box`: left, top, right, bottom."""
        log_low = grid.first_row * grid.row_log
        log_high = log_low + max(grid.rows, 1) * grid.row_log
        return Panel(*box, grid.start, grid.start + grid.columns * grid.column_s, log_low, log_high)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def low(self) -> float:
        return math.exp(self.log_low)

    @property
    def high(self) -> float:
        return math.exp(self.log_high)

    def x(self, at: UnixTime) -> float:
        return self.left + (at - self.start) / (self.end - self.start) * self.width

    def y(self, price: float) -> float:
        """That of the nearest edge for a price outside."""
        share = (math.log(price) - self.log_low) / (self.log_high - self.log_low)
        return self.bottom - min(max(share, 0.0), 1.0) * self.height

    def shows(self, low: float, high: float) -> bool:
        """Whether any price from `low` to `high` is inside."""
        return low <= self.high and high >= self.low


def price_ticks(panel: Panel) -> tuple[float, ...]:
    """At most eight round prices inside `panel`, ascending."""
    low, high = panel.low, panel.high
    power = math.floor(math.log10((high - low) / MOST_PRICES))
    # Powers of ten below one are not exact as a float: their inverse is, and a division by it is rounded once.
    for factor in (1, 2, 5, 10, 20):
        step = factor * 10.0**power if power >= 0 else factor / 10.0**-power
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < MOST_PRICES:
            break
    many = range(first, last + 1)
    return tuple(number * step if power >= 0 else number * factor / 10.0**-power for number in many)


def time_ticks(panel: Panel, zone_name: str) -> tuple[tuple[UnixTime, str], ...]:
    """At most eight moments, round by the clock of `zone_name`, with their words: `14:00`, and `24 Nov` where a day
    begins."""
    every_s = next((each for each in EVERY_S if (panel.end - panel.start) / each <= MOST_TIMES), EVERY_S[-1])
    first = math.ceil(panel.start / LOOKED_AT_S) * LOOKED_AT_S
    found = []
    before = _local(first - LOOKED_AT_S, zone_name)
    for at in range(first, math.ceil(panel.end), LOOKED_AT_S):
        local = _local(at, zone_name)
        # Where clocks are changed at midnight, a day may begin at 1, or have two.
        begins = local.date() > before.date()
        if begins or (local.hour * 3600 + local.minute * 60) % every_s == 0:
            found.append((float(at), _day(at, zone_name) if begins else f"{local:%H:%M}"))
        before = local
    return tuple(found)


def moment(at: UnixTime, zone_name: str) -> str:
    """`24 Nov 21:02 UTC`: the day is always named, because pictures are kept and passed on."""
    return clock_time(at, zone_name, at - 2 * 86_400.0)


def _local(at: UnixTime, zone_name: str) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(zone_name))


def _day(at: UnixTime, zone_name: str) -> str:
    return " ".join(moment(at, zone_name).split()[:2])
