"""Contracts of which no marks come although the feed is alive: rules that rest on their marks can tell nothing.

Binance sends the marks of stocks and metals in a message of their own, and none any more of a contract that was
renamed or delisted: the others go on, and prove the feed alive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument, UnixTime
from liqalert.render.numbers import age, first_few

STOPPED_S = 15.0
"""Marks of every contract come each second: so many that fail to come are no delay."""
NEVER_S = 60.0
"""Where none has come since the start, nobody knows yet how often they do."""


@dataclass(frozen=True, slots=True)
class MarkAge:
    """How one contract's marks keep up with those of the others of its exchange."""

    instrument: Instrument
    marked: bool
    """Whether there has been one since the start."""
    since: UnixTime
    """When the newest was received, or since when the feed is alive if that is later."""
    silent_s: float
    """How long from then on others have come; below 0 while nothing is known since the feed came alive."""

    @property
    def missing(self) -> bool:
        return self.silent_s > (STOPPED_S if self.marked else NEVER_S)


def mark_ages(
    feeds: Iterable[FeedStatus], snapshot: Snapshot, instruments: Collection[Instrument]
) -> tuple[MarkAge, ...]:
    """Of those of `instruments` whose feed is alive, by name.

    Compared with the newest mark of the same tick, and not with a clock: what is late because the machine was held up
    is late for all. Goes through all marks.
    """
    found: list[MarkAge] = []
    for feed in feeds:
        mine = [each for each in instruments if each.exchange == feed.exchange]
        if not feed.alive or not mine:
            continue
        newest_at = max(
            (mark.received_time for owner, mark in snapshot.marks.items() if owner.exchange == feed.exchange),
            default=-math.inf,
        )
        for instrument in sorted(mine):
            mark = snapshot.marks.get(instrument)
            since = feed.since if mark is None else max(feed.since, mark.received_time)
            found.append(MarkAge(instrument, mark is not None, since, newest_at - since))
    return tuple(found)


class AgesOfTick:
    """Mark ages, found anew when a tick, a feed or the rules have changed: to go through hundreds of instruments takes
    milliseconds, they are asked for every second, and an alert that comes just then waits."""

    def __init__(self) -> None:
        self._found_from: object = None
        self._ages: tuple[MarkAge, ...] = ()

    def of(
        self,
        feeds: Iterable[FeedStatus],
        snapshot: Snapshot,
        ruled: frozenset[Instrument],
        instruments: Callable[[], Collection[Instrument]],
    ) -> tuple[MarkAge, ...]:
        """As `mark_ages` of `instruments()`, which depend on `ruled` and on what the snapshot has marks of."""
        feeds = tuple(feeds)
        found_from = snapshot.as_of, ruled, [(feed.exchange, feed.alive, feed.since) for feed in feeds]
        if found_from != self._found_from:
            self._ages = mark_ages(feeds, snapshot, instruments())
            self._found_from = found_from
        return self._ages


def all_stopped(ages: Iterable[MarkAge]) -> bool:
    """Whether there were marks of some of them, and there are of none."""
    marked = [each for each in ages if each.marked]
    return bool(marked) and all(each.missing for each in marked)


def stopped_sentence(ages: Iterable[MarkAge]) -> str | None:
    """What is wrong where marks have stopped; None where they have not."""
    stopped = [each for each in ages if each.missing and each.marked]
    if not stopped:
        return None
    names = first_few([f"{each.instrument.symbol} (for {age(each.silent_s)})" for each in stopped])
    return f"No marks of {names} come, though those of other contracts do: alerts that rest on them cannot come."


def never_sentence(ages: Iterable[MarkAge]) -> str | None:
    """The same where there has been none since the start."""
    never = [each.instrument.symbol for each in ages if each.missing and not each.marked]
    if not never:
        return None
    return f"There are no marks of {first_few(never)} in the stream: alerts that rest on them cannot come."
