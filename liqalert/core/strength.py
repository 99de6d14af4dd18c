"""Absolute strength: how unusual a cluster is for its own instrument and position side, not for what is on screen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from liqalert.core.market import Instrument, PositionSide


def magnitude(notional_usd: float, count: float) -> float:
    """One number for USD and count together. It shrinks by the same factor as they do when time passes."""
    return math.pow(notional_usd, 0.7) * math.pow(count, 0.3)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for one instrument and position side: strength 0.5 at magnitude exp(`ln_r`), slope `gamma`."""

    ln_r: float
    gamma: float
    calibrated: bool
    """False while the open interest is unknown: strength is then shown with a question mark."""
    version: str
    """The UTC day it was made for, like 2026-11-23."""

    def strength(self, x: float) -> float:
        """Strength of magnitude `x`, strictly between 0 and 1 and strictly increasing until rounding ends it."""
        if x <= 0.0:
            return 0.0
        return 1.0 / (1.0 + math.exp(self.gamma * (self.ln_r - math.log(x))))


@dataclass(frozen=True, slots=True)
class DaySamples:
    """One UTC day of five-minute samples of one instrument and position side, as a histogram of ln magnitude."""

    instrument: Instrument
    liquidated: PositionSide
    day: str
    """Like 2026-11-23."""
    bins: tuple[tuple[int, int], ...]
    """(bin, samples), by bin; a bin covers ln magnitude from bin * 0.05 to (bin + 1) * 0.05."""
