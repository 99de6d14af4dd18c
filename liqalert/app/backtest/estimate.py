"""The estimate of alerts a day that /settings shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from liqalert.clock import Clock
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Thresholds
from liqalert.core.terms import Terms
from liqalert.ports import StorageError
from liqalert.render.menu import Estimate
from liqalert.storage.database import Database

ESTIMATE_DAYS = 7.0
ESTIMATE_EVERY_S = 3600.0
COARSE_TICK_S = 60.0
"""Twelve times cheaper than the daemon's ticks, and good enough for a count."""
DAY_S = 86_400.0


class Estimator:
    """Knows how many alerts a day thresholds would have given on the watched instruments, from the last seven days."""

    def __init__(self, database: Database, terms: Terms, instruments: Sequence[Instrument], clock: Clock) -> None:
        self._database = database
        self._terms = replace(terms, rebuild_s=max(terms.rebuild_s, COARSE_TICK_S))
        self._instruments = tuple(instruments)
        self._clock = clock
        self._known: dict[tuple[float, float], tuple[UnixTime, Estimate | None]] = {}
        self._busy = asyncio.Lock()

    async def estimate(self, thresholds: Thresholds) -> Estimate | None:
        """None where less than a day is known, or the database does not answer."""
        key = (thresholds.distance_pct, thresholds.min_strength)
        async with self._busy:
            made_at, known = self._known.get(key, (0.0, None))
            if not 0.0 <= self._clock.now() - made_at < ESTIMATE_EVERY_S:
                known = await self._estimate(*key)
                self._known[key] = (self._clock.now(), known)
        return known

    async def _estimate(self, distance_pct: float, min_strength: float) -> Estimate | None:
        # Not before someone asks: the daemon starts without all that a backtest needs.
        from liqalert.app.backtest.collector import Collector, Grid
        from liqalert.app.backtest.stored import over_history, read_history

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
        per_day = found.figures[0].per_day
        if per_day is None:
            return None
        symbols = tuple(instrument.symbol for instrument in self._instruments)
        return Estimate(per_day, found.days, symbols)
