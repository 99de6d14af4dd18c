"""How alerts would have turned out, beside levels at the same distance that nothing singled out. Pure.

A level is followed from the moment of its alert through the prices after it, by the same words as an episode: touched,
swept, held, faded. One whose time had not ended when the prices did, or fell silent, is open and counts in no share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray

from liqalert.core.episodes import EpisodeState
from liqalert.core.market import UnixTime
from liqalert.core.zones import Outside

CONTROLS_PER_ALERT = 20
MOVE_AFTER_S = 3600.0
SILENCE_S = 900.0
"""Without a price for longer, an instrument was not watched."""
LEAST_DAYS = 0.995
"""Of less than a day (as told: 1.00) of watching, which is as lively as it happened to be, nothing is said of a day."""
Z_95 = 1.959964


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What one instrument cost, in order of time."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """A range that price came near: at `at`, from `side`, with the mark at `price`. It matters until `until`."""

    at: UnixTime
    price: float
    side: Outside
    low: float
    high: float
    until: UnixTime
    rearm_pct: float

    def moved_to(self, at: UnixTime, price: float) -> Level:
        """The same distances, at another moment."""
        scale = price / self.price
        return Level(
            at, price, self.side, self.low * scale, self.high * scale, at + self.until - self.at, self.rearm_pct
        )


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a level."""

    touched: bool
    outcome: EpisodeState | None
    """swept, held or faded; None: the prices end, or fall silent, before that is known."""
    touched_after_s: float | None
    move_pct: float | None
    """An hour later, in per cent of the mark: positive towards the range and beyond. None: the prices end before."""


def fate(level: Level, prices: Prices) -> Fate:
    """Follows `level` through the prices from its moment on."""
    start = int(np.searchsorted(prices.times, level.at, side="left"))
    # One price beyond its time, so that it is known whether it was followed to its end.
    stop = int(np.searchsorted(prices.times, level.until, side="right")) + 1
    times = _unbroken(prices.times[start:stop])
    followed = len(times) > 0 and float(times[-1]) >= level.until
    times = times[times <= level.until]
    values = prices.values[start : start + len(times)]
    if level.side is Outside.ABOVE:
        inside, swept = values <= level.high, values < level.low
        back = (values - level.high) / values * 100.0 > level.rearm_pct
    else:
        inside, swept = values >= level.low, values > level.high
        back = (level.low - values) / values * 100.0 > level.rearm_pct
    decided = _first(swept | back)
    touch = _first(inside[: len(inside) if decided is None else decided + 1])
    return Fate(
        touched=touch is not None,
        outcome=_outcome(decided, swept, followed=followed),
        touched_after_s=None if touch is None else float(times[touch]) - level.at,
        move_pct=_move(level, prices),
    )


def controls(levels: Sequence[Level], prices: Prices, pick: Callable[[int], int]) -> list[Level]:
    """Levels at the same distances from price as `levels`, at observed moments; `pick(n)` is a chance one of n."""
    picked = []
    for level in levels:
        for _ in range(CONTROLS_PER_ALERT):
            index = pick(len(prices.times))
            picked.append(level.moved_to(float(prices.times[index]), float(prices.values[index])))
    return picked


# ---------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with its 95 % interval after Wilson."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """(0, 1) when there is nothing to go by."""
        if not self.of:
            return 0.0, 1.0
        share, n = self.count / self.of, self.of
        spread = 1.0 + Z_95**2 / n
        middle = (share + Z_95**2 / (2 * n)) / spread
        half = Z_95 / spread * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Shares:
    """How levels turned out; those still open left out."""

    touched: Share
    swept: Share
    held: Share


@dataclass(frozen=True, slots=True)
class Figures:
    """What alerts at one distance and strength would have been."""

    distance_pct: float
    min_strength: float
    alerts: int
    still_open: int
    per_day: float | None
    """None where less than `LEAST_DAYS` were watched."""
    alerted: Shares
    random: Shares
    """Of `CONTROLS_PER_ALERT` levels for each alert: not independent of each other, so their interval is too narrow."""
    median_touch_s: float | None
    """From the alert to the touch, of those that were touched."""
    median_move_pct: float | None
    """An hour after the alert; positive towards the range."""


@dataclass(slots=True)
class Collected:
    """The fates at one distance and strength."""

    alerted: list[Fate] = field(default_factory=list)
    random: list[Fate] = field(default_factory=list)


def figures(collected: Collected, *, distance_pct: float, min_strength: float, days: float) -> Figures:
    touches = [found.touched_after_s for found in collected.alerted if found.touched_after_s is not None]
    moves = [found.move_pct for found in collected.alerted if found.move_pct is not None]
    return Figures(
        distance_pct=distance_pct,
        min_strength=min_strength,
        alerts=len(collected.alerted),
        still_open=sum(found.outcome is None for found in collected.alerted),
        per_day=len(collected.alerted) / days if days >= LEAST_DAYS else None,
        alerted=shares(collected.alerted),
        random=shares(collected.random),
        median_touch_s=median(touches) if touches else None,
        median_move_pct=median(moves) if moves else None,
    )


def shares(fates: Iterable[Fate]) -> Shares:
    ended = [found for found in fates if found.outcome is not None]
    return Shares(
        touched=Share(sum(found.touched for found in ended), len(ended)),
        swept=Share(sum(found.outcome is EpisodeState.SWEPT for found in ended), len(ended)),
        held=Share(sum(found.outcome is EpisodeState.HELD for found in ended), len(ended)),
    )


# ---------------------------------------------------------------- details


def _first(found: NDArray[np.bool_]) -> int | None:
    """Where the first True stands."""
    index = int(np.argmax(found)) if len(found) else 0
    return index if len(found) and found[index] else None


def _unbroken(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Up to the first silence: what price did in it, nobody knows."""
    silent = _first(np.diff(times) > SILENCE_S)
    return times if silent is None else times[: silent + 1]


def _outcome(decided: int | None, swept: NDArray[np.bool_], *, followed: bool) -> EpisodeState | None:
    if decided is not None:
        return EpisodeState.SWEPT if swept[decided] else EpisodeState.HELD
    return EpisodeState.FADED if followed else None


def _move(level: Level, prices: Prices) -> float | None:
    index = int(np.searchsorted(prices.times, level.at + MOVE_AFTER_S, side="left"))
    if index >= len(prices.times) or prices.times[index] > level.at + MOVE_AFTER_S + SILENCE_S:
        return None
    moved = (float(prices.values[index]) - level.price) / level.price * 100.0
    return -moved if level.side is Outside.ABOVE else moved
