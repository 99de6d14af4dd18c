"""What can go wrong between the exchange and its clients, by request."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from liqalert.core.market import UnixTime
from liqalert.sim.frames import ALL_LIQUIDATIONS, ALL_MARKS, Frame

DELAYED_S = 3.0


class Fault(StrEnum):
    """Each lasts for a time, except drop, which happens once."""

    DROP = "drop"
    """Every connection is cut, without a goodbye."""
    STALL = "stall"
    """Connections stay open and nothing at all leaves: no frame, no acknowledgement, no pong."""
    SILENCE = "silence"
    """Acknowledged and alive, but no data comes, as on an address without a route."""
    GARBAGE = "garbage"
    """Between the frames, once a second, something that is none."""
    DELAY = "delay"
    """Frames leave 3 s late."""
    DUPLICATE = "duplicate"
    """Every frame is sent twice."""
    REORDER = "reorder"
    """Each second's frames leave after those of the second that follows it."""
    REFUSE = "451"
    """New connections and REST requests are answered with HTTP 451."""


GARBAGE = (
    b'{"e":"forceOrder","E":1790000000000,"o":{"s":"BTCUSDT","S":"SE',
    b"\xff\xfe\x00 not text \x80",
    b'{"e":"somethingNew","E":1790000000000,"x":[1,2,3]}',
    b'{"e":"forceOrder","E":1790000000000,"o":{"s":"BTCUSDT","S":"SELL","q":"-1","ap":"NaN","z":1e400,"T":1}}',
    b"null",
    b"",
)


class Faults:
    """Which faults are on, and what they make of the frames. Times are simulated ones."""

    def __init__(self) -> None:
        self._until: dict[Fault, UnixTime] = {}
        self._held: list[tuple[UnixTime, tuple[Frame, ...]]] = []
        self._later: tuple[Frame, ...] = ()
        self._garbage_sent = 0

    def begin(self, fault: Fault, *, now: UnixTime, for_s: float) -> None:
        """`fault` is on from `now` for `for_s` seconds; 0 ends it."""
        self._until[fault] = now + for_s

    def on(self, fault: Fault, now: UnixTime) -> bool:
        return now < self._until.get(fault, now)

    def pass_on(self, frames: Sequence[Frame], now: UnixTime) -> tuple[Frame, ...]:
        """What is sent at `now` in place of `frames`, earlier ones that were held back included."""
        if self._quiet(now):
            return ()
        due, passed = self.due(now), self._reordered(tuple(frames), now)
        if self.on(Fault.DUPLICATE, now):
            passed = tuple(frame for frame in passed for _ in range(2))
        if self.on(Fault.DELAY, now):
            self._held.append((now + DELAYED_S, passed))
            return due
        if self.on(Fault.GARBAGE, now) and passed:
            passed = (self._next_garbage(), *passed)
        return (*due, *passed)

    def due(self, now: UnixTime) -> tuple[Frame, ...]:
        """Frames that were held back until now; while nothing leaves they wait on."""
        if self._quiet(now):
            return ()
        due = tuple(frame for until, frames in self._held if until <= now for frame in frames)
        self._held = [(until, frames) for until, frames in self._held if until > now]
        return due

    def _quiet(self, now: UnixTime) -> bool:
        return self.on(Fault.STALL, now) or self.on(Fault.SILENCE, now)

    def _reordered(self, frames: tuple[Frame, ...], now: UnixTime) -> tuple[Frame, ...]:
        earlier, self._later = self._later, ()
        if self.on(Fault.REORDER, now) and not earlier:
            self._later = frames
            return ()
        return (*frames, *earlier)

    def _next_garbage(self) -> Frame:
        content = GARBAGE[self._garbage_sent % len(GARBAGE)]
        self._garbage_sent += 1
        return Frame((ALL_LIQUIDATIONS, ALL_MARKS), content, verbatim=True)
