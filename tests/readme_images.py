"""The images of the README, made from recorded liquidations: what the real page and the real picture show of them.

python -m tests.readme_images    writes deploy/images/page.png and deploy/images/picture.png

The recording, ../shared/data/forceorder.jsonl.gz, is not part of this repository. It holds no mark prices: as in
`liqalert replay`, prices are the liquidations' own fills.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from liqalert.app.pictures import Pictures
from liqalert.app.start import terms_of
from liqalert.board import Board
from liqalert.core.alerts import Alert
from liqalert.core.candles import CandleBook, by_column
from liqalert.core.engine import Snapshot
from liqalert.core.episodes import Decision, Episode, EpisodeMoved, Transition, alerts_in
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import RANGES
from liqalert.core.market import FeedStatus, Instrument, Liquidation, Mark
from liqalert.core.rules import RuleKind, Thresholds, rule_of
from liqalert.core.start import Start, begun
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.records import open_records
from liqalert.feeds.replay import NoJournal
from liqalert.pipeline import Pipeline
from liqalert.ports import AlertRow, ParsedFrame
from liqalert.settings import Settings
from tests.web.browser.reader import launched, reading
from tests.web.rig import BTC, FixedClock, Rig, StoredAlerts, serving
from tests.web.rig import Grids as RigGrids

ROOT = Path(__file__).parents[1]
RECORDING = ROOT.parent / "shared" / "data" / "forceorder.jsonl.gz"
IMAGES = ROOT / "deploy" / "images"
FIRST = datetime(2024, 12, 4, 16, tzinfo=UTC).timestamp()
LAST = datetime(2024, 12, 5, 1, 54, tzinfo=UTC).timestamp()
BANNER = "REPLAY of 4 and 5 December 2024: prices are the liquidations' own fills"
RANGE = "12h"
WIDTH = 1280
COLOURS = 256


class Replayed:
    """One night of BTCUSDT through parser, pipeline and engine; implements Grids over what they accepted."""

    def __init__(self) -> None:
        self.board = Board(Snapshot(FIRST, 3600.0), banner=BANNER)
        self.clock = FixedClock(FIRST)
        self.alerts: dict[str, Alert] = {}
        self.episodes: dict[str | None, Episode] = {}
        self.liquidations: list[Liquidation] = []
        self.candles = CandleBook()

    def run(self) -> None:
        terms, parser = terms_of(Settings()), BinanceParser()
        self.decay_s = terms.decay_s
        kinds = (RuleKind.NEAR, RuleKind.CASCADE)
        rules = tuple(rule_of(kind, BTC, Thresholds(1.0, 0.6, 1e6)) for kind in kinds)
        engine = begun(Start(FIRST, terms, rules))
        pipeline = Pipeline(engine, journal=NoJournal(), decide=self._decide, board=self.board)
        pipeline.shown = self._take
        for record in open_records([RECORDING]).records():
            if record.kind != "frame" or not FIRST <= record.received_time <= LAST:
                continue
            self.clock.at = now = record.received_time
            pipeline.feed_changed(FeedStatus("binance", alive=True, since=FIRST, mark_at=now), now)
            for liquidation in parser.parse(record.payload, now).liquidations:
                known = len(self.liquidations)
                pipeline.ingest(ParsedFrame((liquidation,)), now)
                if len(self.liquidations) > known:
                    fill = Mark(liquidation.instrument, liquidation.price, liquidation.event_time, now)
                    pipeline.ingest(ParsedFrame(marks=(fill,)), now)
        # The next tick has seen everything.
        self.clock.at = math.ceil(self.clock.at / terms.rebuild_s) * terms.rebuild_s
        pipeline.advance(self.clock.at)

    def _decide(self, decisions: Sequence[Decision]) -> None:
        self.alerts |= {alert.id: alert for alert in alerts_in(decisions)}
        changed = [each.episode for each in decisions if isinstance(each, Transition | EpisodeMoved)]
        self.episodes |= {episode.alert_id: episode for episode in changed}

    def _take(self, marks: Sequence[Mark], liquidations: Sequence[Liquidation]) -> None:
        self.liquidations += liquidations
        self.candles.marks(marks, {mark.instrument for mark in marks})

    def rows(self) -> tuple[AlertRow, ...]:
        """The newest first."""
        return tuple(AlertRow(alert, self.episodes.get(alert.id), ()) for alert in reversed(self.alerts.values()))

    async def grid(self, instrument: Instrument, range_name: str, at: float | None = None) -> HeatmapGrid:
        shown, now = RANGES[range_name], self.clock.at
        start = shown.start(now)
        candles = by_column(self.candles.unwritten(instrument), start, shown.column_s, shown.columns)
        around = Surroundings(candles, unwatched=((start, self.liquidations[0].received_time),))
        return build(self.liquidations, shown, around, instrument=instrument, as_of=now, decay_s=self.decay_s)


async def picture_of(replayed: Replayed) -> bytes:
    alerts = StoredAlerts(replayed.rows())
    pictures = Pictures(replayed, replayed.board, alerts, clock=replayed.clock, zone_name="UTC")
    return await pictures.png(BTC, RANGE, None)


async def page_of(replayed: Replayed) -> bytes:
    rig = Rig(board=replayed.board, clock=replayed.clock, alerts=StoredAlerts(replayed.rows()), grids=_Grids(replayed))
    look = {"path": f"/#BTCUSDT/{RANGE}", "width": WIDTH, "color_scheme": "dark"}
    async with (
        launched() as browser,
        serving(rig) as client,
        reading(browser, f"http://127.0.0.1:{client.port}", **look) as reader,
    ):
        await reader.until_shown("#state", "live, mark ")
        await reader.until_shown("#high", "standing")
        await reader.until_shown("#alerts", "near")
        # From the top down to the end of the legend.
        legend = await reader.page.locator("#legend").bounding_box()
        assert legend is not None
        bottom = legend["y"] + legend["height"] + 12
        return await reader.page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom})


class _Grids(RigGrids):
    def __init__(self, replayed: Replayed) -> None:
        super().__init__()
        self._replayed = replayed

    async def grid(self, instrument: Instrument, range_name: str, at: float | None = None) -> HeatmapGrid:
        return await self._replayed.grid(instrument, range_name, at)


def smaller(png: bytes) -> bytes:
    """The same image in fewer colours: these are drawings, not photographs."""
    out = BytesIO()
    few = Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


async def main() -> None:
    replayed = Replayed()
    replayed.run()
    IMAGES.mkdir(exist_ok=True)
    for name, png in (("page", await page_of(replayed)), ("picture", await picture_of(replayed))):
        (IMAGES / f"{name}.png").write_bytes(smaller(png))


if __name__ == "__main__":
    asyncio.run(main())
