"""How long to wait before the next connection attempt."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

DOUBLINGS = 30
"""More doublings than any cap needs; keeps 2 ** n small however long an exchange is gone."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting times in seconds: short and random after an ordinary failure, long and fixed after a refusal."""

    first_s: float = 1.0
    cap_s: float = 60.0
    refused_first_s: float = 300.0
    refused_cap_s: float = 3600.0

    def delay_s(self, failures: int, random: Random) -> float:
        """Anything between 0 and the doubled, capped bound, so that clients cut off together do not return together.

        `failures` counts the failures in a row before this one.
        """
        return random.uniform(0.0, min(self.cap_s, self.first_s * 2.0 ** min(failures, DOUBLINGS)))

    def refused_delay_s(self, refusals: int) -> float:
        """5 minutes, doubling to an hour. Not random: a person reads it. `refusals` counts those before this one."""
        return min(self.refused_cap_s, self.refused_first_s * 2.0 ** min(refusals, DOUBLINGS))
