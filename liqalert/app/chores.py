"""What the daemon does again and again, and how often: the table of all scheduled jobs."""

from __future__ import annotations

import asyncio
import logging

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from liqalert.app.facts import Facts
from liqalert.app.memory import give_back, settle
from liqalert.app.owner import Owner
from liqalert.app.schedule import Job
from liqalert.app.sdnotify import notify
from liqalert.app.start import watched_instruments
from liqalert.app.world import World
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Stream
from liqalert.feeds.mute_watch import MuteWatch
from liqalert.ports import StorageError
from liqalert.storage.housekeeping import prune
from liqalert.web.metrics import Metrics

log = logging.getLogger(__name__)


class Chores:
    """The jobs. None raises for what can be expected; what else happens is counted by `count_failures`."""

    def __init__(self, facts: Facts, metrics: Metrics, world: World) -> None:
        self._facts = facts
        self._metrics = metrics
        self._world = world
        facts.watching.pipeline.tick_took = metrics.tick_took
        facts.watching.runner.intake.latency_seen = metrics.received
        self.owner = Owner(facts, world)
        self._mute_watch = MuteWatch(
            BINANCE,
            facts.watching.board,
            clock=facts.clock,
            past=facts.stores.slots,
            ledger=facts.stores.sums,
            received=facts.watching.pipeline.verdicts.total,
            alarm=facts.watching.runner.mute,
        )
        self._was_alive = False

    def jobs(self, watchdog_s: float | None) -> tuple[Job, ...]:
        """Everything that is scheduled. `watchdog_s`: how often systemd wants to hear; None without a watchdog."""
        rebuild_s = self._world.every(self._facts.watching.engine.terms.rebuild_s)
        table: tuple[Job, ...] = (
            Job("tick", self.tick, every_s=rebuild_s),
            Job("owner", self.look_after_owner, every_s=1.0),
            Job("mute stream", self._mute_watch.look, every_s=self._world.every(5.0)),
            Job("open interest", self.fetch_wanted, every_s=5.0),
            Job("candles", self.keep_candles, every_s=5.0),
            Job("heatmaps", self.forget_heatmaps, every_s=60.0),
            Job("outbox figures", self._facts.refresh, every_s=10.0),
            Job("database lock", self._facts.hold.renew, every_s=5.0),
            Job("recipients", self._facts.delivering.remembered.refresh, every_s=60.0),
            Job("samples", self.save_samples, every_s=900.0),
            Job("write-ahead log", self.keep_log_short, every_s=60.0),
            # Once a day would be never on a machine that is off at that time.
            Job("pruning", self.prune, every_s=3600.0),
            Job("memory", self.give_back_memory, every_s=self._world.every(3600.0)),
            Job("open interest of the day", self.renew_open_interest, daily_at=(0, 0)),
            Job("checkpoint", self.checkpoint, daily_at=(0, 40)),
        )
        if self._facts.pings is not None:
            table = (*table, Job("dead man's switch", self.ping, every_s=60.0))
        return table if watchdog_s is None else (*table, Job("watchdog", self.feed_watchdog, every_s=watchdog_s))

    def count_failures(self, scheduler: AsyncIOScheduler) -> None:
        """Jobs that raised are logged by the scheduler; here they are counted for /healthz."""

        def failed(event: JobExecutionEvent) -> None:
            self._facts.failed_jobs[event.job_id] += 1

        scheduler.add_listener(failed, EVENT_JOB_ERROR)

    async def tick(self) -> None:
        now = self._facts.clock.now()
        self._facts.watching.pipeline.advance(now)
        self._facts.scheduled_at = now

    async def feed_watchdog(self) -> None:
        """Fed while ticks run on time and the feed's supervisor moves: an outage outside never causes a restart."""
        enabled = self._facts.settings.binance.enabled
        moving = not enabled or self._facts.clock.now() <= self._facts.watching.runner.progress_due_at + 1.0
        if moving and self._facts.health().on_time:
            notify("WATCHDOG=1", self._world.environ)

    async def look_after_owner(self) -> None:
        await self.owner.look()

    async def ping(self) -> None:
        """Says outward that all is well, and nothing while it is not: whoever listens there then raises the alarm."""
        facts = self._facts
        if facts.pings is not None and not facts.readiness().blocking and facts.is_anybody_told():
            await facts.pings.ping()

    async def fetch_wanted(self) -> None:
        if not self._facts.settings.binance.enabled:
            return
        wanted = self._facts.watching.engine.wanted_open_interest()
        for value in await self._facts.open_interest.fetch_wanted(wanted):
            self._facts.watching.pipeline.learn(value, self._facts.clock.now())

    async def keep_candles(self) -> None:
        """Writes minutes that have ended; after a gap, asks for those that were missed."""
        feeds = self._facts.watching.board.feeds.values()
        alive = any(status.alive for status in feeds)
        if alive and not self._was_alive:
            self._facts.candles.fill_all(gap for status in feeds for gap in status.gaps if gap.stream is Stream.ALL)
        self._was_alive = alive
        await self._facts.candles.keep()
        if self._facts.settings.binance.enabled:
            await self._facts.candles.fill()

    async def forget_heatmaps(self) -> None:
        self._facts.heatmaps.forget()

    async def renew_open_interest(self) -> None:
        known = self._facts.watching.engine.baselines.with_open_interest()
        self._facts.open_interest.renew(known.union(watched_instruments(self._facts.settings)))

    async def save_samples(self) -> None:
        samples = self._facts.watching.engine.take_samples()
        try:
            await self._facts.stores.baselines.save(samples, self._facts.clock.now())
        except StorageError as exc:
            self._facts.watching.engine.samples_unsaved(samples)
            log.warning("samples not saved", extra={"reason": str(exc)})

    async def prune(self) -> None:
        days = self._facts.settings.retention.by_table()
        try:
            pruned = await prune(self._facts.stores.database, now=self._facts.clock.now(), retention_days=days)
        except StorageError as exc:
            log.warning("old rows not pruned", extra={"reason": str(exc)})
        else:
            if any(pruned.values()):
                log.info("old rows pruned", extra={"rows": pruned})

    async def give_back_memory(self) -> None:
        settle()
        await asyncio.to_thread(give_back)

    async def keep_log_short(self) -> None:
        await self._checkpoint(truncate=False)

    async def checkpoint(self) -> None:
        await self._checkpoint(truncate=True)

    async def _checkpoint(self, *, truncate: bool) -> None:
        try:
            await self._facts.stores.database.checkpoint(truncate=truncate)
        except StorageError as exc:
            log.warning("no checkpoint", extra={"reason": str(exc)})
