"""Absolute strength: how unusual a cluster is for its own instrument and position side, not for what is on screen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqalert.core.market import Instrument, PositionSide

USD_EXPONENT, COUNT_EXPONENT = 0.7, 0.3
"""Together 1, so that a magnitude shrinks as USD and count do when time passes."""


def magnitude(notional_usd: float, count: float) -> float:
    """One number for USD and count together."""
    return math.pow(notional_usd, USD_EXPONENT) * math.pow(count, COUNT_EXPONENT)


def magnitudes(notional_usd: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of many, up to rounding."""
    found: NDArray[np.float64] = np.power(notional_usd, USD_EXPONENT) * np.power(counts, COUNT_EXPONENT)
    return found


LARGEST_EXPONENT = 700.0
BELOW_ONE = math.nextafter(1.0, 0.0)


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
        odds_against = math.exp(min(self.gamma * (self.ln_r - math.log(x)), LARGEST_EXPONENT))
        return min(1.0 / (1.0 + odds_against), BELOW_ONE)

    def magnitude(self, strength: float) -> float:
        """The magnitude that has this strength, which lies strictly between 0 and 1."""
        return math.exp(self.ln_magnitude(strength))

    def ln_magnitude(self, strength: float) -> float:
        """Its logarithm."""
        return self.ln_r + math.log(strength / (1.0 - strength)) / self.gamma


@dataclass(frozen=True, slots=True)
class DaySamples:
    """One UTC day of five-minute samples of one instrument and position side, as a histogram of ln magnitude."""

    instrument: Instrument
    liquidated: PositionSide
    day: str
    """Like 2026-11-23."""
    bins: tuple[tuple[int, int], ...]
    """(bin, samples), by bin; a bin covers ln magnitude from bin * 0.05 to (bin + 1) * 0.05."""
    measure: str = "clusters"
    """Of what: `clusters` (the top cluster's magnitude at the sample) or `flow` (the largest 60 s since the last)."""


BIN = 0.05
"""Width of a histogram bin in ln magnitude."""
SAMPLE_S = 300.0
"""A side is sampled every five minutes."""
SAMPLES_FOR_A_DAY = 144
"""A day counts as history when it holds at least 12 hours of samples."""
HISTORY_DAYS = 30
FLOOR = math.log(magnitude(1000.0, 1.0))
"""ln magnitude that stands for 'nothing much': one liquidation of 1,000 USD."""
UNKNOWN_OPEN_INTEREST_USD = 1e9


def bin_of(ln_magnitude: float) -> int:
    return math.floor(ln_magnitude / BIN)


def baseline(
    days: Sequence[Mapping[int, int]],
    open_interest_usd: float | None,
    version: str,
    *,
    quantiles: tuple[float, float] = (0.95, 0.995),
) -> Baseline:
    """What is usual, from histograms of earlier days (one per UTC day, at most 30) and the open interest in USD.

    Strength 0.5 lies at the first of `quantiles`, 0.9 at the second: what the side exceeds 5 % and 0.5 % of the time.
    With little history a guess from the open interest fills in: R_0 = max(25,000 USD, 0.05 % of open interest) in ten
    liquidations, and slope 1.2. The guess weighs as much as 7 / 3 full days. History gives a slope between 0.7 and 2.5,
    and no magnitude below a twentieth of the guess, however quiet it was.
    """
    assumed_usd = max(25_000.0, 5e-4 * (open_interest_usd or UNKNOWN_OPEN_INTEREST_USD))
    ln_r_0 = math.log(magnitude(assumed_usd, 10.0))
    weight = 3 * sum(sum(day.values()) >= SAMPLES_FOR_A_DAY for day in days)
    ln_r_history, gamma_history = _from_history(days, quantiles) if weight else (ln_r_0, 1.2)
    ln_r = (weight * ln_r_history + 7 * ln_r_0) / (weight + 7)
    gamma = (weight * gamma_history + 7 * 1.2) / (weight + 7)
    return Baseline(max(ln_r, ln_r_0 - math.log(20.0)), gamma, open_interest_usd is not None, version)


def _from_history(days: Sequence[Mapping[int, int]], quantiles: tuple[float, float]) -> tuple[float, float]:
    """ln R and gamma."""
    total: Counter[int] = Counter()
    for day in days:
        total.update(day)
    half, high = (quantile(total, share) for share in quantiles)
    gamma = math.log(9.0) / (high - half) if high > half else 2.5
    return half, min(max(gamma, 0.7), 2.5)


def quantile(histogram: Mapping[int, int], share: float) -> float:
    """The ln magnitude below which `share` of the samples lie: linear inside its bin. Needs at least one sample."""
    wanted = share * sum(histogram.values())
    below = 0
    for number in sorted(histogram):
        inside = histogram[number]
        if below + inside >= wanted:
            return (number + (wanted - below) / inside) * BIN
        below += inside
    raise ValueError("quantile of an empty histogram: take at least one sample first")
