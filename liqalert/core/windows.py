"""The windows of all sides, and what has come since they were brought up to date: where a liquidation goes first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from struct import Struct

import numpy as np

from liqalert.core.baselines import Owner
from liqalert.core.columns import MASS, NOTIONAL, PRICE, QUANTITY, TIME, Floats, stretches
from liqalert.core.identity import Identity
from liqalert.core.manywindows import put_together
from liqalert.core.market import Instrument, Liquidation, PositionSide, UnixTime
from liqalert.core.terms import Terms
from liqalert.core.window import Key, Window, masses

LANDMARK_DECAYS = 6.0
"""The landmark moves every six decay constants, so exponents stay below 18 with the 12 that are kept."""
_FRESH = Struct("6d")
"""A liquidation that no window has yet: its side's number, then as in a window, but for the mass: when it was
received. Less than half of what it takes as objects, and the collector does not look through it."""
_pack = _FRESH.pack
MOST_AT_ONCE = 50_000
"""Liquidations that are gone through together: so many fit a processor's cache. A single side may have more."""
MOST_FRESH = (1 << 16) * _FRESH.size
"""So many bytes of liquidations are kept apart at most."""
GREAT = 1024
"""Of a side with so many liquidations only that is cut anew where something changes."""
MANY = 8
"""So many small windows take what has come for less at once than one by one."""
_NUMBER = 0
_VALUES = slice(1, None)
_RECEIVED = MASS


@dataclass(slots=True, eq=False)
class Side:
    """One instrument and position side."""

    owner: Owner
    number: int
    """They are counted in the order in which they first had a liquidation, and rebuilt in this order."""
    window: Window = field(default_factory=Window)
    ages_from: UnixTime = math.inf
    """The oldest event time by which it stands in `Windows._aging`."""
    identities: tuple[Identity, ...] = ()
    """Of its clusters, as of the last rebuild."""


class Windows:
    """What comes is kept in the order in which it comes, that of all sides together, until it is asked for: so it is
    written beside what came just before, where hundreds of windows lie far apart. Whether a side holds one already is
    not looked up where it happened later than all that the side holds: nearly always.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._sides: list[Side] = []
        """By number; a side stays when it holds nothing any more."""
        self._numbers: dict[PositionSide, dict[Instrument, int]] = {side: {} for side in PositionSide}
        self._newest: list[float] = []
        """Of each side, an upper bound of the event times held."""
        self._fresh = bytearray()
        """What no window has yet, packed."""
        self._fresh_keys: dict[int, set[Key]] = {}
        """Of `_fresh`, by side, as far as they have been asked for."""
        self._changed: set[int] = set()
        """The sides to be rebuilt next, so that a tick need not look at the others."""
        self._aging: list[tuple[UnixTime, int]] = []
        """A heap of when the oldest liquidation of each side happened, and of some that have been forgotten since."""
        self._landmark: UnixTime = -math.inf
        self._now: UnixTime = -math.inf
        """When the windows were last brought up to date."""
        self._ahead_until: UnixTime = -math.inf
        """As long as it is earlier than this, after the clock was set back, some may lie ahead of it."""

    def add(self, liquidation: Liquidation, now: UnixTime) -> bool:
        """Keeps a liquidation; False for a duplicate. One from the future weighs as if it had happened when it came."""
        instrument, liquidated = liquidation.instrument, liquidation.liquidated
        number = self._numbers[liquidated].get(instrument)
        if number is None:
            number = self._begin((instrument, liquidated))
        price, event_time, quantity = liquidation.price, liquidation.event_time, liquidation.quantity
        if event_time > self._newest[number]:
            self._newest[number] = event_time
        elif self._holds(number, (price, event_time, quantity)):
            return False
        self._fresh += _pack(number, price, event_time, quantity, liquidation.notional_usd, liquidation.received_time)
        if self._fresh_keys and number in self._fresh_keys:
            self._fresh_keys[number].add((price, event_time, quantity))
        if len(self._fresh) > MOST_FRESH:
            self._bring_up_to_date(now)
        return True

    def touch(self, owner: Owner) -> None:
        """Has this one rebuilt next: what its clusters are compared with has changed."""
        side = self._side(owner)
        if side is not None and len(side.window):
            side.window.changed = True
            self._changed.add(side.number)

    def take_changed(self, now: UnixTime) -> list[Side]:
        """Prunes, and gives the sides that have changed since the last call, brought up to date."""
        self._bring_up_to_date(now)
        self._prune(now - self._terms.history_s)
        numbers, self._changed = sorted(self._changed), set()
        # What was touched may have been rebuilt since.
        return [side for number in numbers if (side := self._sides[number]).window.changed]

    def get(self, owner: Owner, now: UnixTime) -> Side | None:
        """Brought up to date; None where it never had a liquidation."""
        self._bring_up_to_date(now)
        return self._side(owner)

    def owners(self) -> Iterator[Owner]:
        """The sides that have had liquidations, in the order of their first."""
        return (side.owner for side in self._sides)

    def left_at(self, now: UnixTime) -> float:
        """What a mass has to be multiplied by to get the weight at `now`."""
        return self._decay(self._landmark, now)

    def _side(self, owner: Owner) -> Side | None:
        instrument, liquidated = owner
        number = self._numbers[liquidated].get(instrument)
        return None if number is None else self._sides[number]

    def _begin(self, owner: Owner) -> int:
        instrument, liquidated = owner
        number = self._numbers[liquidated][instrument] = len(self._sides)
        self._sides.append(Side(owner, number))
        self._newest.append(-math.inf)
        return number

    def _holds(self, number: int, key: Key) -> bool:
        keys = self._fresh_keys.get(number)
        if keys is None:
            fresh = self._fresh_rows()
            mine = fresh[fresh[:, _NUMBER] == number, _VALUES][:, : QUANTITY + 1].tolist()
            keys = self._fresh_keys[number] = {(price, at, quantity) for price, at, quantity in mine}
        return key in keys or self._sides[number].window.holds(key)

    def _fresh_rows(self) -> Floats:
        """A row each. Not to be kept: what `_fresh` is cannot grow as long as somebody looks at it."""
        return np.frombuffer(self._fresh).reshape(-1, _FRESH.size // 8)

    def _bring_up_to_date(self, now: UnixTime) -> None:
        """Puts what is kept apart into the windows."""
        self._weigh(now)
        if not self._fresh:
            return
        rows = self._fresh_rows()
        if len(rows) > 1:
            values = rows[:, _VALUES]
            rows = rows[np.lexsort((values[:, QUANTITY], values[:, TIME], values[:, PRICE], rows[:, _NUMBER]))]
        of_sides, columns = rows[:, _NUMBER], rows[:, _VALUES].T.copy()
        happened_at = np.minimum(np.minimum(columns[TIME], columns[_RECEIVED]), now)
        columns[MASS] = masses(columns[NOTIONAL], happened_at, self._landmark, self._terms.decay_s)
        begins = np.empty(len(rows) + 1, np.bool_)
        begins[0] = begins[-1] = True
        np.not_equal(of_sides[1:], of_sides[:-1], out=begins[1:-1])
        (bounds,) = begins.nonzero()
        starts, counts = bounds[:-1], bounds[1:] - bounds[:-1]
        numbers = of_sides[starts].astype(np.int64).tolist()
        left = set(range(len(numbers)))
        try:
            for together in self._together(numbers):
                sides = [self._sides[numbers[run]] for run in together]
                if len(together) == 1:
                    first, last = bounds[together[0] : together[0] + 2].tolist()
                    sides[0].window.put(columns[:, first:last])
                else:
                    of_these = columns[:, stretches(starts[together], counts[together])]
                    windows = [side.window for side in sides]
                    put_together(windows, of_these, counts[together], self._terms.window_width)
                left.difference_update(together)
                for side in sides:
                    self._changed.add(side.number)
                    if side.window.oldest < side.ages_from:
                        self._watch_age(side)
        finally:
            # Nearly always nothing is left; what is after an error, the next tick puts into the windows.
            self._fresh, self._fresh_keys = bytearray(), {}
            for run in sorted(left):
                self._fresh += rows[bounds[run] : bounds[run + 1]].tobytes()

    def _together(self, numbers: Sequence[int]) -> Iterator[Sequence[int]]:
        """Positions in `numbers`: of those that go into many small windows at once, and of each other alone."""
        small: list[int] = []
        held, width = 0, self._terms.window_width
        for position, number in enumerate(numbers):
            window = self._sides[number].window
            length = len(window)
            if 0 < length < GREAT and window.is_spanned(width):
                small.append(position)
                held += length
                if held > MOST_AT_ONCE:
                    yield small
                    small, held = [], 0
            else:
                yield (position,)
        if len(small) < MANY:
            yield from ((position,) for position in small)
        else:
            yield small

    def _prune(self, before: UnixTime) -> None:
        """Drops liquidations with an event time before `before`. Only sides that hold any are looked at."""
        while self._aging and self._aging[0][0] < before:
            oldest, number = heappop(self._aging)
            side = self._sides[number]
            if side.ages_from != oldest:
                continue
            side.window.prune(before)
            if side.window.changed:
                self._changed.add(number)
            self._watch_age(side)

    def _watch_age(self, side: Side) -> None:
        side.ages_from = side.window.oldest
        if math.isfinite(side.ages_from):
            heappush(self._aging, (side.ages_from, side.number))

    def _weigh(self, now: UnixTime) -> None:
        """Moves the landmark, so that masses stay in range: a function of time alone, and so the same in a replay.

        After the clock was set back, each is weighed anew until nothing lies ahead any more, and then once again: as if
        what lies ahead had happened now, and in the end as if the clock had always been right.
        """
        period = LANDMARK_DECAYS * self._terms.decay_s
        landmark, before = math.floor(now / period) * period, self._landmark
        if now < self._now:
            self._ahead_until = max(self._newest, default=-math.inf)
        anew = math.isfinite(self._ahead_until)
        if now >= self._ahead_until:
            self._ahead_until = -math.inf
        self._now, self._landmark = now, landmark
        if landmark == before and not anew:
            return
        for side in self._sides:
            side.window.prune(now - self._terms.history_s)
            if anew:
                side.window.reweigh(landmark, self._terms.decay_s, now)
            else:
                side.window.rescale(self._decay(before, landmark))
            if side.window.changed:
                self._changed.add(side.number)

    def _decay(self, since: UnixTime, now: UnixTime) -> float:
        return math.exp((since - now) / self._terms.decay_s)
