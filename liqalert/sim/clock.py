"""A clock that runs faster than the machine's: one object for the simulated exchange and for who listens to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from liqalert.core.market import UnixTime


class ScaledClock:
    """Implements liqalert.clock.Clock: `start` at its making, and from then on `speed` seconds each real second."""

    def __init__(self, start: UnixTime, speed: float = 1.0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not 0.0 < speed < float("inf"):
            raise ValueError(f"a clock cannot run at speed {speed}: give a number above 0")
        self.start = start
        self.speed = speed
        self._monotonic = monotonic
        self._begun = monotonic()

    def now(self) -> UnixTime:
        return self.start + (self._monotonic() - self._begun) * self.speed

    async def sleep_until(self, at: UnixTime) -> None:
        """Returns at `at`, or at once when that has passed; others get their turn in either case."""
        await asyncio.sleep(max(0.0, (at - self.now()) / self.speed))
