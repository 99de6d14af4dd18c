"""The machine that liqalert runs on: database, disk, channels, starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from liqalert.app.notices.standing import Notice, Standing
from liqalert.core.market import FeedStatus, UnixTime

DISK_LOW_BYTES = 300_000_000
DISK_FINE_BYTES = 500_000_000
"""Once told, the disk counts as fine again only above this."""
CLOCK_PATIENCE_S = 15.0
"""A clock that is put right within this was not so when the machine woke up, or only started."""
CRASHES_WITHIN_S = 600.0
CRASHES = 3
"""So many starts within ten minutes that did not end in order are a loop."""


class MachineNotices:
    def __init__(self) -> None:
        self._database = Standing(
            "database_unwritable", after_s=5.0, over="The database takes writes again, after {lasted}."
        )
        self._disk = Standing("disk_low", after_s=0.0, over="The database's disk has room again, after {lasted}.")
        self._low = False
        self._refused: dict[str, Standing] = {}
        self._channels: dict[str, Standing] = {}

    def database(self, problems: Sequence[str], now: UnixTime) -> Iterator[Notice]:
        sentence = None
        if problems:
            sentence = (
                f"The database refuses to write: {'; '.join(problems)}. Alerts go on from memory and say so; see "
                "to its server, or to its disk and the room on it."
            )
        return self._database.look(sentence, now)

    def disk(self, free_bytes: int | None, now: UnixTime) -> Iterator[Notice]:
        """None: it is not known."""
        sentence = None
        if free_bytes is not None:
            self._low = free_bytes < (DISK_FINE_BYTES if self._low else DISK_LOW_BYTES)
        if self._low and free_bytes is not None:
            sentence = (
                f"Only {free_bytes / 1e6:.0f} MB are free where the database lies. Make room, or shorten retention.*: "
                "once it is full, nothing is kept any more."
            )
        return self._disk.look(sentence, now)

    def clock(self, feed: FeedStatus, now: UnixTime) -> Iterator[Notice]:
        """So far behind that liquidations are refused. Nothing is known of it while the feed is not alive."""
        over = "Liquidations are taken in again, after {lasted} in which they were left out."
        refused = self._refused.setdefault(
            feed.exchange, Standing("liquidations_refused", after_s=CLOCK_PATIENCE_S, over=over)
        )
        if feed.alive:
            yield from refused.look(feed.refused, now)

    def channels(self, problems: Mapping[str, Sequence[str]], now: UnixTime) -> Iterator[Notice]:
        """By channel: one that fails for weeks must not keep it quiet that another one does now."""
        for name in dict.fromkeys((*self._channels, *problems)):
            over = f"{name.capitalize()} works again, after {{lasted}}."
            standing = self._channels.setdefault(name, Standing("channel_failing", after_s=60.0, over=over))
            found = problems.get(name)
            yield from standing.look(f"Alerts may not arrive: {'; '.join(found)}" if found else None, now)


def crash_loop(unclean_starts: Sequence[UnixTime], now: UnixTime) -> Iterator[Notice]:
    """`unclean_starts`: earlier starts that did not end in order, oldest first. One loop is one occurrence."""
    lately = [at for at in unclean_starts if 0.0 <= now - at <= CRASHES_WITHIN_S]
    first = now
    for at in reversed(unclean_starts):
        if first - at > CRASHES_WITHIN_S:
            break
        first = at
    if len(lately) >= CRASHES:
        yield Notice(
            "crash_loop",
            f"liqalert was started {len(lately) + 1} times in the last {CRASHES_WITHIN_S / 60.0:.0f} minutes and "
            f"{len(lately)} times did not end in order. Look into its log (journalctl -u liqalert).",
            once=f"crash loop since {first}",
        )
