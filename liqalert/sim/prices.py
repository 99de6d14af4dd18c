"""How the price of one asset moves: calm and violent stretches, and whatever forced orders add."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from liqalert.core.market import UnixTime
from liqalert.sim.listings import Asset

CALM_SHARE = 0.4
"""Of the stretches; violent ones are longer, so less of the time."""
PUSH_CAP = 0.0008
"""Forced orders move a price by no more than this in a second, so that a cascade needs time and ends."""
ROOM = 0.03
"""How far (in log price) a price may wander before the next violent stretch all but surely leads back."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a price keeps one manner of moving. Per second, in log price."""

    volatility: float
    drift: float
    until: UnixTime


class Price:
    """The price of one asset, second by second."""

    def __init__(self, asset: Asset, now: UnixTime) -> None:
        self.asset = asset
        self.stretch = Stretch(0.0, 0.0, now)
        self._home = math.log(asset.price)
        self._log = self._home
        self._push = 0.0

    @property
    def value(self) -> float:
        return math.exp(self._log)

    def step(self, random: Random, now: UnixTime) -> None:
        """One second on."""
        if now >= self.stretch.until:
            self.stretch = self._next_stretch(random, now)
        move = random.gauss(self.stretch.drift, self.stretch.volatility)
        self._log += move + max(-PUSH_CAP, min(PUSH_CAP, self._push))
        self._push = 0.0

    def push(self, signed_usd: float) -> None:
        """A forced order was filled, bought where positive: it moves the price in the next second."""
        self._push += signed_usd / self.asset.depth_usd * 0.01

    def _next_stretch(self, random: Random, now: UnixTime) -> Stretch:
        """Calm for some minutes, or a swing of some per cent: the further from home, the likelier back."""
        lively = self.asset.liveliness
        if random.random() < CALM_SHARE:
            return Stretch(lively * 1e-4, 0.0, now + random.uniform(60.0, 240.0))
        away = (self._log - self._home) / (ROOM * lively)
        up = random.random() < 0.5 - 0.5 * max(-0.95, min(0.95, away))
        lasts_s = random.uniform(90.0, 300.0)
        swing = lively * random.uniform(0.010, 0.026)
        return Stretch(lively * 3e-4, (swing if up else -swing) / lasts_s, now + lasts_s)
