"""Builds the daemon's parts from Settings. Constructors only assign; `lifecycle` starts what has to run."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import aiohttp

from liqalert.app.dead_man import DeadMansSwitch
from liqalert.app.opening import Opening
from liqalert.app.world import World
from liqalert.board import Board
from liqalert.bot.telegram_bot import TelegramApplication, build_application
from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument
from liqalert.core.start import Start, begun
from liqalert.delivery.letters import Composer
from liqalert.delivery.post import Limits
from liqalert.delivery.recorder import DecisionRecorder
from liqalert.delivery.remembered import RememberedAudience
from liqalert.delivery.sender import Sender
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.binance_metadata import BinanceMetadata
from liqalert.feeds.binance_names import unknown_names
from liqalert.feeds.binance_rest import BinanceRest
from liqalert.feeds.intake import Feed, Timekeeping
from liqalert.feeds.liveness import Past
from liqalert.feeds.recording import Recording
from liqalert.feeds.runner import FeedRunner
from liqalert.notifiers.apprise import AppriseNotifier
from liqalert.notifiers.console import ConsoleNotifier
from liqalert.notifiers.telegram import TelegramNotifier
from liqalert.notifiers.webhook import WebhookNotifier
from liqalert.pipeline import Pipeline
from liqalert.ports import Notifier
from liqalert.ports.channels import APPRISE, CONSOLE, TELEGRAM, WEBHOOK
from liqalert.settings import Settings
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.baselines import BaselineStore
from liqalert.storage.candles import CandleStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.evidence import MEMBERS_S
from liqalert.storage.journal import BatchJournal, JournalReader
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.roster import ChatRoster
from liqalert.storage.slots import SlotHistory
from liqalert.storage.starts import StartLedger

log = logging.getLogger(__name__)

Decide: TypeAlias = Callable[[Sequence[Decision]], None]


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that reads and writes the database."""

    database: Database
    journal: BatchJournal
    history: JournalReader
    alerts: AlertStore
    outbox: DeliveryOutbox
    amendments: MessageAmendments
    chats: ChatDirectory
    enrolments: Enrolments
    baselines: BaselineStore
    candles: CandleStore
    sums: LiquidationSums
    slots: SlotHistory
    starts: StartLedger


def build_stores(database: Database, *, history_s: float = MEMBERS_S) -> Stores:
    """`history_s`: for how long the engine keeps liquidations."""
    return Stores(
        database=database,
        journal=BatchJournal(database),
        history=JournalReader(database),
        alerts=AlertStore(database, history_s=history_s),
        outbox=DeliveryOutbox(database),
        amendments=MessageAmendments(database),
        chats=ChatDirectory(database),
        enrolments=Enrolments(database),
        baselines=BaselineStore(database),
        candles=CandleStore(database),
        sums=LiquidationSums(database),
        slots=SlotHistory(database),
        starts=StartLedger(database),
    )


@dataclass(frozen=True, slots=True)
class Delivering:
    """The way out: decisions into the database, deliveries to the channels."""

    sender: Sender
    recorder: DecisionRecorder
    remembered: RememberedAudience
    telegram: TelegramApplication | None


def build_delivering(
    settings: Settings, stores: Stores, world: World, *, session: aiohttp.ClientSession, random: Random
) -> Delivering:
    notifiers: dict[str, Notifier] = {}
    counts: Counter[tuple[str, str]] = Counter()
    telegram = None
    if settings.webhook.url is not None:
        url, secret = settings.webhook.url.get_secret_value(), settings.webhook.secret
        notifiers[WEBHOOK] = WebhookNotifier(
            session, url, secret=secret.get_secret_value() if secret else None, clock=world.clock
        )
    if settings.apprise.urls:
        notifiers[APPRISE] = AppriseNotifier([url.get_secret_value() for url in settings.apprise.urls])
    if settings.console_enabled:
        notifiers[CONSOLE] = ConsoleNotifier(sys.stdout)
    if settings.telegram.token is not None:
        telegram = build_application(settings.telegram.token.get_secret_value(), settings.telegram.api_url)
        notifiers[TELEGRAM] = TelegramNotifier(telegram.bot, counts)
    # Prometheus sees no growth in what appears with its first count.
    counts.update({(name, status): 0 for name in notifiers for status in ("sent", "late", "dead", "failed")})
    sender = Sender(
        stores.outbox,
        notifiers,
        chats=stores.chats,
        history=stores.alerts,
        amendments=stores.amendments,
        clock=world.clock,
        random=random,
        composer=Composer(settings.telegram.timezone, world.banner, settings.web.public_url),
        limits=Limits(settings.alerts.digest_after, settings.alerts.daily_cap),
        # The recorder is made below: it wakes the sender.
        tell=lambda notice: recorder.put_notice(notice),
        counts=counts,
    )
    remembered = RememberedAudience(ChatRoster(stores.database))
    recorder = DecisionRecorder(
        stores.alerts, sender, audience=stores.outbox, clock=world.clock, remembered=remembered.recipients
    )
    return Delivering(sender, recorder, remembered, telegram)


@dataclass(frozen=True, slots=True)
class Watching:
    """The way in: frames to decisions."""

    engine: Engine
    board: Board
    pipeline: Pipeline
    parser: BinanceParser
    rest: BinanceRest
    metadata: BinanceMetadata
    runner: FeedRunner
    recording: Recording | None

    def mark_price(self, instrument: Instrument) -> float | None:
        """The newest mark of the last tick."""
        mark = self.board.snapshot.marks.get(instrument)
        return mark.price if mark else None


def build_watching(
    settings: Settings,
    start: Start,
    *,
    stores: Stores,
    delivering: Delivering,
    session: aiohttp.ClientSession,
    world: World,
    random: Random,
) -> Watching:
    engine = begun(start)
    board = Board(engine.snapshot(start.at), banner=world.banner)
    parser = BinanceParser()
    rest = BinanceRest(session, rest_url=settings.binance.rest_url, coin_rest_url=settings.binance.coin_rest_url)
    recording, opening = None, Opening(start, engine, board)
    if settings.recording.directory is not None:
        recording = Recording(settings.recording.directory, opening=opening)
    metadata = BinanceMetadata(rest, parser, recorder=recording, clock=world.clock)
    opening.answers = lambda: metadata.answers
    pipeline = Pipeline(
        engine,
        journal=stores.journal,
        decide=_shown_to(world.observe, delivering.recorder.put),
        board=board,
        recorder=recording,
    )
    pipeline.resume(start.watching_since, start.watched_until)
    return Watching(
        engine=engine,
        board=board,
        pipeline=pipeline,
        parser=parser,
        rest=rest,
        metadata=metadata,
        runner=FeedRunner(
            build_feed(settings, parser, connections=settings.binance.connections),
            session=session,
            sink=pipeline,
            recorder=recording,
            time=Timekeeping(world.clock, world.heard),
            random=random,
            patience=world.patience(),
            past=Past(start.watched_until, start.gaps),
        ),
        recording=recording,
    )


def build_feed(settings: Settings, parser: BinanceParser, *, connections: int = 1) -> Feed:
    return Feed(BINANCE, stream_url(settings.binance.ws_url), parser, connections, unknown_names)


def build_pings(settings: Settings, session: aiohttp.ClientSession) -> DeadMansSwitch | None:
    url = settings.owner.ping_url
    return None if url is None else DeadMansSwitch(session, url.get_secret_value())


def _shown_to(observe: Decide | None, decide: Decide) -> Decide:
    """`decide`, after `observe` has seen what is decided."""
    if observe is None:
        return decide
    watching = observe

    def both(decisions: Sequence[Decision]) -> None:
        watching(decisions)
        decide(decisions)

    return both
