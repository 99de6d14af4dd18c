"""The liquidations of the last minute of each instrument and position side, and how unusual they are. Pure.

Flow strength is measured like cluster strength, one step further out, because a minute is told at once and not only
when price comes back: 0.5 is a minute that the side exceeds in 0.5 % of all five-minute stretches (about one a day, and
those come in bursts), 0.9 one that it exceeds in 0.05 %.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

import numpy as np
from msgspec import Struct

from liqalert.core.alerts import FlowEvidence
from liqalert.core.baselines import Owner
from liqalert.core.columns import Floats
from liqalert.core.market import Instrument, Liquidation, Mark, PositionSide, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.strength import Baseline, magnitude, magnitudes

WINDOW_S = 60.0
QUANTILES = (0.995, 0.9995)
"""Of the greatest minute in each five: flow strength 0.5 and 0.9."""
SIDE, TIME, USD = range(3)
RUN_S = 5
"""So many seconds in a row with a report each count as saturated: the feed shows at most one a second."""


class Flow(Struct, frozen=True, gc=False):
    """What the last minute of one instrument and position side comes to."""

    owner: Owner
    notional_usd: float
    count: int

    def strength(self, baseline: Baseline) -> float:
        return baseline.strength(magnitude(self.notional_usd, self.count))


class Flows:
    """The last minute of all sides, in one log: a tick asks what each side's comes to, and hardly ever what it is made
    of. Sides are numbered in the order of their first liquidation.
    """

    def __init__(self) -> None:
        next_number = count().__next__
        self._numbers = {side: defaultdict[Instrument, int](next_number) for side in PositionSide}
        self._liquidations: list[Liquidation] = []
        """In the order in which they happened; so is what stands beside them."""
        self._marks: list[Mark | None] = []
        self._log = np.empty((3, 0))
        """Of each the number of its side, when it happened, and US dollars."""
        self._greatest = np.empty(0)
        """Of each side the greatest magnitude that was measured since it was last taken."""

    def add(self, liquidations: Sequence[Liquidation], marks: Sequence[Mark | None]) -> dict[int, Liquidation]:
        """Each with its instrument's newest mark as it came. Gives their sides, in the order of their first, each with
        one of its liquidations."""
        numbers = [self._numbers[each.liquidated][each.instrument] for each in liquidations]
        new = (numbers, [_happened_at(each) for each in liquidations], [each.notional_usd for each in liquidations])
        self._liquidations += liquidations
        self._marks += marks
        self._log = np.concatenate((self._log, np.array(new)), axis=1)
        times = self._log[TIME]
        (late,) = (times[1:] < times[:-1]).nonzero()
        if len(late):
            self._sort(times[late + 1].min())
        return dict(zip(numbers, liquidations, strict=True))

    def prune(self, now: UnixTime) -> None:
        """Forgets what is older than a minute."""
        expired = int(self._log[TIME].searchsorted(now - WINDOW_S, side="right"))
        if expired:
            del self._liquidations[:expired], self._marks[:expired]
            self._log = self._log[:, expired:]

    def measure(self) -> None:
        """Remembers how great each minute is, if it is the greatest. Needed after additions alone: else they shrink."""
        found = magnitudes(*self._totals())
        known = len(self._greatest)
        np.maximum(found[:known], self._greatest, out=found[:known])
        self._greatest = found

    def great(self, sides: Mapping[int, Liquidation], fewest: int, least_usd: float) -> Iterator[Flow]:
        """Those of `sides`, in their order, that are made of so many and so much."""
        usd, counts = self._totals()
        mine = np.array(list(sides), np.int64)
        for number in mine[(counts[mine] >= fewest) & (usd[mine] >= least_usd)].tolist():
            one = sides[number]
            yield Flow((one.instrument, one.liquidated), float(usd[number]), int(counts[number]))

    def take_greatest(self) -> dict[Owner, float]:
        """The greatest magnitude of each side that had any since the last call; then they begin with what is left."""
        greatest, self._greatest = self._greatest, np.empty(0)
        self.measure()
        owners = {
            number: (instrument, side)
            for side, numbers in self._numbers.items()
            for instrument, number in numbers.items()
        }
        return {owners[number]: float(greatest[number]) for number in np.flatnonzero(greatest).tolist()}

    def evidence(self, flow: Flow, rule: Rule, baseline: Baseline, mark_price: float | None) -> FlowEvidence:
        instrument, liquidated = flow.owner
        places = np.flatnonzero(self._log[SIDE] == self._numbers[liquidated][instrument]).tolist()
        first, last = self._liquidations[places[0]], self._liquidations[places[-1]]
        times = [_happened_at(self._liquidations[place]) for place in places]
        return FlowEvidence(
            instrument=instrument,
            liquidated=liquidated,
            window_s=WINDOW_S,
            notional_usd=flow.notional_usd,
            count=flow.count,
            strength=flow.strength(baseline),
            min_strength=rule.min_strength,
            calibrated=baseline.calibrated,
            price_from=(self._marks[places[0]] or first).price,
            price_to=mark_price or last.price,
            first_at=times[0],
            last_at=times[-1],
            largest_usd=float(self._log[USD, places].max()),
            # A minute that does not begin on a second touches 61.
            saturated_s=min(saturated(times), int(WINDOW_S)),
            at_least_usd=at_least_usd(flow.notional_usd, flow.count, len(set(map(math.floor, times)))),
        )

    def _totals(self) -> tuple[Floats, Floats]:
        """Of each side: US dollars, and how many."""
        sides, count = self._log[SIDE].astype(np.int64), sum(map(len, self._numbers.values()))
        usd = np.bincount(sides, self._log[USD], count).astype(np.float64, copy=False)
        return usd, np.bincount(sides, minlength=count).astype(np.float64)

    def _sort(self, since: UnixTime) -> None:
        """Puts those in order that happened after `since`: all others are."""
        first = int((self._log[TIME] > since).argmax())
        order = first + self._log[TIME, first:].argsort(kind="stable")
        self._log[:, first:] = self._log[:, order]
        self._liquidations[first:] = [self._liquidations[place] for place in order.tolist()]
        self._marks[first:] = [self._marks[place] for place in order.tolist()]


def _happened_at(liquidation: Liquidation) -> UnixTime:
    """By the exchange's clock; not after it came."""
    return min(liquidation.event_time, liquidation.received_time)


def at_least_usd(notional_usd: float, count: int, occupied_s: int) -> float:
    """What was liquidated in a minute, of whose seconds `occupied_s` have a report, where one a second is shown.

    Seconds with a report are taken for chance, as if liquidations came independently: -ln(1 - share) were to be
    expected in each. They come in bunches, also within a second, so this too is a lower bound: of a cascade it finds
    between a sixth and all, at most 4.8 times what is shown in a minute. Never less than what is shown.
    """
    occupied = min(float(occupied_s), WINDOW_S - 0.5)
    expected = -WINDOW_S * math.log(1.0 - occupied / WINDOW_S)
    return max(notional_usd, notional_usd / count * expected)


def saturated(times: Iterable[UnixTime]) -> int:
    """How many seconds lie in a run of at least five seconds in a row that all have one of `times`."""
    seconds = sorted({math.floor(at) for at in times})
    total = run = 0
    for previous, second in zip([None, *seconds], seconds, strict=False):
        run = run + 1 if previous == second - 1 else 1
        total += RUN_S if run == RUN_S else run > RUN_S
    return total
