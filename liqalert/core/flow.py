"""The liquidations of the last minute of one instrument and position side, and how unusual they are. Pure.

Flow strength is measured like cluster strength, one step further out, because a minute is told at once and not only
when price comes back: 0.5 is a minute that the side exceeds in 0.5 % of all five-minute stretches (about one a day, and
those come in bursts), 0.9 one that it exceeds in 0.05 %.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from liqalert.core.alerts import FlowEvidence
from liqalert.core.market import Liquidation, UnixTime
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
        self._recent: deque[tuple[UnixTime, Liquidation, float | None]] = deque()
        """Each with the mark price when it came."""
        self._greatest = 0.0
        self.oldest: UnixTime = math.inf
        """When the first of them happened; never, where there is none."""

    def add(self, liquidation: Liquidation, mark_price: float | None) -> None:
        happened_at = min(liquidation.event_time, liquidation.received_time)
        self._recent.append((happened_at, liquidation, mark_price))
        self.oldest = min(self.oldest, happened_at)

    def prune(self, now: UnixTime) -> None:
        """Forgets what is older than a minute."""
        if self.oldest <= now - WINDOW_S:
            self._recent = deque(each for each in self._recent if each[0] > now - WINDOW_S)
            self.oldest = min((at for at, _, _ in self._recent), default=math.inf)

    def measure(self) -> None:
        """Remembers how great the minute is, if it is the greatest. Needed after additions alone: else it shrinks."""
        self._greatest = max(self._greatest, self.magnitude())

    @property
    def notional_usd(self) -> float:
        return sum(liquidation.notional_usd for _, liquidation, _ in self._recent)

    @property
    def count(self) -> int:
        return len(self._recent)

    def magnitude(self) -> float:
        return magnitude(self.notional_usd, self.count) if self._recent else 0.0

    def take_greatest(self) -> float:
        """The greatest magnitude since the last call, or now."""
        greatest, self._greatest = self._greatest, self.magnitude()
        return greatest

    def evidence(self, rule: Rule, baseline: Baseline, mark_price: float | None) -> FlowEvidence:
        """Not for an empty flow."""
        in_order = sorted(self._recent, key=lambda each: each[0])
        first_at, first, mark_before = in_order[0]
        last_at, last, _ = in_order[-1]
        return FlowEvidence(
            instrument=first.instrument,
            liquidated=first.liquidated,
            window_s=WINDOW_S,
            notional_usd=self.notional_usd,
            count=self.count,
            strength=baseline.strength(self.magnitude()),
            min_strength=rule.min_strength,
            calibrated=baseline.calibrated,
            price_from=mark_before or first.price,
            price_to=mark_price or last.price,
            first_at=first_at,
            last_at=last_at,
            largest_usd=max(liquidation.notional_usd for _, liquidation, _ in in_order),
            saturated_s=saturated(at for at, _, _ in in_order),
            at_least_usd=at_least_usd(self.notional_usd, self.count, len({math.floor(at) for at, _, _ in in_order})),
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
