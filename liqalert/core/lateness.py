"""Which of two marks of one instrument is to count: the one that comes later, or the one that is stamped later."""

from __future__ import annotations

from liqalert.core.market import Mark

LATE_S = 5.0
"""A mark that is older than the last known one is taken for late no longer than this after that one was received."""


def comes_late(mark: Mark, known: Mark) -> bool:
    """Whether `known`, of the same instrument, is the newer of the two although `mark` has come after it: one of
    several connections lags.

    Then the newer one was received a moment ago, because another connection brings one every second. One that was
    received longer ago keeps nothing out, whatever its time: an exchange's time may be ahead by mistake, once, and what
    it sends afterwards is what is so. Only who has found `mark` to be the older one has to ask.
    """
    return mark.event_time < known.event_time and 0.0 <= mark.received_time - known.received_time <= LATE_S
