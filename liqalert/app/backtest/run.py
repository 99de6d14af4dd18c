"""The command `liqalert backtest`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from liqalert.app.backtest.collector import Collector, Evaluated, around
from liqalert.app.backtest.recorded import over_files
from liqalert.app.backtest.stored import over_history, read_history
from liqalert.app.start import terms_of
from liqalert.clock import SystemClock
from liqalert.core.evaluation import Figures, Share, Shares
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument
from liqalert.core.terms import Terms
from liqalert.feeds.records import PriceSource
from liqalert.ports import StorageError
from liqalert.render.backtest import backtest_text
from liqalert.render.backtest_plot import backtest_png
from liqalert.settings import Settings
from liqalert.storage.database import Database
from liqalert.storage.schema import expect_ours

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
    instruments = [Instrument(BINANCE, symbol) for symbol in options.symbols]
    terms = terms_of(settings)
    collector = Collector(grid, rearm_ratio=terms.rearm_ratio, memory_s=terms.memory_s)
    if options.paths:
        source = over_files(
            options.paths, instruments, collector, settings=settings, open_interest=options.open_interest
        )
    else:
        source = asyncio.run(_over_database(options, instruments, collector, terms))
    found = collector.evaluated()
    for sentence in _lacking(found):
        print(sentence, file=sys.stderr)  # noqa: T201 - to who asked
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


def _lacking(found: Evaluated) -> Iterator[str]:
    """What some of the instruments lack, in a sentence each."""
    if found.priceless and found.began is not None:
        yield f"There are no prices of {_names(found.priceless)} in what was given: it counts for nothing."
    if found.guessed:
        yield (
            f"Strengths of {_names(found.guessed)} are a guess, because neither its history nor its open interest is "
            "known: over FILES, give --open-interest SYMBOL=USD."
        )


def _names(instruments: Iterable[Instrument]) -> str:
    return ", ".join(instrument.symbol for instrument in instruments)


async def _over_database(
    options: BacktestOptions, instruments: Sequence[Instrument], collector: Collector, terms: Terms
) -> PriceSource:
    now = SystemClock().now()
    async with Database(options.settings.database.url) as database:
        if database.path is not None and not database.path.exists():
            raise StorageError(f"there is no database {database.path} yet: give FILES, or let `liqalert run` fill one")
        await expect_ours(database)
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
    per_day: float | None
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
