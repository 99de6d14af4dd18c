"""The numbers under a picture of the heatmap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from liqalert.core.clusters import Cluster
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import Mark
from liqalert.render.answers import WEAKEST_SHOWN, View
from liqalert.render.lines import composed
from liqalert.render.numbers import age, clock_time, escape
from liqalert.render.text import Text


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture with its caption."""

    png: bytes
    caption: Text


def heatmap_caption(view: View, grid: HeatmapGrid) -> Text:
    """Mark with age, what stands, the nearest cluster on either side, and what is missing."""
    mark = view.snapshot.marks.get(grid.instrument)
    symbol, when = escape(grid.instrument.symbol), clock_time(grid.as_of, view.zone_name, view.now)
    return composed(
        [
            f"<b>{symbol}, {grid.range_name}</b>, realised, as of {when}",
            *_not_alive(view, grid),
            _mark(view, mark),
            *_standing(view, grid),
            *_nearest(view, grid, mark),
            *_missing(view, grid),
        ]
    )


def _not_alive(view: View, grid: HeatmapGrid) -> Iterator[str]:
    status = next((each for each in view.feeds if each.exchange == grid.instrument.exchange), None)
    if status is None:
        yield "<b>No feed has been proven alive yet.</b>"
    elif not status.alive:
        yield f"<b>The feed is not alive since {view.when(status.since)}.</b>"


def _mark(view: View, mark: Mark | None) -> str:
    return "No mark yet" if mark is None else f"Mark: {view.numbers.price(mark.price)}, {view.ago(mark.received_time)}"


def _standing(view: View, grid: HeatmapGrid) -> Iterator[str]:
    long, short = (view.numbers.usd(float(usd[-1].sum())) for usd in (grid.long_usd, grid.short_usd))
    yield f"Standing at the prices shown: longs {long}, shorts {short}"
    yield f"(time-weighted: to 37 % in {age(grid.decay_s)})"


def _nearest(view: View, grid: HeatmapGrid, mark: Mark | None) -> Iterator[str]:
    """What `/clusters` would name first, above and below the mark."""
    found = view.snapshot.clusters(view.now, grid.instrument)
    strong = [each for each in found if each.strength >= WEAKEST_SHOWN]
    if not strong:
        yield f"No cluster of strength {view.numbers.plain(WEAKEST_SHOWN)} or more"
    if mark is None:
        return
    above = [each for each in strong if each.price_low > mark.price]
    below = [each for each in strong if each.price_high < mark.price]
    around = [each for each in strong if each.price_low <= mark.price <= each.price_high]
    if above:
        nearest = min(above, key=lambda each: each.price_low)
        yield f"Nearest above, {_away(view, nearest.price_low, mark)}: {_cluster(view, nearest)}"
    for each in around:
        yield f"Around the mark: {_cluster(view, each)}"
    if below:
        nearest = max(below, key=lambda each: each.price_high)
        yield f"Nearest below, {_away(view, nearest.price_high, mark)}: {_cluster(view, nearest)}"


def _away(view: View, price: float, mark: Mark) -> str:
    return view.numbers.percent(abs(price - mark.price) / mark.price * 100.0)


def _cluster(view: View, cluster: Cluster) -> str:
    numbers = view.numbers
    prices = numbers.price_range(cluster.price_low, cluster.price_high)
    return (
        f"{cluster.liquidated}s {prices}, {numbers.usd(cluster.notional_usd)}, "
        f"strength {numbers.strength(cluster.strength, cluster.baseline.calibrated)}"
    )


def _missing(view: View, grid: HeatmapGrid) -> Iterator[str]:
    since, decay_s = view.snapshot.watching_since, view.snapshot.decay_s
    if since is None:
        yield "Nothing has been watched yet"
    elif view.now - since < decay_s:
        yield f"Watching since {age(view.now - since)} of {age(decay_s)}: clusters look weaker than they are"
    # The last column is as long as it has lasted.
    lasted_s = np.full(grid.columns, grid.column_s)
    lasted_s[-1] = grid.as_of - grid.start - (grid.columns - 1) * grid.column_s
    blind_s = float(((1.0 - grid.watched) * lasted_s).sum())
    if blind_s >= 1.0:
        newest = f", last: {escape(grid.gaps[-1].cause)}" if grid.gaps else ""
        yield f"Not watched: {age(blind_s)} of {grid.range_name}{newest}"
    if saturated_s := int(grid.saturated_s.sum()):
        yield f"Saturated: {age(saturated_s)} in which each second had a liquidation, so more were than are shown"
    yield "Binance shows at most one liquidation per symbol per second."
