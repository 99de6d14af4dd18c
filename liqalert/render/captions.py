"""The numbers under a picture of the heatmap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from liqalert.core.clusters import Cluster
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import PositionSide
from liqalert.render.answers import View
from liqalert.render.lines import composed
from liqalert.render.numbers import age, escape
from liqalert.render.text import Text


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture with its caption."""

    png: bytes
    caption: Text


def heatmap_caption(view: View, grid: HeatmapGrid) -> Text:
    """Mark with age, what stands, the nearest cluster on either side, and what is missing."""
    return composed([f"<b>{escape(grid.instrument.symbol)}, {grid.range_name}</b>, realised", *_lines(view, grid)])


def _lines(view: View, grid: HeatmapGrid) -> Iterator[str]:
    numbers = view.numbers
    mark = view.snapshot.marks.get(grid.instrument)
    for status in view.feeds:
        if status.exchange == grid.instrument.exchange and not status.alive:
            yield f"<b>The feed is not alive since {view.when(status.since)}.</b>"
    yield "No mark yet" if mark is None else f"Mark: {numbers.price(mark.price)}, {view.ago(mark.received_time)}"
    long, short = (float(usd[-1].sum()) for usd in (grid.long_usd, grid.short_usd))
    yield f"Standing (time-weighted): longs {numbers.usd(long)}, shorts {numbers.usd(short)}"
    if mark is not None:
        found = view.snapshot.clusters(max(view.now, view.snapshot.as_of), grid.instrument)
        above = [each for each in found if each.price_low > mark.price]
        below = [each for each in found if each.price_high < mark.price]
        if above:
            yield f"Nearest above: {_cluster(view, min(above, key=lambda each: each.price_low), mark.price)}"
        if below:
            yield f"Nearest below: {_cluster(view, max(below, key=lambda each: each.price_high), mark.price)}"
    blind_s = float(((1.0 - grid.watched) * grid.column_s).sum())
    if blind_s >= 1.0:
        yield f"Not watched: {age(blind_s)} of {grid.range_name}"
    yield "Binance shows at most one liquidation per symbol per second."


def _cluster(view: View, cluster: Cluster, mark: float) -> str:
    numbers = view.numbers
    edge = cluster.price_low if cluster.price_low > mark else cluster.price_high
    who = "longs" if cluster.liquidated is PositionSide.LONG else "shorts"
    return (
        f"{who} at {numbers.price(cluster.price_low)} to {numbers.price(cluster.price_high)}, "
        f"{numbers.percent(abs(edge - mark) / mark * 100.0)} away, {numbers.usd(cluster.notional_usd)}, "
        f"strength {numbers.strength(cluster.strength, cluster.baseline.calibrated)}"
    )
