"""Looks after the people: what they must be told of liqalert itself, the daily summary, and starts that fail."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import chain

from liqalert.app.facts import Facts
from liqalert.app.notices.feeds import TAKEN_UP
from liqalert.app.notices.machine import crash_loop
from liqalert.app.notices.standing import Notice
from liqalert.app.start import watched_instruments
from liqalert.app.summary import DailySummary, summary_text
from liqalert.app.watchman import Sight, Watchman
from liqalert.app.world import World
from liqalert.core.exchanges import BINANCE
from liqalert.core.gaps import Watch, watch_of
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.ports import StorageError
from liqalert.storage.disk import free_bytes

log = logging.getLogger(__name__)

DISK_EVERY_S = 30.0
LISTINGS_EVERY_S = 60.0
DAY_S = 86_400.0
TAKEN_UP_S = 7 * DAY_S
"""Whom an earlier run told that a feed is lost hears of its return, unless that is longer ago."""


class Owner:
    """`look` is called every second."""

    def __init__(self, facts: Facts, world: World) -> None:
        self._facts = facts
        self._world = world
        self._watchman = Watchman()
        owner = facts.settings.owner
        self._summary = DailySummary(owner.summary_at, facts.settings.telegram.timezone)
        self._free_bytes: int | None = None
        self._disk_at: UnixTime = 0.0
        self._listing_problems: tuple[str, ...] = ()
        self._listings_at: UnixTime = 0.0

    async def began(self) -> None:
        """The daemon has started: what was promised by an earlier run, and is it one start of many that fail?"""
        now = self._facts.clock.now()
        await self._take_up(now)
        try:
            unclean = await self._facts.stores.starts.begin(now)
        except StorageError as exc:
            log.warning("start not noted", extra={"reason": str(exc)})
            return
        for notice in crash_loop(unclean, now):
            self.tell(notice)

    async def _take_up(self, now: UnixTime) -> None:
        stores = self._facts.stores
        try:
            told = await stores.alerts.notices(TAKEN_UP, since=now - TAKEN_UP_S)
            _, watched_until = (await stores.history.heartbeats()).get(BINANCE, (None, None))
        except StorageError as exc:
            log.warning("what was told before the start is not known", extra={"reason": str(exc)})
            return
        self._watchman.take_up(BINANCE, told, watched_until)

    async def ended(self) -> None:
        try:
            await self._facts.stores.starts.end(self._facts.clock.now())
        except StorageError as exc:
            log.warning("end not noted", extra={"reason": str(exc)})

    async def look(self) -> None:
        facts, now = self._facts, self._facts.clock.now()
        board = facts.watching.board
        board.warnings = tuple(filter(None, (facts.delivering.recorder.problem,)))
        facts.clock_off_s = self._world.clock_contradicted_s
        sight = Sight(
            feeds=tuple(self._judged(feed) for feed in board.feeds.values()),
            snapshot=board.snapshot,
            watched=watched_instruments(facts.settings),
            clock_off_s=facts.clock_off_s,
            database_problems=facts.database_problems(),
            free_bytes=self._free(now),
            channel_problems=facts.channel_problems(),
            listing_problems=self._listings(now),
            mark_ages=facts.mark_ages(),
        )
        for alert in self._watchman.look(sight, now):
            log.warning("told about liqalert itself", extra={"reason": alert.reason, "sentence": alert.text})
            facts.delivering.recorder.put_notice(alert)
        if self._summary.due(now):
            self.tell(Notice("daily_summary", await self._day(now)))

    def tell(self, notice: Notice) -> None:
        now = self._facts.clock.now()
        log.info("owner told", extra={"reason": notice.reason, "sentence": notice.sentence})
        self._facts.delivering.recorder.put_notice(notice.alert(now))

    def _judged(self, feed: FeedStatus) -> FeedStatus:
        """Where time runs faster, what takes the machine a moment looks like a clock that is off by seconds."""
        return feed if self._world.speed == 1.0 else replace(feed, latency_s=None)

    def _free(self, now: UnixTime) -> int | None:
        if abs(now - self._disk_at) >= DISK_EVERY_S:
            self._disk_at = now
            try:
                self._free_bytes = free_bytes(self._facts.stores.database.path)
            except StorageError as exc:
                # The database will say so too.
                log.warning("free space not known", extra={"reason": str(exc)})
                self._free_bytes = None
        return self._free_bytes

    def _listings(self, now: UnixTime) -> tuple[str, ...]:
        watching = self._facts.watching
        marked = watching.board.snapshot.marks
        # Before the first marks nobody can say of which contracts none come.
        if marked and abs(now - self._listings_at) >= LISTINGS_EVERY_S:
            self._listings_at = now
            ruled = {*watched_instruments(self._facts.settings), *watching.engine.ruled()}
            endings = [
                watching.metadata.ending(each.symbol, marked=each in marked)
                for each in sorted(ruled)
                if each.exchange == BINANCE
            ]
            self._listing_problems = tuple(text for text in endings if text)
        return self._listing_problems

    async def _day(self, now: UnixTime) -> str:
        facts = self._facts
        try:
            alerts: int | None = await facts.stores.alerts.count_since(now - DAY_S)
        except StorageError:
            alerts = None
        return summary_text(
            [(feed, await self._watched(feed, now)) for feed in facts.watching.board.feeds.values()],
            now,
            started_at=facts.started_at,
            alerts=alerts,
            waiting=facts.depth,
            problems=(*facts.database_problems(), *chain.from_iterable((facts.channel_problems() or {}).values())),
        )

    async def _watched(self, feed: FeedStatus, now: UnixTime) -> Watch | None:
        """When, in the last day. A status alone has the newest gaps only, and no first moment."""
        sums, since = self._facts.stores.sums, self._facts.watching.board.snapshot.watching_since
        try:
            recorded_since = await sums.recorded_since(feed.exchange)
            gaps = await sums.gaps_since(feed.exchange, now - DAY_S)
        except StorageError:
            return None
        return watch_of(min((at for at in (recorded_since, since) if at is not None), default=None), gaps, feed)
