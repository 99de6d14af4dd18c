"""What was left out because more came than could be taken in. Marks never are: on them rests what is alerted."""

from __future__ import annotations

from liqalert.core.market import Gap, Stream, UnixTime

LEFT_OUT = "left_out"
"""The kind under which they are counted among what was rejected."""


class Spared:
    """The frames of one stretch."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self._began: UnixTime = 0.0
        self.frames = 0

    def count(self, now: UnixTime) -> bool:
        """Counts one frame; True for the first of a stretch."""
        self.frames += 1
        if self.frames == 1:
            self._began = now
        return self.frames == 1

    def end(self, now: UnixTime) -> Gap:
        """The stretch as a gap; the next frame begins another."""
        cause = f"more liquidations came than could be taken in: {self.frames:,} were left out"
        self.frames = 0
        return Gap(self._exchange, self._began, max(now, self._began), cause, Stream.LIQUIDATIONS)
