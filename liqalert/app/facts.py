"""What /healthz, /readyz, /metrics and /status say: from memory and at once, but for what /status asks the database."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import liqalert
from liqalert.app.candles import CandleDesk
from liqalert.app.dead_man import DeadMansSwitch, is_anybody_told
from liqalert.app.heatmaps import HeatmapDesk
from liqalert.app.keeping import dropped_sentence, storage_figures, waiting_phrase
from liqalert.app.mark_ages import AgesOfTick, MarkAge, all_stopped, never_sentence, stopped_sentence
from liqalert.app.parts import Delivering, Stores, Watching
from liqalert.app.pictures import Pictures
from liqalert.app.start import watched_instruments
from liqalert.bot.telegram_bot import TelegramBot
from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import REST_ON_MARKS
from liqalert.feeds.binance_open_interest import OpenInterestDesk
from liqalert.ports import StorageError
from liqalert.ports.channels import TELEGRAM
from liqalert.render.numbers import age
from liqalert.render.status import StatusFacts
from liqalert.settings import Settings
from liqalert.storage.lock import Hold
from liqalert.storage.soundness import Damage
from liqalert.web.events import Events
from liqalert.web.health import Health, Readiness
from liqalert.web.metrics_figures import Figures
from liqalert.web.metrics_state import MetricsSources, OutboxFigures
from liqalert.web.metrics_storage import StorageFigures

REFRESH_WITHIN_S = 5.0
"""/status is asked for most when the database hangs: then it answers with the figures it has."""
TICKS_LATE = 3
"""The schedule is late when it has not run for so many intervals."""
BOT_SILENT_S = 90.0


@dataclass(slots=True)
class Facts:
    """Collected from the parts when somebody asks."""

    settings: Settings
    clock: Clock
    started_at: UnixTime
    stores: Stores
    delivering: Delivering
    watching: Watching
    open_interest: OpenInterestDesk
    candles: CandleDesk
    heatmaps: HeatmapDesk
    pictures: Pictures
    events: Events
    hold: Hold
    """Keeps other liqalerts off the database."""
    damage: Damage | None = None
    """What became of the database at this start, where it was damaged."""
    pings: DeadMansSwitch | None = None
    bot: TelegramBot | None = None
    web_problem: str | None = None
    scheduled_at: UnixTime = -math.inf
    """When the scheduled tick last ran."""
    depth: int = 0
    oldest_at: UnixTime | None = None
    nobody_on_telegram: bool = False
    """There is a bot, and nobody has enrolled with it."""
    clock_off_s: float = 0.0
    """How far the machine's clock is ahead of the one that is gone by."""
    failed_jobs: Counter[str] = field(default_factory=Counter)
    _ages: AgesOfTick = field(default_factory=AgesOfTick)

    # ------------------------------------------------------------ for the web

    def health(self) -> Health:
        late_after = max(self.scheduled_at, self.started_at) + TICKS_LATE * self.watching.engine.terms.rebuild_s
        caught = {
            "feed": dict(self.watching.runner.status.rejected).get("internal_error", 0),
            "delivery": sum(n for (_, status), n in self.delivering.sender.counts.items() if status == "unexpected"),
            "tick": self.watching.pipeline.failed_ticks + self.failed_jobs.total(),
        }
        on_time = self.clock.now() <= late_after
        return Health(on_time, self.watching.pipeline.ticked_at, tuple(caught.items()))

    def readiness(self) -> Readiness:
        return Readiness(tuple(self._blocking()), tuple(self._notes()))

    def outbox(self) -> OutboxFigures:
        settled = tuple(
            (channel, status, count) for (channel, status), count in sorted(self.delivering.sender.counts.items())
        )
        return OutboxFigures(self.depth, self.oldest_at, settled)

    def metrics_sources(self) -> MetricsSources:
        return MetricsSources(
            self.watching.board,
            self.clock,
            outbox=self.outbox,
            health=self.health,
            readiness=self.readiness,
            storage=self.storage,
            figures=self.figures,
        )

    def storage(self) -> StorageFigures:
        return storage_figures(self.stores, self.delivering, self.candles, writable=not self.database_problems())

    def figures(self) -> Figures:
        watching = self.watching
        watched = {*watched_instruments(self.settings), *watching.engine.ruled()}
        made = watching.engine.baselines.made()
        return Figures(
            liquidations=tuple((verdict.value, count) for verdict, count in sorted(watching.pipeline.verdicts.items())),
            baselines=tuple((owner, made[owner]) for owner in sorted(made) if owner[0] in watched),
            clock_off_s=self.clock_off_s,
        )

    # ------------------------------------------------------------ for the chat

    async def status(self) -> StatusFacts:
        await self.refresh()
        figures = self.storage()
        state = "writable" if figures.writable else "not writable"
        return StatusFacts(
            version=liqalert.__version__,
            started_at=self.started_at,
            database=", ".join(filter(None, (self.stores.database.name, state, waiting_phrase(figures)))),
            outbox_waiting=self.depth,
            outbox_oldest_at=self.oldest_at,
            problems=(*self.database_problems(), *self._unseen(), *self._notes()),
        )

    async def refresh(self) -> None:
        """Counts what waits in the outbox, and who is enrolled. Keeps the old figures when the database cannot say."""
        try:
            async with asyncio.timeout(REFRESH_WITHIN_S):
                self.depth, self.oldest_at = await self.stores.outbox.waiting()
                self.nobody_on_telegram = self.bot is not None and not await self.stores.enrolments.any_on(TELEGRAM)
        except (StorageError, TimeoutError):
            return

    # ------------------------------------------------------------ details

    def _blocking(self) -> list[str]:
        feeds = self.watching.board.feeds.values()
        reasons = [
            f"{feed.exchange} is not proven alive: {feed.problem or 'no marks yet'}" for feed in feeds if not feed.alive
        ]
        if not feeds:
            enabled = self.settings.binance.enabled
            reasons.append("binance: no marks yet" if enabled else "no exchange is enabled: set binance.enabled = true")
        return [*reasons, *self._unseen(), *self.database_problems()]

    def database_problems(self) -> list[str]:
        """Why the database cannot be written; empty while it can."""
        journal = self.stores.journal.problem
        problems = [self.delivering.recorder.problem, f"liquidations are not kept: {journal}" if journal else None]
        return [problem for problem in (*problems, self.hold.problem) if problem]

    def mark_ages(self) -> tuple[MarkAge, ...]:
        """Of the instruments whose rules rest on marks, while their feed is alive."""
        board, ruled = self.watching.board, self.watching.engine.ruled(REST_ON_MARKS)

        def listed() -> list[Instrument]:
            # What is not listed has no marks, and that has been said.
            asked = {*watched_instruments(self.settings), *ruled}
            return [each for each in asked if self._unlisted(each) is None]

        return self._ages.of(board.feeds.values(), board.snapshot, ruled, listed)

    def _unlisted(self, instrument: Instrument) -> str | None:
        """Why nothing is to be expected of an instrument that Binance does not list."""
        marks = self.watching.board.snapshot.marks
        # Before the first marks nobody can say of which instruments none come.
        if not marks or instrument.exchange != BINANCE:
            return None
        return self.watching.metadata.unlisted(instrument.symbol, marked=instrument in marks)

    def _unseen(self) -> list[str]:
        """Why liqalert does not see what it is there for, although a feed is alive: liquidations are refused, all that
        comes is late, there are marks of no instrument whose rules rest on them, or ticks fail."""
        ages = self.mark_ages()
        doubts = [feed.refused or feed.late for feed in self.watching.board.feeds.values()]
        stopped = stopped_sentence(ages) if all_stopped(ages) else None
        return [each for each in (*doubts, stopped, self._failed_tick()) if each]

    def _failed_tick(self) -> str | None:
        """Why clusters and zones are not those of now, where the newest tick has failed."""
        if not self.watching.pipeline.failing:
            return None
        since = age(self.clock.now() - self.watching.board.snapshot.as_of)
        return f"Clusters and zones are as of {since} ago, because of an error in liqalert itself: its log has it."

    def _own_errors(self) -> str | None:
        caught = ", ".join(f"{place} {count}" for place, count in self.health().caught if count)
        if not caught:
            return None
        return f"Errors in liqalert itself since the start ({caught}): the log has each; please report them."

    def _notes(self) -> list[str]:
        ages = self.mark_ages()
        notes: list[str | None] = [
            None if all_stopped(ages) else stopped_sentence(ages),
            never_sentence(ages),
            *map(self._unlisted, watched_instruments(self.settings)),
            *self.delivering.sender.problems,
            self._own_errors(),
            *self.watching.metadata.missing,
            self.open_interest.missing,
            self.candles.missing,
            self.web_problem,
            self.watching.recording.problem if self.watching.recording else None,
            self._bot_problem(),
            self.damage.sentence if self.damage else None,
            dropped_sentence(self.storage()),
            self._ping_problem(),
        ]
        if self.nobody_on_telegram:
            notes.append(
                "telegram.token is set, but no chat is enrolled: run `liqalert pair`, and send the bot the code."
            )
        elif self.delivering.remembered.nobody:
            notes.append(
                "no chat can be reached: each has blocked the bot or was removed. Who writes to it is told again."
            )
        return [note for note in notes if note]

    def channel_problems(self) -> Mapping[str, Sequence[str]] | None:
        """Why alerts may not arrive, by channel; None while the database refuses, which is no channel's fault."""
        return None if self.database_problems() else self.delivering.sender.problems_by_part

    def is_anybody_told(self) -> bool:
        """Whether an alert would get through to anybody, as far as is known."""
        since = self.bot.cut_off_since if self.bot is not None else None
        cut_off_s = 0.0 if since is None else self.clock.now() - since
        delivering = self.delivering
        return is_anybody_told(delivering.sender.working, delivering.remembered.channels, telegram_cut_off_s=cut_off_s)

    def _ping_problem(self) -> str | None:
        if self.pings is None:
            return None
        if not self.is_anybody_told():
            return "Nobody can be told of an alert now: owner.ping_url is not asked for, so expect its alarm."
        return self.pings.problem

    def _bot_problem(self) -> str | None:
        if self.bot is None:
            return None
        if self.bot.problem is not None:
            return self.bot.problem
        if self.bot.polled_at is not None and self.clock.now() - self.bot.polled_at > BOT_SILENT_S:
            return "Telegram has not answered for over a minute: commands wait, alerts are still tried."
        return None
