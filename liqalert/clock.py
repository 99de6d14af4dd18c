"""The only place that reads the wall clock. Everything else takes a Clock, or `now` as an argument."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Protocol

log = logging.getLogger(__name__)

FOLLOWED_S = 1.0
"""A machine's clock that is off by no more than this is followed at once: it is being kept right."""
WITNESSES = 5
"""So many send times of an exchange, since a jump, decide whether it is believed."""
UNHEARD_S = 60.0
"""A jump that no exchange says anything about for so long is believed: nothing is decided meanwhile."""

_BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """Tells the time in seconds since 1970-01-01 UTC."""

    def now(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    now = staticmethod(time.time)  # noqa: TID251 - this is the one place


elapsed_s: Callable[[], float] = time.monotonic if _BOOT_TIME is None else partial(time.clock_gettime, _BOOT_TIME)
"""Seconds since some moment, whatever is done to the clock; sleep of the machine counts where that is known."""


def asleep_s() -> float:
    """For how long the machine has slept since it was started, which no timer of a loop counts; 0 where not known."""
    return 0.0 if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME) - time.monotonic()


class SteadyClock:
    """The machine's clock, but a jump of it counts only when an exchange's own times confirm it.

    A frame that happens to be received while the clock is days ahead must not end zones and empty the window. Until a
    jump is confirmed, time goes on as it did; where the exchange contradicts it, for good.
    """

    def __init__(self, wall: Clock | None = None, elapsed: Callable[[], float] = elapsed_s) -> None:
        self._wall = (wall or SystemClock()).now
        self._elapsed = elapsed
        self._offset: float | None = None
        """From elapsed time to our time."""
        self._latest = -math.inf
        self._off_s = 0.0
        """How far the machine's clock is from ours: not 0 while a jump is not believed."""
        self._jumped_at = 0.0
        self._witnesses: deque[float] = deque(maxlen=WITNESSES)
        """How far the exchange's clock is from ours, since the jump."""

    @property
    def contradicted_s(self) -> float:
        """How far the machine's clock is ahead of ours, if the exchange has contradicted it; else 0."""
        return self._off_s if len(self._witnesses) == WITNESSES else 0.0

    def now(self) -> float:
        elapsed, wall = self._elapsed(), self._wall()
        if self._offset is None:
            self._offset = wall - elapsed
        off_s = wall - elapsed - self._offset
        if abs(off_s) <= FOLLOWED_S:
            self._offset += off_s
            if self._off_s:
                self._is_right_again()
        elif abs(off_s - self._off_s) > FOLLOWED_S:
            self._doubt(off_s, elapsed)
        elif not self._witnesses and elapsed - self._jumped_at > UNHEARD_S:
            self._believe(off_s)
        now = elapsed + self._offset
        if now > self._latest:
            self._latest = now
        return self._latest

    def heard(self, sent_at: float) -> None:
        """An exchange sent something at `sent_at`, by its clock."""
        if self._off_s == 0.0 or self._offset is None:
            return
        self._witnesses.append(sent_at - self._elapsed() - self._offset)
        if len(self._witnesses) < WITNESSES:
            return
        exchange_off_s = median(self._witnesses)
        if abs(exchange_off_s - self._off_s) < abs(exchange_off_s):
            self._believe(self._off_s)

    def _is_right_again(self) -> None:
        log.info("the machine's clock is right again", extra={"was_off_s": self._off_s})
        self._off_s = 0.0
        self._witnesses.clear()

    def _doubt(self, off_s: float, elapsed: float) -> None:
        log.warning("the machine's clock jumped", extra={"by_s": off_s - self._off_s})
        self._off_s, self._jumped_at = off_s, elapsed
        self._witnesses.clear()

    def _believe(self, off_s: float) -> None:
        log.warning("the jump of the machine's clock is believed", extra={"by_s": off_s})
        self._offset = (self._offset or 0.0) + off_s
        self._off_s = 0.0
        self._witnesses.clear()
        # Time may go back now: the only case in which it does.
        self._latest = -math.inf
