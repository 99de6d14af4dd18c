"""How unlikely it is that no liquidation comes although the stream works. Pure: it is told what came and when.

Liquidations come in bunches, so single ones are no Poisson process: on recorded sessions a quiet stretch of eight
minutes had a chance of 1e-22 by that reckoning. What is counted is therefore slots of half a minute with at least one
liquidation; by these, no silence in the recordings is rarer than one in ten thousand.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Set

from liqalert.core.market import UnixTime

SLOT_S = 30.0
HOUR_SLOTS = int(3600 / SLOT_S)
WEEK_HOURS = 168
RECENT_HOURS = 24
ALARM_BELOW = 1e-6
ENOUGH_RECENT = 6 * HOUR_SLOTS
"""With less than six watched hours of the last 24, nothing is known."""
UNKNOWN_RATE = 0.05
"""Then six slots an hour: of hundreds of contracts together, less has not been seen. An alarm after 2.3 hours."""
ENOUGH_OF_HOUR = HOUR_SLOTS // 2
FORGETTING = 0.75
"""What is left of an hour of the week when it comes again: about the last four weeks count."""


class _Hour:
    """Slots that were watched, and those of them in which something came."""

    __slots__ = ("heard", "index", "watched")

    def __init__(self, index: int) -> None:
        self.index = index
        self.watched = 0.0
        self.heard = 0.0

    @property
    def rate(self) -> float:
        return self.heard / self.watched


class StreamSilence:
    """Compares the present silence with what was usual: the lower rate of this hour of the week and of the last day."""

    def __init__(self) -> None:
        self._week = [_Hour(-1) for _ in range(WEEK_HOURS)]
        self._recent: deque[_Hour] = deque(maxlen=RECENT_HOURS)
        self._slot: int | None = None
        self._slot_heard = False
        self.expected = 0.0
        """How many slots with a liquidation were to be expected since the last one."""
        self.heard_at: UnixTime | None = None
        """When the last liquidation came, as far as it was told."""

    @property
    def probability(self) -> float:
        """Of a silence as long as this one."""
        return math.exp(-self.expected)

    @property
    def alarming(self) -> bool:
        return self.probability < ALARM_BELOW

    def learn(self, heard: Set[int], watched: Iterable[int]) -> None:
        """Takes up what an earlier run saw: the numbers of slots since 1970, `watched` in order.

        A silence that had begun then goes on.
        """
        for slot in watched:
            self._count(slot, came=slot in heard)
        self.heard_at = max(heard) * SLOT_S if heard else None

    def see(self, now: UnixTime, *, came: bool) -> None:
        """The feed is proven alive at `now`; whether a liquidation came since the last call.

        To be called more often than every `SLOT_S`: a slot between two calls that are further apart is not counted.
        """
        slot = math.floor(now / SLOT_S)
        if slot != self._slot:
            if self._slot == slot - 1:
                self._count(self._slot, came=self._slot_heard)
            self._slot, self._slot_heard = slot, False
        if came:
            self._slot_heard, self.expected, self.heard_at = True, 0.0, now

    def _count(self, slot: int, *, came: bool) -> None:
        """One whole slot that was watched."""
        self.expected = 0.0 if came else self.expected + self._rate(slot // HOUR_SLOTS)
        if self.alarming:
            return  # what is taken for mute is no example of what is usual
        for hour in (self._of_week(slot // HOUR_SLOTS), self._of_day(slot // HOUR_SLOTS)):
            hour.watched += 1
            hour.heard += came

    def _rate(self, index: int) -> float:
        """How likely a slot of the hour `index` since 1970 has a liquidation."""
        recent = [hour for hour in self._recent if hour.watched and index - hour.index <= RECENT_HOURS]
        watched = sum(hour.watched for hour in recent)
        if watched < ENOUGH_RECENT:
            return UNKNOWN_RATE
        lately = sum(hour.heard for hour in recent) / watched
        usual = self._week[index % WEEK_HOURS]
        if usual.watched >= ENOUGH_OF_HOUR:
            return min(lately, usual.rate)
        # This hour of the week is not known yet: the quietest hour of the last day stands for it.
        return min((hour.rate for hour in recent if hour.watched >= ENOUGH_OF_HOUR), default=lately)

    def _of_week(self, index: int) -> _Hour:
        hour = self._week[index % WEEK_HOURS]
        if hour.index != index:
            hour.index, hour.watched, hour.heard = index, hour.watched * FORGETTING, hour.heard * FORGETTING
        return hour

    def _of_day(self, index: int) -> _Hour:
        if not self._recent or self._recent[-1].index != index:
            self._recent.append(_Hour(index))
        return self._recent[-1]
