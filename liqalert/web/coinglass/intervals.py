"""Intervals of time that open at round moments."""

from __future__ import annotations

import math
from dataclasses import dataclass

from liqalert.core.market import UnixTime

MONDAY = 345_600.0
"""1970-01-05 00:00 UTC: weeks begin on Mondays, and 1970 began on a Thursday."""


@dataclass(frozen=True, slots=True)
class Interval:
    length_s: float
    origin: UnixTime = 0.0
    """When one of them opens."""

    def opened(self, at: UnixTime) -> UnixTime:
        """When the one that holds `at` opened."""
        return self.origin + math.floor((at - self.origin) / self.length_s) * self.length_s

    def next_open(self, at: UnixTime) -> UnixTime:
        """When the first one opens that does not open before `at`."""
        return self.origin + math.ceil((at - self.origin) / self.length_s) * self.length_s


INTERVALS = {
    "1m": Interval(60.0),
    "3m": Interval(180.0),
    "5m": Interval(300.0),
    "15m": Interval(900.0),
    "30m": Interval(1800.0),
    "1h": Interval(3600.0),
    "4h": Interval(14_400.0),
    "6h": Interval(21_600.0),
    "8h": Interval(28_800.0),
    "12h": Interval(43_200.0),
    "1d": Interval(86_400.0),
    "1w": Interval(604_800.0, origin=MONDAY),
}
