"""Heatmaps from the database alone: as they were shown at a moment of the past."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

from liqalert.core.candles import MINUTE_S, Candle, by_column
from liqalert.core.gaps import merged
from liqalert.core.heatmap import HeatmapGrid, Surroundings, build
from liqalert.core.heatmap_cells import KEPT_DECAYS, Range
from liqalert.core.market import Gap, Instrument, UnixTime
from liqalert.storage.candles import CandleStore
from liqalert.storage.liquidation_sums import LiquidationSums


async def rebuilt(
    sums: LiquidationSums,
    candles: CandleStore,
    instrument: Instrument,
    shown: Range,
    *,
    at: UnixTime,
    decay_s: float,
    running: Sequence[Gap] = (),
    down_since: UnixTime | None = None,
) -> HeatmapGrid:
    """Computed in a thread. `running` and `down_since`: as for `surroundings_of`. Raises StorageError."""
    start = shown.start(at)
    stored = await sums.all_between([instrument], since=start - KEPT_DECAYS * decay_s, until=math.inf)
    known = [each for each in stored if each.received_time <= at]
    # A minute that had not ended then would show what came after.
    minutes = await candles.read(instrument, start, at - MINUTE_S + 1e-6)
    surroundings = await surroundings_of(
        sums, minutes, shown, at, exchange=instrument.exchange, running=running, down_since=down_since
    )
    return await asyncio.to_thread(build, known, shown, surroundings, instrument=instrument, as_of=at, decay_s=decay_s)


async def surroundings_of(
    sums: LiquidationSums,
    candles: Sequence[Candle],
    shown: Range,
    now: UnixTime,
    *,
    exchange: str,
    running: Sequence[Gap] = (),
    down_since: UnixTime | None = None,
) -> Surroundings:
    """What a grid shows besides liquidations. `running`: the gaps that last still, which are written when they end.
    `down_since`: the feed is not alive now, and was last seen so then."""
    start = shown.start(now)
    recorded_since = await sums.recorded_since(exchange)
    known = (*await sums.gaps_since(exchange, start), *running)
    gaps = tuple(_known_at(gap, now) for gap in known if gap.start < now)
    unwatched = [(gap.start, now if gap.end is None else gap.end) for gap in gaps]
    if recorded_since is None or recorded_since > start:
        unwatched.append((start, now if recorded_since is None else recorded_since))
    if down_since is not None and down_since < now:
        unwatched.append((down_since, now))
    return Surroundings(by_column(candles, start, shown.column_s, shown.columns), gaps, merged(unwatched))


def _known_at(gap: Gap, now: UnixTime) -> Gap:
    """What was known of `gap` at `now`."""
    return replace(gap, end=None) if gap.end is not None and gap.end > now else gap
