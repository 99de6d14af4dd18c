"""What a page in the browser is shown: grids of liquidations that a test adds to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from playwright.async_api import Browser

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.candles import Candle
from liqalert.core.episodes import Episode, EpisodeState, Reason
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import AlertRow
from tests.web import rig as rigs
from tests.web.browser.reader import Reader, reading
from tests.web.browser.wire import Wire, wire_to
from tests.web.rig import BTC, NOW, zone

HOUR = "/#BTCUSDT/1h"


def liquidation(received: float, *, price: float = 100.0, usd: float = 5000.0, of: Instrument = BTC) -> Liquidation:
    return Liquidation(of, PositionSide.LONG, price, usd / price, usd, received, received)


def a_day(count: int) -> list[Liquidation]:
    """`count` of them, over the last day and all the prices that are shown."""
    random = Random(7)
    return [
        liquidation(
            NOW - random.uniform(1.0, 86_400.0), price=random.uniform(96.0, 104.0), usd=random.uniform(1e3, 1e6)
        )
        for _ in range(count)
    ]


def near(state: EpisodeState = EpisodeState.COOLING, outcome: EpisodeState | None = EpisodeState.HELD) -> AlertRow:
    rule = Rule(RuleKind.NEAR, BTC, distance_pct=1.0, min_strength=0.6)
    evidence = Evidence(
        mark_price=99.75,
        mark_at=NOW - 1200.0,
        distance_pct=0.75,
        rule_distance_pct=1.0,
        rearm_pct=1.4,
        zone_strength=0.84,
        strength_now=0.1,
        min_strength=0.6,
    )
    alert = Alert("a-1", "near", NOW - 1200.0, Reason.WITHIN_DISTANCE, rule, zone(), "e-1", evidence)
    return AlertRow(alert, Episode("e-1", rule, "z-1", state, NOW - 900.0, "a-1", outcome), ())


@dataclass
class Grids(rigs.Grids):
    """Grids of `held`, by what had been received; candles around `price`, and around 2000 for the other instrument."""

    held: Sequence[Liquidation] = ()
    unwatched: tuple[tuple[float, float], ...] = ()
    decay_s: float = 3600.0
    price: float = 100.0
    slow: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.slow.set()

    async def grid(self, instrument: Instrument, range_name: str, at: float | None = None) -> HeatmapGrid:
        self.asked.append((instrument, range_name, at))
        if self.broken:
            raise self.broken
        as_of, shown = self.as_of, RANGES[range_name]
        known = [each for each in self.held if each.instrument == instrument and each.received_time <= as_of]
        middle = self.price if instrument == BTC else 2000.0
        opens = [shown.start(as_of) + column * shown.column_s for column in range(shown.columns)]
        candles = tuple(Candle(each, middle, middle * 1.01, middle * 0.99, middle) for each in opens)
        around = Surroundings(candles, unwatched=self.unwatched)
        grid = build(known, shown, around, instrument=instrument, as_of=as_of, decay_s=self.decay_s)
        await self.slow.wait()
        return grid


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def loaded(reader: Reader) -> None:
    await reader.until_shown("#state", "live, mark 100")
    await reader.until_shown("#hover", "Point at a cell")
    await reader.until_shown("#clusters", "long")


@asynccontextmanager
async def over_wire(browser: Browser, rig: rigs.Rig) -> AsyncIterator[tuple[Wire, Reader]]:
    """A page that has loaded, and what connects it."""
    async with (
        rigs.serving(rig) as client,
        wire_to(client.port) as wire,
        reading(browser, address(wire.port), path=HOUR) as reader,
    ):
        await loaded(reader)
        yield wire, reader


async def until_cell(reader: Reader, words: str) -> None:
    async def shown() -> bool:
        return words in await reader.newest_cell()

    await reader.until(shown, f"no cell with {words!r}")
