"""When an exchange was watched, and when not: what was not watched is not zero, it is not known."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from liqalert.core.market import FeedStatus, Gap, UnixTime


@dataclass(frozen=True, slots=True)
class Watch:
    """One exchange's."""

    blind: tuple[tuple[UnixTime, UnixTime], ...]
    """Stretches in which nobody watched, ascending, none touching another; the first since ever."""

    @property
    def began(self) -> UnixTime:
        """When the exchange was first watched; infinity if it never was."""
        return self.blind[0][1]

    def share(self, start: UnixTime, end: UnixTime) -> float:
        """How much of the time from `start` to `end` was watched, 0 to 1; of a moment, whether it was."""
        if end <= start:
            return 0.0 if self._blind_at(start) else 1.0
        first = max(0, bisect_right(self.blind, (start, math.inf)) - 1)
        blind_s = 0.0
        for began, ended in self.blind[first:]:
            if began >= end:
                break
            blind_s += max(0.0, min(ended, end) - max(began, start))
        return 1.0 - blind_s / (end - start)

    def _blind_at(self, at: UnixTime) -> bool:
        place = bisect_right(self.blind, (at, math.inf))
        return place > 0 and at < self.blind[place - 1][1]


def watch_of(recorded_since: UnixTime | None, gaps: Iterable[Gap], status: FeedStatus | None) -> Watch:
    """From what the database knows of an exchange and, because it hears of a gap when it is over, the feed's status."""
    stretches = [(-math.inf, math.inf if recorded_since is None else recorded_since)]
    newest = status.gaps if status else ()
    stretches += [(gap.start, math.inf if gap.end is None else gap.end) for gap in (*gaps, *newest)]
    if status is not None and not status.alive:
        stretches.append((status.since, math.inf))
    return Watch(merged(stretches))


def least_share(watching: Iterable[Watch], start: UnixTime, end: UnixTime) -> float:
    """Of the one watched least; 0 of none."""
    return min((watch.share(start, end) for watch in watching), default=0.0)


def merged(stretches: Iterable[tuple[UnixTime, UnixTime]]) -> tuple[tuple[UnixTime, UnixTime], ...]:
    """The same stretches, ascending, without overlaps: what is unwatched twice is unwatched once."""
    found: list[tuple[UnixTime, UnixTime]] = []
    for since, until in sorted(stretches):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return tuple(found)
