"""The daemon: start order, supervision, shutdown."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from liqalert.app.assembly import assemble
from liqalert.app.backtest.estimate import Estimator
from liqalert.app.chores import Chores
from liqalert.app.database_wait import until_there
from liqalert.app.facts import Facts
from liqalert.app.loop import event_loop_factory, stop_on_signals, unless_ending
from liqalert.app.memory import give_back, settle
from liqalert.app.notices.standing import Notice
from liqalert.app.pairing import Pairing
from liqalert.app.parts import build_stores
from liqalert.app.read_start import read_start
from liqalert.app.requests import Requests
from liqalert.app.schedule import Runs, build_scheduler, keep_timed
from liqalert.app.sdnotify import notify, watchdog_interval_s
from liqalert.app.start import standard_of, terms_of, watched_instruments, watched_symbols
from liqalert.app.teardown import Teardown
from liqalert.app.world import World
from liqalert.bot.desk import Desk
from liqalert.bot.telegram_bot import TelegramBot
from liqalert.clock import SystemClock
from liqalert.core.exchanges import BINANCE
from liqalert.core.start import Start
from liqalert.feeds.recording import Recording
from liqalert.ports import StorageError
from liqalert.settings import Settings
from liqalert.storage.database import Database
from liqalert.storage.lock import exclusively
from liqalert.storage.soundness import begin
from liqalert.web.access import Access
from liqalert.web.application import WebSources
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.metrics import Metrics
from liqalert.web.server import WebServer, WebUnavailable

log = logging.getLogger(__name__)

SENDING_STOPS_WITHIN_S = 10.0
READY_LOOK_S = 0.02
FIRST_TICKS = 3
LISTINGS_WITHIN_S = 3.0
"""Nobody watches meanwhile. They are a megabyte; without them all works but open interest of COIN-M."""
SECOND_CONNECTION_S = 10.0
SHUTDOWN_S = 20.0
"""Below the 30 s that the unit gives: connections to a server that answers nothing are closed after it."""


def run_daemon(settings: Settings) -> int:
    """Runs until SIGTERM or SIGINT: 0. A database that cannot be used, or is another's, ends it with a sentence: 1."""
    try:
        with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
            runner.run(serve(settings, World(), stop_on_signals))
    except StorageError as exc:
        print(f"liqalert: {exc}", file=sys.stderr)  # noqa: T201 - the user's terminal, before there is a daemon
        return 1
    return 0


async def serve(settings: Settings, world: World, stop: Callable[[], asyncio.Event]) -> None:
    """The whole daemon. Returns when the event that `stop` makes is set.

    Raises StorageError when it cannot begin, and when it has ended because another liqalert has taken the database.
    """
    stopping, now = stop(), world.clock.now
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(Database(settings.database.url))
        if not await until_there(database, stopping, world.environ):
            return
        hold = await resources.enter_async_context(exclusively(database, lost=stopping.set))
        damage = await begin(database, now())
        stores = build_stores(database, history_s=terms_of(settings).history_s)
        async with aiohttp.ClientSession() as session:
            start = await read_start(settings, stores, now())
            facts, requests = assemble(settings, world, start, stores=stores, session=session, hold=hold, damage=damage)
            # For as long as this runs.
            start = start.without_history()
            await Daemon(facts, requests, world).run(start, stopping)
        if hold.lost_to is not None:
            raise hold.lost_to


class Daemon:
    """Starts the parts in order, waits, and stops them in the reverse order."""

    def __init__(self, facts: Facts, requests: Requests, world: World) -> None:
        self._facts = facts
        self._requests = requests
        self._environ = world.environ
        self._settings = facts.settings
        self._metrics = Metrics(facts.metrics_sources())
        self._chores = Chores(facts, self._metrics, world)
        self._teardown = Teardown()

    async def run(self, start: Start, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            try:
                await self._start_telling(tasks)
                await self._start_answering()
                await self._start_watching(tasks, start, stopping)
                self._start_schedule(tasks)
                await self._say_ready(stopping)
                await self._settle_after_first_ticks(stopping)
                # No timeout: this is the wait for the end.
                await stopping.wait()
                log.info("stopping")
            finally:
                notify("STOPPING=1", self._environ)
                if self._facts.hold.lost_to is not None:
                    self._teardown.add("given way", self._give_way)
                await self._teardown.run(SHUTDOWN_S)
        log.info("stopped")

    async def _start_telling(self, tasks: asyncio.TaskGroup) -> None:
        """Journal, decisions and deliveries: what an earlier run left due goes out first."""
        stores, delivering = self._facts.stores, self._facts.delivering
        self._teardown.add("checkpoint", stores.database.checkpoint)
        self._teardown.add("end noted", self._chores.owner.ended)
        self._teardown.add("samples", self._chores.save_samples)
        self._teardown.add("journal", stores.journal.flush)
        self._background(tasks, "journal", stores.journal.run())
        if delivering.telegram is not None:
            self._facts.bot = TelegramBot(delivering.telegram, self._desk())
            # Registered before the sender, and so stopped after it: they share their connections.
            self._teardown.add("bot", self._facts.bot.stop)
        sending = tasks.create_task(delivering.sender.run(), name="sender")
        self._teardown.add_task(sending)
        self._teardown.add("sender", lambda: delivering.sender.stop(SENDING_STOPS_WITHIN_S))
        self._background(tasks, "decisions", delivering.recorder.run())
        self._teardown.add("decisions drained", delivering.recorder.drain)
        if self._facts.damage is not None:
            self._chores.owner.tell(Notice("database_damaged", self._facts.damage.sentence))
        await self._chores.owner.began()

    async def _start_answering(self) -> None:
        """Web and bot; the daemon lives without either."""
        facts = self._facts
        await facts.refresh()
        await facts.delivering.remembered.refresh()
        if self._settings.web.enabled:
            if self._settings.web.guessable:
                log.warning("web.token can be guessed", extra={"reason": self._settings.web.guessable})
            token = self._settings.web.token
            access = Access(self._settings.web.host, token.get_secret_value() if token else None)
            server = WebServer(self._web_sources(), access, port=self._settings.web.port)
            try:
                await server.start()
                log.info("web listening", extra={"host": access.host, "port": server.port})
            except WebUnavailable as exc:
                facts.web_problem = str(exc)
                log.error("web not listening", extra={"reason": str(exc)})
            self._teardown.add("web", server.stop)
        if facts.bot is None:
            log.info("no Telegram token")
            return
        if facts.nobody_on_telegram:
            log.warning("a Telegram token but no enrolled chat: run `liqalert pair`")
        await facts.bot.start()

    async def _start_watching(self, tasks: asyncio.TaskGroup, start: Start, stopping: asyncio.Event) -> None:
        """Open interest first: it calibrates the strength of the very first zones. And before it the listings: they
        say where it is to be asked for."""
        watching = self._facts.watching
        watching.pipeline.set_rules(start.rules, start.at)
        if watching.recording is not None:
            recording = watching.recording
            self._teardown.add("recording", lambda: _close(recording))
        if not self._settings.binance.enabled:
            log.warning("no exchange is enabled: set binance.enabled = true")
            return
        await unless_ending(stopping, watching.metadata.fetch_first(LISTINGS_WITHIN_S))
        asking = self._facts.open_interest.before_first_tick(watched_symbols(self._settings))
        for value in await unless_ending(stopping, asking) or ():
            watching.pipeline.learn(value, self._facts.clock.now())
        self._background(tasks, "binance metadata", watching.metadata.run())
        self._background(tasks, BINANCE, watching.runner.run())

    def _start_schedule(self, tasks: asyncio.TaskGroup) -> None:
        runs = Runs()
        scheduler = build_scheduler(self._chores.jobs(watchdog_interval_s(self._environ)), runs)
        self._chores.count_failures(scheduler)
        scheduler.start()
        self._teardown.add("schedule", lambda: runs.stop(scheduler))
        self._background(
            tasks, "schedule watch", keep_timed(scheduler, SystemClock(), lagged=self._metrics.loop_lagged)
        )

    async def _say_ready(self, stopping: asyncio.Event) -> None:
        """READY when the feed is proven alive, or it is known and said why not."""
        waited_s = 0.0
        while not stopping.is_set() and self._settings.binance.enabled:
            known = self._facts.watching.board.feeds.get(BINANCE)
            complete = known is not None and known.alive and known.connected == known.connections
            if complete or (known is not None and known.problem):
                break
            # One connection is enough to watch: the other may come later.
            waited_s += READY_LOOK_S if known is not None and known.alive else 0.0
            if waited_s > SECOND_CONNECTION_S:
                break
            await asyncio.sleep(READY_LOOK_S)
        if stopping.is_set():
            return
        reasons = self._facts.readiness().blocking
        notify(f"READY=1\nSTATUS={'; '.join(reasons) or 'watching'}", self._environ)
        log.info("ready", extra={"blocking": list(reasons)})
        settle()

    async def _settle_after_first_ticks(self, stopping: asyncio.Event) -> None:
        """They build the clusters of everything that an earlier run has left."""
        try:
            async with asyncio.timeout(FIRST_TICKS * terms_of(self._settings).rebuild_s):
                await stopping.wait()
        except TimeoutError:
            settle()
            await asyncio.to_thread(give_back)

    async def _give_way(self) -> None:
        """Ends first what another liqalert does now: deciding and sending.

        Still written is what only this one knows: liquidations, gaps, and what became of messages on their way.
        """
        self._facts.delivering.recorder.renounce()
        await self._facts.delivering.sender.stop(SENDING_STOPS_WITHIN_S)

    def _background(self, tasks: asyncio.TaskGroup, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._teardown.add_task(tasks.create_task(work, name=name))

    def _web_sources(self) -> WebSources:
        facts = self._facts
        return WebSources(
            board=facts.watching.board,
            clock=facts.clock,
            alerts=facts.stores.alerts,
            liquidations=facts.stores.history,
            health=facts.health,
            readiness=facts.readiness,
            metrics=self._metrics,
            send_test=self._requests.send_test_to,
            coinglass=CoinglassSources(
                facts.watching.board, facts.clock, facts.heatmaps, facts.stores.sums, facts.stores.sums
            ),
            grids=facts.heatmaps,
            draw=facts.pictures.png,
            events=facts.events,
            offer_code=Pairing(facts.stores.enrolments, facts.clock, self._bot_name()).offer,
        )

    def _bot_name(self) -> Callable[[], str | None] | None:
        bot = self._facts.bot
        return None if bot is None else lambda: bot.name

    def _desk(self) -> Desk:
        facts, settings = self._facts, self._settings
        return Desk(
            board=facts.watching.board,
            chats=facts.stores.chats,
            enrolments=facts.stores.enrolments,
            alerts=facts.stores.alerts,
            clock=facts.clock,
            status=facts.status,
            rules_changed=self._requests.rules_changed,
            outbox_changed=self._requests.outbox_changed,
            send_test=self._requests.send_test,
            standard=standard_of(settings),
            zone_name=settings.telegram.timezone,
            picture=facts.pictures.photo,
            estimate=Estimator(
                facts.stores.database, terms_of(settings), watched_instruments(settings), facts.clock
            ).estimate,
        )


async def _close(recording: Recording) -> None:
    recording.close()
