"""Stretches of time in which nobody watched."""

from __future__ import annotations

from collections.abc import Iterable

from liqalert.core.market import UnixTime


def merged(stretches: Iterable[tuple[UnixTime, UnixTime]]) -> tuple[tuple[UnixTime, UnixTime], ...]:
    """The same stretches, ascending, without overlaps: what is unwatched twice is unwatched once."""
    found: list[tuple[UnixTime, UnixTime]] = []
    for since, until in sorted(stretches):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return tuple(found)
