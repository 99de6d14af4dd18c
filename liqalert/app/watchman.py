"""What must be told about liqalert itself: each once per occurrence, in a sentence with the remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from liqalert.app.mark_ages import MarkAge
from liqalert.app.notices.exchange import ExchangeNotices
from liqalert.app.notices.feeds import FeedNotices
from liqalert.app.notices.machine import MachineNotices
from liqalert.app.notices.marks import MarkNotices
from liqalert.app.notices.standing import Notice
from liqalert.core.alerts import Alert
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument, UnixTime

NOTHING = Snapshot(0.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that the watchman looks at."""

    feeds: Iterable[FeedStatus] = ()
    snapshot: Snapshot = NOTHING
    watched: Collection[Instrument] = ()
    """Those of `binance.symbols`: of them it is told how far price went meanwhile."""
    clock_off_s: float = 0.0
    """How far the machine's clock is ahead of the time that liqalert goes by."""
    database_problems: Sequence[str] = ()
    free_bytes: int | None = None
    """Where the database lies; None: not known."""
    channel_problems: Mapping[str, Sequence[str]] | None = field(default_factory=dict)
    """Why alerts may not arrive, by channel; None: not known, which is no return of one that failed."""
    listing_problems: Sequence[str] = ()
    """One sentence for each instrument, watched or named by a rule, of which no more is to come."""
    mark_ages: Sequence[MarkAge] = ()
    """Of the instruments whose rules rest on marks, while their feed is alive."""


class Watchman:
    """Compares what is with what has been told. Pure but for its memory; `look` is called every second or so."""

    def __init__(self) -> None:
        self._feeds = FeedNotices()
        self._marks = MarkNotices()
        self._machine = MachineNotices()
        self._exchange = ExchangeNotices()

    def take_up(self, exchange: str, told: Sequence[Alert], watched_until: UnixTime | None) -> None:
        """Goes on from what an earlier run has told, oldest first. `watched_until`: when `exchange` was last alive."""
        self._feeds.take_up(exchange, told, watched_until)

    def look(self, sight: Sight, now: UnixTime) -> tuple[Alert, ...]:
        """The notices that are due."""
        return tuple(notice.alert(now) for notice in self._due(sight, now))

    def _due(self, sight: Sight, now: UnixTime) -> Iterator[Notice]:
        for feed in sight.feeds:
            yield from self._feeds.look(
                feed, now, snapshot=sight.snapshot, watched=sight.watched, clock_off_s=sight.clock_off_s
            )
            yield from self._machine.clock(feed, now)
            yield from self._exchange.wire(feed)
        yield from self._marks.look(sight.mark_ages, now)
        yield from self._exchange.listing(sight.listing_problems)
        yield from self._machine.database(sight.database_problems, now)
        yield from self._machine.disk(sight.free_bytes, now)
        if sight.channel_problems is not None:
            yield from self._machine.channels(sight.channel_problems, now)
