"""Rules: what to be told about. A rule is a value, shared by every chat that subscribes to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from liqalert.core.market import Instrument, UnixTime


class RuleKind(StrEnum):
    """What is told. The numbers of a rule that its kind does not use are 0."""

    NEAR = "near"
    """The mark comes within `distance_pct` of a zone at least `min_strength` strong."""
    FORMED = "formed"
    """A zone reaches `min_strength`."""
    GROWN = "grown"
    """A zone that a rule of kind `near` has told of, and of which the mark has not gone further away than the re-arm
    distance of `distance_pct` since, passes 0.6, 0.75 or 0.9."""
    CASCADE = "cascade"
    """The liquidations of the last 60 s are unusual for this instrument and side: flow strength `min_strength`."""
    LARGE = "large"
    """One liquidation of at least `min_usd`."""

    # An enum's own hash is a function in Python, and rules are looked up by kind.
    __hash__ = str.__hash__


REST_ON_MARKS = (RuleKind.NEAR, RuleKind.GROWN)
"""Where no marks of an instrument come, rules of these kinds can tell nothing of it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to tell, of which instrument, from which values on. Made by `rule_of`.

    `instrument` None means every instrument. Distance is from the mark to the nearest edge of the zone's band, in per
    cent of the mark.
    """

    kind: RuleKind
    instrument: Instrument | None
    distance_pct: float
    min_strength: float
    min_usd: float = 0.0

    @property
    def id(self) -> str:
        """The same for equal rules, in every process: `near:binance:BTCUSDT:1:0.6`, `large:*:1000000`."""
        scope = f"{self.instrument.exchange}:{self.instrument.symbol}" if self.instrument else "*"
        match self.kind:
            case RuleKind.LARGE:
                return f"{self.kind}:{scope}:{self.min_usd:.0f}"
            case RuleKind.FORMED | RuleKind.CASCADE:
                return f"{self.kind}:{scope}:{self.min_strength:g}"
            case _:
                return f"{self.kind}:{scope}:{self.distance_pct:g}:{self.min_strength:g}"

    def covers(self, instrument: Instrument) -> bool:
        return self.instrument is None or self.instrument == instrument


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The values that a chat's rules of every kind are made from."""

    distance_pct: float
    min_strength: float
    large_usd: float


def rule_of(kind: RuleKind, instrument: Instrument | None, thresholds: Thresholds) -> Rule:
    """The rule of `kind` with those of `thresholds` that the kind uses."""
    match kind:
        case RuleKind.NEAR | RuleKind.GROWN:
            return Rule(kind, instrument, thresholds.distance_pct, thresholds.min_strength)
        case RuleKind.FORMED | RuleKind.CASCADE:
            return Rule(kind, instrument, 0.0, thresholds.min_strength)
        case RuleKind.LARGE:
            return Rule(kind, instrument, 0.0, 0.0, thresholds.large_usd)


class Quiet(Struct, frozen=True, gc=False):
    """Nothing can change while the mark stays strictly between `low` and `high` and the time is before `until`."""

    low: float
    high: float
    until: UnixTime

    def holds(self, price: float, now: UnixTime) -> bool:
        return self.low < price < self.high and now < self.until


HAIR = 1e-9
"""Thresholds are compared as distances, the quiet range as prices: rounding may differ by far less than this."""


def quiet_everywhere(quiets: Iterable[Quiet | None]) -> Quiet | None:
    """Where nothing can change in any of the places; None where one of them is to be looked at in any case."""
    low, high, until = 0.0, math.inf, math.inf
    for quiet in quiets:
        if quiet is None:
            return None
        low = quiet.low if quiet.low > low else low
        high = quiet.high if quiet.high < high else high
        until = quiet.until if quiet.until < until else until
    return Quiet(low, high, until)


def quiet_range(critical_prices: Iterable[float], mark_price: float, until: UnixTime) -> Quiet:
    """The widest range around `mark_price` without a critical price, a hair narrower so that rounding hides nothing."""
    low, high = 0.0, math.inf
    not_above, not_below = mark_price * (1.0 + HAIR), mark_price * (1.0 - HAIR)
    for price in critical_prices:
        if low < price <= not_above:
            low = price
        if not_below <= price < high:
            high = price
    return Quiet(low * (1.0 + HAIR), high * (1.0 - HAIR), until)


def critical_prices(low: float, high: float, distances_pct: Iterable[float]) -> list[float]:
    """The marks at which something changes for a band: its edges, and each distance from it on either side."""
    prices = [low, high]
    for distance_pct in distances_pct:
        prices.append(low / (1.0 + distance_pct / 100.0))
        if distance_pct < 100.0:
            prices.append(high / (1.0 - distance_pct / 100.0))
    return prices
