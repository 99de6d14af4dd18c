"""The cells of a heatmap as pixels: what stood over time and price, and what stands at the end. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liqalert.core.heatmap import HeatmapGrid
from liqalert.render import colours

Pixels = NDArray[np.uint8]
"""(height, width, 3)"""

WATCHED = 0.995
"""A column of which so much was watched counts as watched: a reconnect costs less."""
HATCH_STEP, HATCH_WIDTH = 12, 3


def cells(grid: HeatmapGrid, width: int, height: int) -> Pixels:
    """Time from left to right, price from bottom to top; hatched where it was not watched, brighter the less it was."""
    standing = grid.long_usd + grid.short_usd
    largest = float(standing.max(initial=0.0))
    columns = (np.arange(width) * grid.columns) // width
    table = np.vstack([colours.scale(), np.array([colours.GROUND], dtype=np.uint8)])
    by_height = colours.steps(_by_height(standing, height), largest)
    shown = table[by_height[columns].T]
    return _hatched(shown, grid.watched[columns])


def standing_last(grid: HeatmapGrid, width: int, height: int) -> Pixels:
    """The last column as bars by price: longs from the left, shorts after them; the longest is as long as `width`."""
    long, short = (_by_height(usd[-1:], height)[0] for usd in (grid.long_usd, grid.short_usd))
    longest = float((long + short).max(initial=0.0))
    shown = np.empty((height, width, 3), dtype=np.uint8)
    shown[:] = colours.GROUND
    if longest > 0.0:
        reach = np.arange(width)[None, :]
        ends = np.ceil(long / longest * width)[:, None]
        both = np.ceil((long + short) / longest * width)[:, None]
        shown[(reach < both) & (reach >= ends)] = colours.SHORTS
        shown[reach < ends] = colours.LONGS
    return shown


def hatching(width: int, height: int) -> NDArray[np.bool_]:
    """Diagonal lines, (height, width)."""
    y, x = np.ogrid[:height, :width]
    lines: NDArray[np.bool_] = (x + y) % HATCH_STEP < HATCH_WIDTH
    return lines


def _hatched(shown: Pixels, watched: NDArray[np.float64]) -> Pixels:
    height, width, _ = shown.shape
    weight = np.where(watched > WATCHED, 0.0, 0.4 + 0.6 * (1.0 - watched))
    share = (hatching(width, height) * weight[None, :])[:, :, None]
    mixed = shown * (1.0 - share) + np.array(colours.GAP) * share
    pixels: Pixels = np.rint(mixed).astype(np.uint8)
    return pixels


def _by_height(usd: NDArray[np.float64], height: int) -> NDArray[np.float64]:
    """(columns, height) from the top, of (columns, rows) from the bottom.

    Where rows share a pixel the largest shows, and each is two pixels high at least: a picture is read on a phone.
    """
    rows = usd.shape[1]
    if not rows:
        return np.zeros((usd.shape[0], height))
    high: NDArray[np.float64] = np.maximum.reduceat(usd, (np.arange(height) * rows) // height, axis=1)
    if 2 * rows > height:
        high[:, 1:] = np.maximum(high[:, 1:], high[:, :-1])
    return high[:, ::-1]
