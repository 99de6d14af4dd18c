"""The liquidations of the last minute of one instrument and position side, and how unusual they are. Pure.

Flow strength is measured like cluster strength, one step further out, because a minute is told at once and not only
when price comes back: 0.5 is a minute that the side exceeds in 0.5 % of all five-minute stretches (about one a day, and
those come in bursts), 0.9 one that it exceeds in 0.05 %.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from liqalert.core.alerts import FlowEvidence
from liqalert.core.market import Liquidation, Mark, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.strength import Baseline, magnitude

WINDOW_S = 60.0
QUANTILES = (0.995, 0.9995)
"""Of the greatest minute in each five: flow strength 0.5 and 0.9."""
RUN_S = 5
"""So many seconds in a row with a report each count as saturated: the feed shows at most one a second."""


class Flow:
    """One instrument and position side. Liquidations count from when they happened, by the exchange's clock."""

    def __init__(self) -> None:
        self._times: list[UnixTime] = []
        """When each happened, oldest first; so the lists beside it."""
        self._liquidations: list[Liquidation] = []
        self._usd: list[float] = []
        self._marks: list[Mark | None] = []
        """The newest mark when it came."""
        self._notional_usd: float | None = 0.0
        """None where it has to be added up anew."""
        self._greatest = 0.0

    def add(self, liquidations: Sequence[Liquidation], marks: Sequence[Mark | None]) -> None:
        """At least one, each with its instrument's newest mark as it came."""
        times = [min(each.event_time, each.received_time) for each in liquidations]
        if times == sorted(times) and (not self._times or self._times[-1] <= times[0]):
            # Nearly always: they happened in the order in which they came.
            self._times += times
            self._liquidations += liquidations
            self._usd += [each.notional_usd for each in liquidations]
            self._marks += marks
        else:
            for happened_at, liquidation, mark in zip(times, liquidations, marks, strict=True):
                place = bisect_right(self._times, happened_at)
                self._times.insert(place, happened_at)
                self._liquidations.insert(place, liquidation)
                self._usd.insert(place, liquidation.notional_usd)
                self._marks.insert(place, mark)
        self._notional_usd = None

    @property
    def oldest(self) -> UnixTime:
        """When the first of them happened; never, where there is none."""
        return self._times[0] if self._times else math.inf

    def prune(self, now: UnixTime) -> None:
        """Forgets what is older than a minute."""
        if self.oldest <= now - WINDOW_S:
            expired = bisect_right(self._times, now - WINDOW_S)
            for each in (self._times, self._liquidations, self._usd, self._marks):
                del each[:expired]
            self._notional_usd = None

    def measure(self) -> None:
        """Remembers how great the minute is, if it is the greatest. Needed after additions alone: else it shrinks."""
        self._greatest = max(self._greatest, self.magnitude())

    @property
    def notional_usd(self) -> float:
        if self._notional_usd is None:
            self._notional_usd = sum(self._usd)
        return self._notional_usd

    @property
    def count(self) -> int:
        return len(self._times)

    def magnitude(self) -> float:
        return magnitude(self.notional_usd, self.count) if self._times else 0.0

    def take_greatest(self) -> float:
        """The greatest magnitude since the last call, or now."""
        greatest, self._greatest = self._greatest, self.magnitude()
        return greatest

    def evidence(self, rule: Rule, baseline: Baseline, mark_price: float | None) -> FlowEvidence:
        """Not for an empty flow."""
        first, last = self._liquidations[0], self._liquidations[-1]
        return FlowEvidence(
            instrument=first.instrument,
            liquidated=first.liquidated,
            window_s=WINDOW_S,
            notional_usd=self.notional_usd,
            count=self.count,
            strength=baseline.strength(self.magnitude()),
            min_strength=rule.min_strength,
            calibrated=baseline.calibrated,
            price_from=(self._marks[0] or first).price,
            price_to=mark_price or last.price,
            first_at=self._times[0],
            last_at=self._times[-1],
            largest_usd=max(self._usd),
            saturated_s=saturated(self._times),
            at_least_usd=at_least_usd(self.notional_usd, self.count, len(set(map(math.floor, self._times)))),
        )


def at_least_usd(notional_usd: float, count: int, occupied_s: int, window_s: float = WINDOW_S) -> float:
    """What was liquidated in `window_s` seconds, of which `occupied_s` have a report, where one a second is shown.

    Seconds with a report are taken for chance, as if liquidations came independently: -ln(1 - share) were to be
    expected in each. They come in bunches, also within a second, so this too is a lower bound: of a cascade it finds
    between a sixth and all, at most 4.8 times what is shown in a minute. Never less than what is shown.
    """
    occupied = min(float(occupied_s), window_s - 0.5)
    expected = -window_s * math.log(1.0 - occupied / window_s)
    return max(notional_usd, notional_usd / count * expected)


def saturated(times: Iterable[UnixTime]) -> int:
    """How many seconds lie in a run of at least five seconds in a row that all have one of `times`."""
    seconds = sorted({math.floor(at) for at in times})
    total = run = 0
    for previous, second in zip([None, *seconds], seconds, strict=False):
        run = run + 1 if previous == second - 1 else 1
        total += RUN_S if run == RUN_S else run > RUN_S
    return total
