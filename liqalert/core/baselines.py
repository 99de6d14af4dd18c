"""The engine's memory of what is usual: five-minute samples by side and UTC day, and the baselines made from them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from liqalert.core.market import Instrument, OpenInterest, PositionSide, UnixTime
from liqalert.core.strength import FLOOR, HISTORY_DAYS, Baseline, DaySamples, baseline, bin_of

Owner: TypeAlias = tuple[Instrument, PositionSide]


@lru_cache(maxsize=4)
def utc_day(at: UnixTime) -> str:
    """The UTC day of a time, like 2026-11-23. Kept: a tick asks for it once a side, always with the same time."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class Baselines:
    """One baseline a side, from days strictly before today; renewed when the UTC day or the open interest changes.

    `measure` names what is sampled; strength 0.5 and 0.9 lie at the two `quantiles` of it.
    """

    def __init__(self, measure: str = "clusters", quantiles: tuple[float, float] = (0.95, 0.995)) -> None:
        self._measure = measure
        self._quantiles = quantiles
        self._samples: dict[Owner, dict[str, Counter[int]]] = {}
        self._made: dict[Owner, Baseline] = {}
        self._open_interest: dict[Instrument, OpenInterest] = {}
        self._unsaved: set[tuple[Owner, str]] = set()
        self._day = ""

    def load(self, samples: Iterable[DaySamples], open_interest: Iterable[OpenInterest]) -> None:
        """Takes up what an earlier run saved."""
        for row in samples:
            if row.measure == self._measure:
                self._days((row.instrument, row.liquidated))[row.day] = Counter(dict(row.bins))
        self._open_interest |= {value.instrument: value for value in open_interest}
        self._made.clear()

    def learn(self, value: OpenInterest) -> None:
        self._open_interest[value.instrument] = value
        for side in PositionSide:
            self._made.pop((value.instrument, side), None)

    def with_open_interest(self) -> frozenset[Instrument]:
        return frozenset(self._open_interest)

    def without_open_interest(self, instruments: Set[Instrument]) -> Set[Instrument]:
        """Those of them of which it is not known."""
        return set(instruments).difference(self._open_interest)

    def of(self, owner: Owner, now: UnixTime) -> Baseline:
        """The baseline in force on the UTC day of `now`."""
        self._turn_day(utc_day(now))
        made = self._made.get(owner)
        if made is None:
            made = self._made[owner] = self._make(owner)
        return made

    def of_each(self, owners: Iterable[Owner], now: UnixTime) -> list[Baseline]:
        self._turn_day(utc_day(now))
        made = self._made
        return [made.get(owner) or self.of(owner, now) for owner in owners]

    def made(self) -> Mapping[Owner, Baseline]:
        """Those in force that have been asked for. Changes nothing, whatever the day."""
        return dict(self._made)

    def sample(self, owners: Iterable[Owner], magnitudes: Mapping[Owner, float], now: UnixTime) -> None:
        """One sample for each of `owners`; a side that `magnitudes` lacks, or that is below it, counts as the floor."""
        day = utc_day(now)
        self._turn_day(day)
        for owner in owners:
            ln_magnitude = math.log(magnitudes[owner]) if owner in magnitudes else FLOOR
            self._days(owner).setdefault(day, Counter())[bin_of(max(ln_magnitude, FLOOR))] += 1
            self._unsaved.add((owner, day))

    def take_unsaved(self) -> tuple[DaySamples, ...]:
        """The histograms that changed since the last call, whole, to be saved."""
        taken = tuple(
            self._row(owner, day, self._days(owner)[day])
            for owner, day in sorted(self._unsaved)
            if day in self._days(owner)
        )
        self._unsaved.clear()
        return taken

    def unsaved(self, samples: Iterable[DaySamples]) -> None:
        """What `take_unsaved` gave could not be saved: it is given again."""
        mine = (row for row in samples if row.measure == self._measure)
        self._unsaved |= {((row.instrument, row.liquidated), row.day) for row in mine}

    def history(self, since_day: str = "") -> tuple[tuple[DaySamples, ...], tuple[OpenInterest, ...]]:
        """Everything it was made from, the samples from `since_day` on, for a recording's files to begin with."""
        samples = tuple(
            self._row(owner, day, bins)
            for owner, days in self._samples.items()
            for day, bins in days.items()
            if day >= since_day
        )
        return samples, tuple(self._open_interest.values())

    def _row(self, owner: Owner, day: str, bins: Counter[int]) -> DaySamples:
        return DaySamples(*owner, day, tuple(sorted(bins.items())), self._measure)

    def _days(self, owner: Owner) -> dict[str, Counter[int]]:
        return self._samples.setdefault(owner, {})

    def _turn_day(self, day: str) -> None:
        if day <= self._day:
            return
        self._day = day
        self._made.clear()
        oldest = (date.fromisoformat(day) - timedelta(days=HISTORY_DAYS)).isoformat()
        for days in self._samples.values():
            for old in [kept for kept in days if kept < oldest]:
                del days[old]

    def _make(self, owner: Owner) -> Baseline:
        earlier = [bins for day, bins in self._samples.get(owner, {}).items() if day < self._day]
        known = self._open_interest.get(owner[0])
        return baseline(earlier, known.usd if known else None, self._day, quantiles=self._quantiles)
