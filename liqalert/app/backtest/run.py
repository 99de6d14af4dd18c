"""The command `liqalert backtest`, and the estimate of alerts a day that /settings shows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from liqalert.app.backtest.collector import Collector, Evaluated, Grid, around
from liqalert.app.backtest.recorded import over_files
from liqalert.app.backtest.stored import over_history, read_history
from liqalert.app.start import EXCHANGE, terms_of
from liqalert.clock import Clock, SystemClock
from liqalert.core.evaluation import Figures, Share, Shares
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Thresholds
from liqalert.core.terms import Terms
from liqalert.feeds.records import PriceSource
from liqalert.ports import StorageError
from liqalert.render.backtest import backtest_text
from liqalert.render.backtest_plot import backtest_png
from liqalert.settings import Settings
from liqalert.storage.database import Database

ESTIMATE_DAYS = 7.0
LEAST_DAYS = 1.0
ESTIMATE_EVERY_S = 3600.0
COARSE_TICK_S = 60.0
"""Of an estimate: twelve times cheaper than the daemon's ticks, and good enough for a count."""
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What to compare, on what."""

    paths: tuple[Path, ...]
    """Empty: the database of the settings."""
    symbols: tuple[str, ...]
    distance_pct: float
    min_strength: float
    days: float
    """Of the database, back from now."""
    as_json: bool
    plot: Path | None
    open_interest: Mapping[str, float]
    settings: Settings


def backtest(options: BacktestOptions) -> int:
    """Prints the table. 0, or 1 when there was nothing to go by. Raises UnreadableRecords, StorageError, OSError."""
    grid, settings = around(options.distance_pct, options.min_strength), options.settings
    instruments = [Instrument(EXCHANGE, symbol) for symbol in options.symbols]
    terms = terms_of(settings)
    collector = Collector(grid, rearm_ratio=terms.rearm_ratio, memory_s=terms.memory_s)
    if options.paths:
        source = over_files(
            options.paths, instruments, collector, settings=settings, open_interest=options.open_interest
        )
    else:
        source = asyncio.run(_over_database(options, instruments, collector, terms))
    found = collector.evaluated()
    if options.as_json:
        print(msgspec.json.encode(_answer(found, options.symbols, source)).decode())  # noqa: T201 - what the command was asked for
    else:
        fills = source is PriceSource.FILLS
        print(f"{', '.join(options.symbols)}, kind near.")  # noqa: T201 - what the command was asked for
        print(  # noqa: T201 - what the command was asked for
            backtest_text(found.figures, began=found.began, ended=found.ended, days=found.days, from_fills=fills)
        )
    if options.plot is not None and found.began is not None:
        title = f"{', '.join(options.symbols)}: alerts of kind near over {found.days:.2f} watched days"
        options.plot.write_bytes(backtest_png(found.figures, title))
    return 0 if found.began is not None else 1


async def _over_database(
    options: BacktestOptions, instruments: Sequence[Instrument], collector: Collector, terms: Terms
) -> PriceSource:
    now = SystemClock().now()
    async with Database(options.settings.database.url) as database:
        if database.path is not None and not database.path.exists():
            raise StorageError(f"there is no database {database.path} yet: give FILES, or let `liqalert run` fill one")
        history = await read_history(database, instruments, now - options.days * DAY_S, now)
    over_history(history, instruments, collector, terms)
    return history.prices


# ---------------------------------------------------------------- as JSON


class ShareItem(msgspec.Struct, frozen=True):
    count: int
    of: int
    share: float | None
    low: float
    high: float


class SharesItem(msgspec.Struct, frozen=True):
    touched: ShareItem
    swept: ShareItem
    held: ShareItem


class Row(msgspec.Struct, frozen=True):
    distance_pct: float
    min_strength: float
    alerts: int
    still_open: int
    per_day: float
    alerted: SharesItem
    random: SharesItem
    median_touch_s: float | None
    median_move_1h_pct: float | None


class Answer(msgspec.Struct, frozen=True):
    symbols: tuple[str, ...]
    prices: str
    watched_days: float
    rows: tuple[Row, ...]


def _answer(found: Evaluated, symbols: tuple[str, ...], source: PriceSource) -> Answer:
    return Answer(symbols, source.value, round(found.days, 4), tuple(_row(figures) for figures in found.figures))


def _row(figures: Figures) -> Row:
    return Row(
        distance_pct=figures.distance_pct,
        min_strength=figures.min_strength,
        alerts=figures.alerts,
        still_open=figures.still_open,
        per_day=figures.per_day,
        alerted=_shares(figures.alerted),
        random=_shares(figures.random),
        median_touch_s=figures.median_touch_s,
        median_move_1h_pct=figures.median_move_pct,
    )


def _shares(shares: Shares) -> SharesItem:
    return SharesItem(_share(shares.touched), _share(shares.swept), _share(shares.held))


def _share(share: Share) -> ShareItem:
    low, high = share.interval
    return ShareItem(share.count, share.of, share.value, low, high)


# ---------------------------------------------------------------- for /settings


class Estimator:
    """Says how many alerts a day thresholds would have given on the watched instruments, from the last seven days."""

    def __init__(self, database: Database, terms: Terms, instruments: Sequence[Instrument], clock: Clock) -> None:
        self._database = database
        self._terms = replace(terms, rebuild_s=max(terms.rebuild_s, COARSE_TICK_S))
        self._instruments = tuple(instruments)
        self._clock = clock
        self._known: dict[tuple[float, float], tuple[UnixTime, str | None]] = {}
        self._busy = asyncio.Lock()

    async def sentence(self, thresholds: Thresholds) -> str | None:
        """None where less than a day is known, or the database does not answer."""
        key = (thresholds.distance_pct, thresholds.min_strength)
        async with self._busy:
            made_at, sentence = self._known.get(key, (0.0, None))
            if not 0.0 <= self._clock.now() - made_at < ESTIMATE_EVERY_S:
                sentence = await self._estimate(*key)
                self._known[key] = (self._clock.now(), sentence)
        return sentence

    async def _estimate(self, distance_pct: float, min_strength: float) -> str | None:
        now = self._clock.now()
        collector = Collector(
            Grid((distance_pct,), (min_strength,)), rearm_ratio=self._terms.rearm_ratio, memory_s=self._terms.memory_s
        )
        try:
            history = await read_history(self._database, self._instruments, now - ESTIMATE_DAYS * DAY_S, now)
        except StorageError:
            return None
        await asyncio.to_thread(over_history, history, self._instruments, collector, self._terms)
        found = await asyncio.to_thread(collector.evaluated)
        if found.days < LEAST_DAYS:
            return None
        names = ", ".join(instrument.symbol for instrument in self._instruments)
        per_day = found.figures[0].per_day
        return f"About {per_day:.1f} near alerts a day on {names}, by the last {found.days:.1f} days."
